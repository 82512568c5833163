"""A small real shop: seven services in processes of their own, a PostgreSQL, a load generator and faults on demand.

It is Traceo's demo, the traffic of its end-to-end tests and the ground truth for root causes. `supervisor` starts
everything, `topology` says who calls whom, `services/` holds one file per service. It speaks OTLP to whoever listens
and MUST NOT import `traceo`.
"""

from shop.running import RunningShop, running_shop

__all__ = ["RunningShop", "running_shop"]
