"""How many shoppers of each tenant come at which hour, and what they do."""

from __future__ import annotations

import math
import random
from typing import NamedTuple

DAY_S = 86400.0
USERS_PER_TENANT = 200
PRODUCTS = 300
CATEGORIES = ("books", "kitchen", "garden", "toys", "sports", "music")
WORDS = ("red", "blue", "kettle", "robot", "guitar", "novel", "racket 1", "unicorn")


class Retailer(NamedTuple):
    """A tenant's share of the traffic and the hour at which its day peaks."""

    name: str
    share: float
    peak_hour: float


RETAILERS = (Retailer("acme", 0.60, 15), Retailer("globex", 0.28, 20), Retailer("initech", 0.12, 9))

# Which page a visit asks for, of a hundred.
ROUTES = {
    "home": 20,
    "browse": 18,
    "product": 22,
    "search": 11,
    "add_to_cart": 13,
    "view_cart": 5,
    "checkout": 7,
    "track": 4,
}


def tenant_rate(retailer: Retailer, base_rate: float, day_s: float) -> float:
    """Return a tenant's requests per second at a second of the day: a sinusoid between 40 % and 160 % of its share."""
    phase = 2 * math.pi * (day_s / DAY_S - retailer.peak_hour / 24)
    return base_rate * retailer.share * (1 + 0.6 * math.cos(phase))


def total_rate(base_rate: float, day_s: float) -> float:
    """Return all tenants' requests per second at a second of the day."""
    return sum(tenant_rate(retailer, base_rate, day_s) for retailer in RETAILERS)


def choose_tenant(random_source: random.Random, day_s: float) -> str:
    """Draw the tenant of the next request, as their rates are at that time."""
    weights = [tenant_rate(retailer, 1.0, day_s) for retailer in RETAILERS]
    return random_source.choices(RETAILERS, weights)[0].name


def choose_product(random_source: random.Random) -> int:
    """Draw a product: a few are popular, and one link in 150 leads nowhere."""
    if random_source.random() < 1 / 150:
        return PRODUCTS + 1 + random_source.randrange(50)
    return 1 + int(random_source.betavariate(1, 4) * PRODUCTS)
