"""Every route of the Prometheus API, under `/prometheus`."""

from fastapi import APIRouter

from traceo.api.compat.prometheus import federate, labels, query, status

# Its contract is Prometheus', not this API's OpenAPI.
router = APIRouter(prefix="/prometheus", include_in_schema=False)
for part in (query.router, labels.router, status.router):
    router.include_router(part, prefix="/api/v1")
for part in (federate.router, status.probes):
    router.include_router(part)
