"""The main function of a service's process."""

from __future__ import annotations

import os

import uvicorn

from shop.database import Database, trace_queries
from shop.effects import Effects
from shop.service import Shop, build_app
from shop.services import load_service
from shop.telemetry import start_telemetry
from shop.topology import control_port, port_of


def serve(service: str, base_port: int) -> None:
    """Serve one service on loopback until SIGTERM."""
    stop_telemetry = start_telemetry(service, os.environ["SHOP_VERSION"])
    effects = _read_effects(os.environ["SHOP_REGRESSION"])
    shop = Shop(service, base_port, effects)
    if dsn := os.environ.get("SHOP_DATABASE"):
        trace_queries()
        shop.database = Database(dsn, effects.query_delay_s)
    operations = load_service(service)(shop)
    app = build_app(shop, operations, f"http://127.0.0.1:{control_port(base_port)}", stop_telemetry)
    uvicorn.run(
        app,
        host="127.0.0.1",  # the fault switch must not be reachable from elsewhere
        port=port_of(service, base_port),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


def _read_effects(regression: str) -> Effects:
    """Read a bad deploy's regression, written as `errors 0.5 300`: what, at which rate, and for latency the ms."""
    if not regression:
        return Effects()
    what, rate, ms = regression.split()
    return Effects(what, float(rate), float(ms))
