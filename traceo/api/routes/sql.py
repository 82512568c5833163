"""SQL over the tenant's views."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, Tenant
from traceo.query.userquery import run_user_query

router = APIRouter(tags=["sql"])


class SqlRequest(BaseModel):
    """One read-only query."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(description="A SELECT over spans, logs, series, samples and the other views")
    params: dict[str, Any] = Field(default_factory=dict, description="Values of {name:Type}")


class SqlColumn(BaseModel):
    """A column with the engine's type."""

    name: str
    type: str


class SqlAnswer(BaseModel):
    """A result."""

    columns: list[SqlColumn]
    rows: list[list[Any]]


@router.post("/sql", response_model=SqlAnswer)
async def run_sql(body: SqlRequest, queries: QueriesOf, tenant: Tenant) -> JSONResponse:
    """Columns with their types, and rows. 64-bit integers are JSON numbers; NaN and infinities are texts."""
    return answer(await run_user_query(queries, tenant, body.query, body.params))
