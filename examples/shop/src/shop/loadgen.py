"""The shoppers: an open-loop stream of page requests, each a root span, with the shop's daily rhythm."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import signal
import time
from collections import deque
from datetime import datetime
from typing import Any

import httpx
from opentelemetry import baggage, context, metrics

from shop.rhythm import CATEGORIES, DAY_S, ROUTES, USERS_PER_TENANT, WORDS, choose_product, choose_tenant, total_rate
from shop.telemetry import start_telemetry
from shop.topology import LOADGEN, TENANTS, port_of

MAX_IN_FLIGHT = 100  # beyond it visits are dropped and counted: a stuck shop must not fill our memory
_logger = logging.getLogger("shop.loadgen")


class Shoppers:
    """Makes visits and remembers, per tenant, which orders were placed, to track them later."""

    def __init__(self, client: httpx.AsyncClient, storefront: str, source: random.Random) -> None:
        self._client, self._storefront, self._random = client, storefront, source
        self._orders: dict[str, deque[tuple[str, str]]] = {tenant: deque(maxlen=200) for tenant in TENANTS}
        self._full_carts: dict[str, deque[str]] = {tenant: deque(maxlen=200) for tenant in TENANTS}
        meter = metrics.get_meter("shop.loadgen")
        self._visits = meter.create_counter(
            "shop.visits", unit="{visit}", description="Page requests by page and status."
        )

    async def visit(self, page: str, tenant: str) -> None:
        """Ask for one page on behalf of one user of a tenant."""
        user_id = f"{tenant}-u{self._random.randrange(USERS_PER_TENANT)}"
        if page == "checkout" and self._full_carts[tenant]:
            user_id = self._full_carts[tenant].popleft()
        order_id = "lost-order"
        if page == "track" and self._orders[tenant]:
            user_id, order_id = self._random.choice(self._orders[tenant])
        token = context.attach(baggage.set_baggage("user.id", user_id, baggage.set_baggage("shop.tenant", tenant)))
        try:
            answer = await self._request(page, order_id)
            self._visits.add(
                1, {"shop.page": page, "shop.tenant": tenant, "http.response.status_code": answer.status_code}
            )
            self._remember(page, tenant, user_id, answer)
        except httpx.HTTPError as error:
            self._visits.add(1, {"shop.page": page, "shop.tenant": tenant, "error.type": type(error).__name__})
            _logger.warning("no page: %s", type(error).__name__, extra={"shop.page": page})
        finally:
            context.detach(token)

    async def _request(self, page: str, order_id: str) -> httpx.Response:
        product_id = choose_product(self._random)
        category, words = self._random.choice(CATEGORIES), self._random.choice(WORDS)
        item = {"product_id": product_id, "quantity": self._random.choice((1, 1, 1, 2, 3))}
        requests: dict[str, tuple[str, str, str, dict[str, Any]]] = {
            "home": ("GET", "/", "/", {}),
            "browse": ("GET", "/categories/{category}", f"/categories/{category}", {}),
            "product": ("GET", "/products/{product_id}", f"/products/{product_id}", {}),
            "search": ("GET", "/search", "/search", {"params": {"q": words}}),
            "add_to_cart": ("POST", "/cart", "/cart", {"json": item}),
            "view_cart": ("GET", "/cart", "/cart", {}),
            "checkout": ("POST", "/checkout", "/checkout", {}),
            "track": ("GET", "/orders/{order_id}", f"/orders/{order_id}", {}),
        }
        method, route, path, content = requests[page]
        return await self._client.request(method, self._storefront + path, extensions={"shop.route": route}, **content)

    def _remember(self, page: str, tenant: str, user_id: str, answer: httpx.Response) -> None:
        if page == "add_to_cart" and answer.is_success:
            self._full_carts[tenant].append(user_id)
        if page == "checkout" and answer.is_success:
            self._orders[tenant].append((user_id, answer.json()["content"]["order_id"]))


async def send_visits(shoppers: Shoppers, rate: float, time_scale: float, stopping: asyncio.Event) -> None:
    """Start visits at random moments of the wanted rate, whether or not earlier ones have been answered."""
    source, in_flight = random.Random(), set[asyncio.Task[None]]()
    dropped = metrics.get_meter("shop.loadgen").create_counter("shop.visits.dropped", unit="{visit}")
    started, midnight = time.monotonic(), datetime.now().replace(hour=0, minute=0, second=0)
    day_offset_s = (datetime.now() - midnight).total_seconds()
    due = started
    while not stopping.is_set():
        day_s = (day_offset_s + (time.monotonic() - started) * time_scale) % DAY_S
        due = max(due + source.expovariate(total_rate(rate, day_s)), time.monotonic() - 1)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), max(0.0, due - time.monotonic()))
        if len(in_flight) >= MAX_IN_FLIGHT:
            dropped.add(1)
            continue
        page = source.choices(list(ROUTES), list(ROUTES.values()))[0]
        visit = asyncio.create_task(shoppers.visit(page, choose_tenant(source, day_s)))
        in_flight.add(visit)
        visit.add_done_callback(in_flight.discard)
    for visit in in_flight:
        visit.cancel()


async def _run(base_port: int, rate: float, time_scale: float) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    storefront = f"http://127.0.0.1:{port_of('storefront', base_port)}"
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        _logger.info("load starts", extra={"shop.rate": rate, "shop.time_scale": time_scale})
        await send_visits(Shoppers(client, storefront, random.Random()), rate, time_scale, stopping)


def generate_load(base_port: int, rate: float, time_scale: float) -> None:
    """Send visits to the storefront until SIGTERM."""
    stop_telemetry = start_telemetry(LOADGEN, os.environ["SHOP_VERSION"])
    asyncio.run(_run(base_port, rate, time_scale))
    stop_telemetry()
