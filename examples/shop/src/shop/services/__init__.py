"""The seven services, one file each: `create(shop)` returns the operations by their names in `shop.topology`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from shop.service import Operations, Shop


def load_service(name: str) -> Callable[[Shop], Operations]:
    """Import one service only, so that each process stays small."""
    create: Callable[[Shop], Operations] = import_module(f"shop.services.{name}").create
    return create
