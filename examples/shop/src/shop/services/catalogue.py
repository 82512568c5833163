"""What the shop sells."""

from __future__ import annotations

from starlette.requests import Request

from shop.database import Database
from shop.service import Operations, Payload, Refused, Shop

LIST_SQL = """SELECT product_id, name, category, price_cents FROM products
WHERE %s::text IS NULL OR category = %s ORDER BY product_id LIMIT %s"""
PRODUCT_SQL = "SELECT product_id, name, category, price_cents FROM products WHERE product_id = %s"
SEARCH_SQL = """SELECT product_id, name, category, price_cents FROM products
WHERE name ILIKE '%%' || %s || '%%' ORDER BY price_cents LIMIT 20"""


class Catalogue:
    """Reads products from its database."""

    def __init__(self, shop: Shop, database: Database) -> None:
        self._shop = shop
        self._database = database
        self._found = shop.meter.create_histogram(
            "shop.search.results", unit="{product}", description="Hits of a search."
        )

    async def list_products(self, request: Request) -> Payload:
        """Return the first products, of one category if one is named."""
        category = request.query_params.get("category")
        return await self._database.fetch(LIST_SQL, category, category, 12)

    async def get_product(self, request: Request) -> Payload:
        """Return one product, or refuse with 404."""
        product_id = request.path_params["product_id"]
        rows = await self._database.fetch(PRODUCT_SQL, int(product_id)) if product_id.isdigit() else []
        if not rows:
            raise Refused(404, f"no product {product_id}")
        return rows[0]

    async def search(self, request: Request) -> Payload:
        """Return the cheapest products whose name contains the words."""
        words = request.query_params.get("q", "")
        rows = await self._database.fetch(SEARCH_SQL, words)
        self._found.record(len(rows))
        self._shop.logger.info("search done", extra={"shop.search.words": words, "shop.search.results": len(rows)})
        return rows


def create(shop: Shop) -> Operations:
    """Wire the catalogue's operations."""
    assert shop.database is not None
    catalogue = Catalogue(shop, shop.database)
    return {
        "GET /products": catalogue.list_products,
        "GET /products/{product_id}": catalogue.get_product,
        "GET /search": catalogue.search,
    }
