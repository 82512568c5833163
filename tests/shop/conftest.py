"""A real shop for each file of tests, and a real OTLP/HTTP server that keeps what the shop sends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.shop.otlp_capture import OtlpCapture

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "shop" / "src"))

if TYPE_CHECKING:
    from shop import RunningShop

FAST_EXPORT = {
    "OTEL_METRIC_EXPORT_INTERVAL": "1000",
    "OTEL_BSP_SCHEDULE_DELAY": "300",
    "OTEL_BLRP_SCHEDULE_DELAY": "300",
}


@pytest.fixture(scope="module")
def capture() -> Iterator[OtlpCapture]:
    with OtlpCapture() as server:
        yield server


@pytest.fixture(scope="module")
def shop(capture: OtlpCapture, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    from shop import running_shop

    with running_shop(tmp_path_factory.mktemp("shop"), capture.endpoint, rate=12, environment=FAST_EXPORT) as running:
        yield running
