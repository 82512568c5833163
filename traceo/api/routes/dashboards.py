"""Dashboards of the caller's tenant: listed, read, saved, had back in an older version; others' JSON translated."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from traceo.api.answer import answer
from traceo.api.depends import Admin, ServicesOf, Tenant
from traceo.api.documents import read_json
from traceo.api.errors import ErrorAnswer
from traceo.dashboards.foreign import ImportNote
from traceo.dashboards.grafana import import_dashboard
from traceo.dashboards.model import Dashboard, DashboardHead, DashboardVersion, read_dashboard

router = APIRouter(prefix="/dashboards", tags=["dashboards"])

REFERENCE = {"$ref": "#/components/schemas/Dashboard"}


class CreateRequest(BaseModel):
    """A new dashboard."""

    model_config = ConfigDict(extra="forbid", strict=True)

    dashboard: dict[str, Any]
    id: str = Field(default="", description="Part of its link: up to 64 of a-z, 0-9, _ and -; empty: one is made up")
    comment: str = Field(default="", description="Why; up to 1000 characters")


class ReplaceRequest(BaseModel):
    """What a dashboard becomes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    dashboard: dict[str, Any]
    version: int = Field(description="The one that was changed; 409 if there is a newer one by now")
    comment: str = Field(default="", description="Why; up to 1000 characters")


class ImportRequest(BaseModel):
    """What Grafana or Traceo exported."""

    model_config = ConfigDict(extra="forbid", strict=True)

    dashboard: dict[str, Any]


class ImportAnswer(BaseModel):
    """A dashboard that can be saved, and what was left out or changed on the way."""

    dashboard: Dashboard
    notes: list[ImportNote]


class DashboardsAnswer(BaseModel):
    """The newest version of each, by title."""

    dashboards: list[DashboardHead]


class VersionsAnswer(BaseModel):
    """The versions that are kept, newest first."""

    versions: list[DashboardHead]


class RemovedAnswer(BaseModel):
    """What is no more."""

    id: str


def _with_body(model: type[BaseModel], checked: bool = True) -> dict[str, Any]:
    """A body that the route reads itself, because its size is limited; OpenAPI knows the parts of a dashboard."""
    schema = model.model_json_schema()
    if checked:
        schema["properties"]["dashboard"] = REFERENCE
    return {
        "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}},
        "responses": {
            409: {"model": ErrorAnswer, "description": "Somebody else saved it meanwhile, or the id is taken."},
            413: {"model": ErrorAnswer, "description": "The body is larger than a MiB."},
        },
    }


Number = Annotated[int, Path(ge=1, lt=1 << 31)]


@router.get("", response_model=DashboardsAnswer)
async def get_dashboards(
    services: ServicesOf,
    tenant: Tenant,
    search: Annotated[str, Query(max_length=200, description="Words that title and tags have")] = "",
) -> JSONResponse:
    """The tenant's dashboards."""
    heads = await asyncio.to_thread(services.dashboards.list_heads, tenant, search)
    return answer({"dashboards": [_head(head) for head in heads]})


@router.post("", response_model=DashboardVersion, **_with_body(CreateRequest))
async def create_dashboard(request: Request, services: ServicesOf, caller: Admin) -> JSONResponse:
    """Make a dashboard. Needs the scope `admin`."""
    given = await read_json(request, CreateRequest)

    def work() -> DashboardVersion:
        dashboard = read_dashboard(given.dashboard)
        return services.dashboards.create(caller.tenant, dashboard, caller.name, given.comment, given.id)

    return answer(_show(await asyncio.to_thread(work)))


@router.post("/import", response_model=ImportAnswer, **_with_body(ImportRequest, checked=False))
async def translate_dashboard(request: Request, tenant: Tenant) -> JSONResponse:
    """Translate Grafana's JSON, or check Traceo's; nothing is stored: save what comes back."""
    given = await read_json(request, ImportRequest)
    imported = await asyncio.to_thread(import_dashboard, given.dashboard)
    return answer(asdict(imported))


@router.get("/{id}", response_model=DashboardVersion)
async def get_dashboard(id: str, services: ServicesOf, tenant: Tenant) -> JSONResponse:
    """The newest version of a dashboard; `dashboard` is what is exported."""
    return answer(_show(await asyncio.to_thread(services.dashboards.read, tenant, id)))


@router.put("/{id}", response_model=DashboardVersion, **_with_body(ReplaceRequest))
async def replace_dashboard(id: str, request: Request, services: ServicesOf, caller: Admin) -> JSONResponse:
    """Save a dashboard as a new version. Needs the scope `admin`."""
    given = await read_json(request, ReplaceRequest)

    def work() -> DashboardVersion:
        dashboard = read_dashboard(given.dashboard)
        return services.dashboards.replace(caller.tenant, id, dashboard, given.version, caller.name, given.comment)

    return answer(_show(await asyncio.to_thread(work)))


@router.delete("/{id}", response_model=RemovedAnswer)
async def delete_dashboard(id: str, services: ServicesOf, caller: Admin) -> JSONResponse:
    """Remove a dashboard and all of its versions. Needs the scope `admin`."""
    await asyncio.to_thread(services.dashboards.remove, caller.tenant, id)
    return answer({"id": id})


@router.get("/{id}/versions", response_model=VersionsAnswer)
async def get_versions(id: str, services: ServicesOf, tenant: Tenant) -> JSONResponse:
    """The versions of a dashboard, newest first; the last hundred are kept."""
    heads = await asyncio.to_thread(services.dashboards.list_versions, tenant, id)
    return answer({"versions": [_head(head) for head in heads]})


@router.get("/{id}/versions/{version}", response_model=DashboardVersion)
async def get_version(id: str, version: Number, services: ServicesOf, tenant: Tenant) -> JSONResponse:
    """One version of a dashboard."""
    return answer(_show(await asyncio.to_thread(services.dashboards.read, tenant, id, version)))


@router.post("/{id}/versions/{version}/restore", response_model=DashboardVersion)
async def restore_version(id: str, version: Number, services: ServicesOf, caller: Admin) -> JSONResponse:
    """Make an old version the newest again. Needs the scope `admin`."""
    restored = await asyncio.to_thread(services.dashboards.restore, caller.tenant, id, version, caller.name)
    return answer(_show(restored))


def _head(head: DashboardHead) -> dict[str, Any]:
    return {
        "id": head.id,
        "version": head.version,
        "title": head.title,
        "tags": head.tags,
        "panels": head.panels,
        "created_at": head.created_at.isoformat(timespec="seconds"),
        "created_by": head.created_by,
        "comment": head.comment,
    }


def _show(version: DashboardVersion) -> dict[str, Any]:
    return {**_head(version), "dashboard": asdict(version.dashboard)}
