"""Who exists, on which port, and which operation calls which: the one table that code, records and tests share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

POSTGRES = "postgres"
LOADGEN = "loadgen"
TENANTS = ("acme", "globex", "initech")
INITIAL_VERSION = "1.0.0"


class Operation(NamedTuple):
    """One route of one service, named as its server span is: `GET /products/{product_id}`."""

    service: str
    name: str


# The order is the start order (callees first) and gives each service its port: base port + position.
SERVICES = ("catalogue", "inventory", "payment", "cart", "shipping", "checkout", "storefront")
DATABASE_SERVICES = ("catalogue", "inventory")

_LIST = Operation("catalogue", "GET /products")
_PRODUCT = Operation("catalogue", "GET /products/{product_id}")
_SEARCH = Operation("catalogue", "GET /search")
_STOCK = Operation("inventory", "GET /stock/{product_id}")
_RESERVE = Operation("inventory", "POST /reservations")
_PAY = Operation("payment", "POST /payments")
_VIEW_CART = Operation("cart", "GET /carts/{user_id}")
_ADD_ITEM = Operation("cart", "POST /carts/{user_id}/items")
_CLEAR_CART = Operation("cart", "DELETE /carts/{user_id}")
_SHIP = Operation("shipping", "POST /shipments")
_TRACK = Operation("shipping", "GET /shipments/{order_id}")
_ORDER = Operation("checkout", "POST /orders")

CALLS: dict[Operation, tuple[Operation, ...]] = {
    _LIST: (),
    _PRODUCT: (),
    _SEARCH: (),
    _STOCK: (),
    _RESERVE: (),
    _PAY: (),
    _VIEW_CART: (),
    _CLEAR_CART: (),
    _SHIP: (),
    _TRACK: (),
    _ADD_ITEM: (_PRODUCT,),
    _ORDER: (_VIEW_CART, _RESERVE, _PAY, _SHIP, _CLEAR_CART),
    Operation("storefront", "GET /"): (_LIST,),
    Operation("storefront", "GET /categories/{category}"): (_LIST,),
    Operation("storefront", "GET /products/{product_id}"): (_PRODUCT, _STOCK),
    Operation("storefront", "GET /search"): (_SEARCH,),
    Operation("storefront", "POST /cart"): (_ADD_ITEM,),
    Operation("storefront", "GET /cart"): (_VIEW_CART,),
    Operation("storefront", "POST /checkout"): (_ORDER,),
    Operation("storefront", "GET /orders/{order_id}"): (_TRACK,),
}


def port_of(service: str, base_port: int) -> int:
    """Return the loopback port of a service."""
    return base_port + SERVICES.index(service)


def control_port(base_port: int) -> int:
    """Return the loopback port of the supervisor's fault control."""
    return base_port + len(SERVICES)


def dependencies_of(service: str) -> tuple[str, ...]:
    """Return what a service needs directly: other services, and `postgres` where it has a database."""
    called = {
        callee.service for operation, callees in CALLS.items() if operation.service == service for callee in callees
    }
    database = (POSTGRES,) if service in DATABASE_SERVICES else ()
    return tuple(name for name in SERVICES if name in called) + database


def operations_of(services: Iterable[str]) -> list[Operation]:
    """Return every operation of the given services."""
    return [operation for operation in CALLS if operation.service in set(services)]


def affected_by(sources: Iterable[Operation]) -> list[Operation]:
    """Return the operations that can suffer when `sources` do: themselves and all their direct and indirect callers."""
    affected = set(sources)
    grown = True
    while grown:
        callers = {caller for caller, callees in CALLS.items() if affected.intersection(callees)}
        grown = not callers <= affected
        affected |= callers
    return sorted(affected)
