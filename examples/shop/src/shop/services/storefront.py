"""The shop's face: what a browser would call."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from shop.service import Operations, Payload, Shop, current_shopper


class Storefront:
    """Puts the other services' answers together."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._views = shop.meter.create_counter("shop.page.views", unit="{view}", description="Pages seen, by kind.")

    async def home(self, _request: Request) -> Payload:
        """Show the first products."""
        return self._show("home", await self._shop.call("catalogue", "GET /products"))

    async def browse(self, request: Request) -> Payload:
        """Show a category."""
        query = {"category": request.path_params["category"]}
        return self._show("category", await self._shop.call("catalogue", "GET /products", query=query))

    async def product(self, request: Request) -> Payload:
        """Show a product and its stock, asked for at the same time."""
        product_id = request.path_params["product_id"]
        product, stock = await asyncio.gather(
            self._shop.call("catalogue", "GET /products/{product_id}", product_id=product_id),
            self._shop.call("inventory", "GET /stock/{product_id}", product_id=product_id),
        )
        return self._show("product", {**product, "in_stock": stock["quantity"] > 0})

    async def search(self, request: Request) -> Payload:
        """Show what a search finds."""
        query = {"q": request.query_params.get("q", "")}
        return self._show("search", await self._shop.call("catalogue", "GET /search", query=query))

    async def add_to_cart(self, request: Request) -> Payload:
        """Put a product into the shopper's cart."""
        user_id, item = current_shopper().user_id, await request.json()
        cart = await self._shop.call("cart", "POST /carts/{user_id}/items", body=item, user_id=user_id)
        self._shop.logger.info(
            "added to cart", extra={"shop.product_id": item["product_id"], "shop.lines": len(cart["lines"])}
        )
        return self._show("cart", cart)

    async def view_cart(self, _request: Request) -> Payload:
        """Show the shopper's cart."""
        user_id = current_shopper().user_id
        return self._show("cart", await self._shop.call("cart", "GET /carts/{user_id}", user_id=user_id))

    async def checkout(self, _request: Request) -> Payload:
        """Order the shopper's cart."""
        return self._show("checkout", await self._shop.call("checkout", "POST /orders"))

    async def track(self, request: Request) -> Payload:
        """Show where an order is."""
        order_id = request.path_params["order_id"]
        return self._show("order", await self._shop.call("shipping", "GET /shipments/{order_id}", order_id=order_id))

    def _show(self, page: str, content: Any) -> Payload:
        self._views.add(1, {"shop.page": page, "shop.tenant": current_shopper().tenant})
        return {"page": page, "content": content}


def create(shop: Shop) -> Operations:
    """Wire the storefront's pages."""
    pages = Storefront(shop)
    return {
        "GET /": pages.home,
        "GET /categories/{category}": pages.browse,
        "GET /products/{product_id}": pages.product,
        "GET /search": pages.search,
        "POST /cart": pages.add_to_cart,
        "GET /cart": pages.view_cart,
        "POST /checkout": pages.checkout,
        "GET /orders/{order_id}": pages.track,
    }
