"""Keeps each user's cart, in memory: a restart forgets them, as many real carts do."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from starlette.requests import Request

from shop.service import Operations, Payload, Shop, Shopper, current_shopper

MAX_CARTS = 5000
MAX_LINES = 5


class Cart:
    """Carts by tenant and user; the oldest are dropped beyond MAX_CARTS."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._carts: OrderedDict[Shopper, dict[int, dict[str, int]]] = OrderedDict()
        self._active = shop.meter.create_up_down_counter(
            "shop.carts.active", unit="{cart}", description="Carts with items."
        )
        self._value = shop.meter.create_histogram(
            "shop.cart.value", unit="EUR", description="Value of a cart after an item."
        )

    async def view(self, request: Request) -> Payload:
        """Return the user's cart; an unknown one is empty."""
        return self._describe(Shopper(current_shopper().tenant, request.path_params["user_id"]))

    async def add_item(self, request: Request) -> Payload:
        """Put a product into the cart, at the catalogue's price."""
        item = await request.json()
        shopper = Shopper(current_shopper().tenant, request.path_params["user_id"])
        product = await self._shop.call("catalogue", "GET /products/{product_id}", product_id=item["product_id"])
        lines = self._open_cart(shopper)
        line = lines.setdefault(product["product_id"], {"quantity": 0, "price_cents": product["price_cents"]})
        line["quantity"] += item.get("quantity", 1)
        if len(lines) > MAX_LINES:
            del lines[next(iter(lines))]
        cart = self._describe(shopper)
        self._value.record(cart["amount_cents"] / 100, {"shop.tenant": shopper.tenant})
        return cart

    async def clear(self, request: Request) -> Payload:
        """Empty the cart."""
        shopper = Shopper(current_shopper().tenant, request.path_params["user_id"])
        if self._carts.pop(shopper, None):
            self._active.add(-1, {"shop.tenant": shopper.tenant})
        return {"lines": []}

    def _open_cart(self, shopper: Shopper) -> dict[int, dict[str, int]]:
        if shopper not in self._carts:
            self._carts[shopper] = {}
            self._active.add(1, {"shop.tenant": shopper.tenant})
        if len(self._carts) > MAX_CARTS:
            dropped, _ = self._carts.popitem(last=False)
            self._active.add(-1, {"shop.tenant": dropped.tenant})
        return self._carts[shopper]

    def _describe(self, shopper: Shopper) -> dict[str, Any]:
        lines = [{"product_id": product_id, **line} for product_id, line in self._carts.get(shopper, {}).items()]
        return {"lines": lines, "amount_cents": sum(line["quantity"] * line["price_cents"] for line in lines)}


def create(shop: Shop) -> Operations:
    """Wire the cart's operations."""
    cart = Cart(shop)
    return {
        "GET /carts/{user_id}": cart.view,
        "POST /carts/{user_id}/items": cart.add_item,
        "DELETE /carts/{user_id}": cart.clear,
    }
