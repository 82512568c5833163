"""Every route of the Tempo API, under `/tempo`."""

from fastapi import APIRouter

from traceo.api.compat.tempo import metrics, search, tags, traces

# Its contract is Tempo's, not this API's OpenAPI.
router = APIRouter(prefix="/tempo", include_in_schema=False)
for part in (traces.router, search.router, tags.router, metrics.router):
    router.include_router(part, prefix="/api")
router.include_router(traces.probes)
