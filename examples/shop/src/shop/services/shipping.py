"""Sends parcels and says where they are."""

from __future__ import annotations

import time
from collections import OrderedDict

from starlette.requests import Request

from shop.service import Operations, Payload, Refused, Shop

MAX_SHIPMENTS = 10000
STAGES = ((10.0, "packed"), (60.0, "in transit"))


class Shipping:
    """Remembers the latest shipments; older ones are forgotten and answer 404."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._shipments: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._sent = shop.meter.create_counter(
            "shop.shipments", unit="{parcel}", description="Parcels sent, by warehouse."
        )

    async def ship(self, request: Request) -> Payload:
        """Send an order from a warehouse."""
        order = await request.json()
        self._shipments[order["order_id"]] = (order["warehouse"], time.monotonic())
        if len(self._shipments) > MAX_SHIPMENTS:
            self._shipments.popitem(last=False)
        self._sent.add(1, {"shop.warehouse": order["warehouse"]})
        self._shop.logger.info(
            "parcel handed over", extra={"shop.order_id": order["order_id"], "shop.warehouse": order["warehouse"]}
        )
        return {"order_id": order["order_id"], "status": "packed"}

    async def track(self, request: Request) -> Payload:
        """Return how far a parcel is, or refuse with 404."""
        order_id = request.path_params["order_id"]
        if order_id not in self._shipments:
            raise Refused(404, f"no shipment of order {order_id}")
        warehouse, sent_at = self._shipments[order_id]
        age_s = time.monotonic() - sent_at
        status = next((stage for limit_s, stage in STAGES if age_s < limit_s), "delivered")
        return {"order_id": order_id, "warehouse": warehouse, "status": status}


def create(shop: Shop) -> Operations:
    """Wire the shipping's operations."""
    shipping = Shipping(shop)
    return {"POST /shipments": shipping.ship, "GET /shipments/{order_id}": shipping.track}
