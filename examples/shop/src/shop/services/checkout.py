"""Turns a cart into an order: reserve, charge, ship, empty the cart."""

from __future__ import annotations

import uuid
from typing import Any

from opentelemetry import trace
from starlette.requests import Request

from shop.service import Operations, Payload, Refused, Shop, current_shopper


class Checkout:
    """Talks to four services in turn; the first that fails ends the order."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._orders = shop.meter.create_counter("shop.orders", unit="{order}", description="Orders by outcome.")
        self._revenue = shop.meter.create_counter("shop.revenue", unit="EUR", description="Value of the orders placed.")

    async def place_order(self, _request: Request) -> Payload:
        """Order what is in the shopper's cart."""
        shopper = current_shopper()
        order_id = uuid.uuid4().hex[:10]
        trace.get_current_span().set_attribute("shop.order_id", order_id)
        try:
            cart = await self._fulfil(order_id, shopper.user_id)
        except Exception as error:
            outcome = "refused" if isinstance(error, Refused) else "failed"
            self._orders.add(1, {"shop.tenant": shopper.tenant, "shop.outcome": outcome})
            raise
        self._orders.add(1, {"shop.tenant": shopper.tenant, "shop.outcome": "placed"})
        self._revenue.add(cart["amount_cents"] / 100, {"shop.tenant": shopper.tenant})
        self._shop.logger.info(
            "order placed",
            extra={
                "shop.order_id": order_id,
                "shop.amount_cents": cart["amount_cents"],
                "shop.lines": len(cart["lines"]),
            },
        )
        return {"order_id": order_id, "amount_cents": cart["amount_cents"]}

    async def _fulfil(self, order_id: str, user_id: str) -> dict[str, Any]:
        call = self._shop.call
        cart: dict[str, Any] = await call("cart", "GET /carts/{user_id}", user_id=user_id)
        if not cart["lines"]:
            raise Refused(409, "the cart is empty")
        order = {"order_id": order_id, "lines": cart["lines"], "amount_cents": cart["amount_cents"]}
        reservation = await call("inventory", "POST /reservations", body=order)
        await call("payment", "POST /payments", body=order)
        await call("shipping", "POST /shipments", body={"order_id": order_id, "warehouse": reservation["warehouse"]})
        await call("cart", "DELETE /carts/{user_id}", user_id=user_id)
        return cart


def create(shop: Shop) -> Operations:
    """Wire the checkout's operation."""
    return {"POST /orders": Checkout(shop).place_order}
