"""Which series a tenant has, and whether anybody asks for them."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, ServicesOf, Tenant
from traceo.api.routes.metric_answers import CardinalityAnswer
from traceo.cardinality.report import report_cardinality

router = APIRouter(tags=["metrics"])
Top = Annotated[int, Query(ge=1, le=10_000, description="Length of each list")]


@router.get("/cardinality", response_model=CardinalityAnswer)
async def get_cardinality(services: ServicesOf, queries: QueriesOf, tenant: Tenant, limit: Top = 20) -> JSONResponse:
    """Series today: the largest metrics and labels, churn, growth, and metrics that no query selected."""
    return answer(await report_cardinality(queries, services.usage, tenant, limit, services.config.limits.max_series))
