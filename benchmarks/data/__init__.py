"""The load: a small shop of 8 services, as OTLP request bodies. Encoded by hand, because protobuf objects are slower.

Each module yields bodies for a number of items, a time range and a seed; the same arguments give the same bytes.
"""

from collections.abc import Callable

SERVICES = ("web", "orders", "basket", "billing", "products", "suggestions", "delivery", "accounts")
ROUTES = {
    service: tuple(
        f"/api/v1/{service}/{path}"
        for path in ("list", "item", "{id}", "change", "find", "{id}/lines", "state", "ping")
    )
    for service in SERVICES
}
USERS = 500_000

Keep = Callable[[list[str | int]], None]
