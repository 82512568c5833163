"""Charges cards; a few are declined, as in life."""

from __future__ import annotations

import asyncio
import random

from starlette.requests import Request

from shop.service import Operations, Payload, Refused, Shop, current_shopper

DECLINED_RATE = 0.015
PROVIDER_LATENCY_MS = (8, 30)


class Payment:
    """Stands for a payment provider: a little slow, a little picky."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._payments = shop.meter.create_counter(
            "shop.payments", unit="{payment}", description="Payments by outcome."
        )

    async def charge(self, request: Request) -> Payload:
        """Charge an order, or refuse with 402."""
        order = await request.json()
        await asyncio.sleep(random.uniform(*PROVIDER_LATENCY_MS) / 1000)
        outcome = "declined" if random.random() < DECLINED_RATE else "charged"
        self._payments.add(1, {"shop.outcome": outcome, "shop.tenant": current_shopper().tenant})
        if outcome == "declined":
            raise Refused(402, "card declined")
        self._shop.logger.info(
            "payment charged", extra={"shop.order_id": order["order_id"], "shop.amount_cents": order["amount_cents"]}
        )
        return {"order_id": order["order_id"], "payment": outcome}


def create(shop: Shop) -> Operations:
    """Wire the payment's operation."""
    return {"POST /payments": Payment(shop).charge}
