"""What is in stock, and where."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Observation
from starlette.requests import Request

from shop.database import Database
from shop.service import Operations, Payload, Refused, Shop

LOW_STOCK = 50
STOCK_SQL = "SELECT product_id, warehouse, quantity FROM stock WHERE product_id = %s"
# A shelf that runs low is refilled by the next reservation: the shop runs for weeks without a supplier.
RESERVE_SQL = """UPDATE stock SET quantity = quantity - %s + CASE WHEN quantity < %s THEN 500 ELSE 0 END
WHERE product_id = %s RETURNING product_id, warehouse, quantity"""


class Inventory:
    """Keeps the quantities in its database."""

    def __init__(self, shop: Shop, database: Database) -> None:
        self._shop = shop
        self._database = database
        self._last_seen: dict[str, int] = {}
        self._reserved = shop.meter.create_counter("shop.reserved.items", unit="{item}", description="Items reserved.")
        shop.meter.create_observable_gauge(
            "shop.stock.quantity",
            [self._observe_stock],
            unit="{item}",
            description="Last seen stock of a shelf, by warehouse.",
        )

    async def get_stock(self, request: Request) -> Payload:
        """Return a product's stock, or refuse with 404."""
        rows = await self._database.fetch(STOCK_SQL, int(request.path_params["product_id"]))
        if not rows:
            raise Refused(404, "never in stock")
        self._last_seen[rows[0]["warehouse"]] = rows[0]["quantity"]
        return rows[0]

    async def reserve(self, request: Request) -> Payload:
        """Take an order's lines off the shelves and return from which warehouse it will be sent."""
        order = await request.json()
        warehouses = []
        for line in order["lines"]:
            rows = await self._database.fetch(RESERVE_SQL, line["quantity"], LOW_STOCK, line["product_id"])
            if not rows:
                raise Refused(409, f"product {line['product_id']} is not stocked")
            self._note_reservation(line, rows[0]["warehouse"], rows[0]["quantity"])
            warehouses.append(rows[0]["warehouse"])
        return {"order_id": order["order_id"], "warehouse": warehouses[0]}

    def _note_reservation(self, line: dict[str, int], warehouse: str, left: int) -> None:
        self._last_seen[warehouse] = left
        self._reserved.add(line["quantity"], {"shop.warehouse": warehouse})
        if left < LOW_STOCK:
            self._shop.logger.warning(
                "stock is low",
                extra={"shop.product_id": line["product_id"], "shop.stock.left": left, "shop.warehouse": warehouse},
            )

    def _observe_stock(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(left, {"shop.warehouse": warehouse}) for warehouse, left in list(self._last_seen.items())]


def create(shop: Shop) -> Operations:
    """Wire the inventory's operations."""
    assert shop.database is not None
    inventory = Inventory(shop, shop.database)
    return {"GET /stock/{product_id}": inventory.get_stock, "POST /reservations": inventory.reserve}
