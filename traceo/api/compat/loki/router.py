"""Every route of the Loki API, under `/loki`."""

from fastapi import APIRouter

from traceo.api.compat.loki import fields, index, labels, patterns, query, status, tail

# Its contract is Loki's, not this API's OpenAPI.
router = APIRouter(prefix="/loki", include_in_schema=False)
for part in (query.router, labels.router, index.router, fields.router, patterns.router, tail.router, status.router):
    router.include_router(part, prefix="/api/v1")
router.include_router(status.probes)
