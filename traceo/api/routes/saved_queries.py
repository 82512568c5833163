"""Saved queries of the caller's tenant."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from traceo.api.answer import answer
from traceo.api.depends import Asker, ServicesOf, Tenant
from traceo.saved.queries import Language, SavedQuery

router = APIRouter(prefix="/saved-queries", tags=["saved queries"])

Number = Annotated[int, Path(ge=1, lt=1 << 31)]


class SavedQueryChange(BaseModel):
    """A saved query's name and text."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Unique among the tenant's queries in that language; up to 200 characters")
    query: str = Field(description="Up to 20000 characters; it is not checked")


class SavedQueryRequest(SavedQueryChange):
    """A query to save."""

    language: Language


class SavedQueryRow(SavedQueryChange):
    """A query that was saved."""

    id: int
    language: Language
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


class SavedQueriesAnswer(BaseModel):
    """By name."""

    queries: list[SavedQueryRow]


class Removed(BaseModel):
    """What is gone."""

    removed: int


@router.get("", response_model=SavedQueriesAnswer)
async def get_saved_queries(services: ServicesOf, tenant: Tenant, language: Language | None = None) -> JSONResponse:
    """The tenant's saved queries, of one language or of all."""
    found = await asyncio.to_thread(services.saved.list_all, tenant, language)
    return answer({"queries": [_show(each) for each in found]})


@router.post("", response_model=SavedQueryRow)
async def post_saved_query(given: SavedQueryRequest, services: ServicesOf, caller: Asker) -> JSONResponse:
    """Save a query for everybody of the tenant."""
    create = services.saved.create
    made = await asyncio.to_thread(create, caller.tenant, given.name, given.language, given.query, caller.name)
    return answer(_show(made))


@router.put("/{number}", response_model=SavedQueryRow)
async def put_saved_query(number: Number, given: SavedQueryChange, services: ServicesOf, caller: Asker) -> JSONResponse:
    """Another name, another text."""
    change = services.saved.change
    return answer(_show(await asyncio.to_thread(change, caller.tenant, number, given.name, given.query, caller.name)))


@router.delete("/{number}", response_model=Removed)
async def delete_saved_query(number: Number, services: ServicesOf, caller: Asker) -> JSONResponse:
    """Delete it, for everybody of the tenant."""
    await asyncio.to_thread(services.saved.remove, caller.tenant, number)
    return answer({"removed": number})


def _show(saved: SavedQuery) -> dict[str, Any]:
    times = {name: getattr(saved, name).isoformat(timespec="seconds") for name in ("created_at", "changed_at")}
    return asdict(saved) | times
