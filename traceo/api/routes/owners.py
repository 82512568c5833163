"""Owners of services: what holds, and changes to what the API was told."""

import asyncio
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from traceo.api.answer import answer
from traceo.api.depends import Admin, ServicesOf, Tenant
from traceo.api.routes.catalog_answers import OwnerRow
from traceo.catalog.owner import Owner
from traceo.catalog.owners import OwnerService

router = APIRouter(prefix="/owners", tags=["catalog"])


class OwnerRequest(BaseModel):
    """What the API is told of a service, in place of what it was told before; what is left out, the file says."""

    model_config = ConfigDict(extra="forbid", strict=True)

    team: str = ""
    on_call: str = Field(default="", description="A person, a rotation or a channel")
    repository: str = Field(default="", description="An address that begins with https:// or http://")
    runbook: str = Field(default="", description="The same")
    tier: str = Field(default="", description="How important it is, in your own words: 1, critical")
    apdex_ms: float | None = Field(default=None, description="A request that takes no longer satisfies")


class OwnedService(OwnerRow):
    """What holds for a service."""

    service: str
    changed_at: datetime | None = Field(description="When the API was told last; null: never")
    changed_by: str | None


class OwnersAnswer(BaseModel):
    """All services of which anybody said something."""

    owners: list[OwnedService]


@router.get("", response_model=OwnersAnswer)
async def get_owners(services: ServicesOf, tenant: Tenant) -> JSONResponse:
    """Owners of services, from the API and from the file, and which of the two said what."""
    return answer({"owners": await asyncio.to_thread(_list_owners, services.owners, tenant)})


@router.put("/{service:path}", response_model=OwnedService)
async def put_owner(service: str, given: OwnerRequest, services: ServicesOf, caller: Admin) -> JSONResponse:
    """Say who owns a service; it need not have sent anything yet. Needs the scope `admin`."""
    owner = Owner(**given.model_dump())
    await asyncio.to_thread(services.owners.put, caller.tenant, service, owner, caller.name)
    listed = await asyncio.to_thread(_list_owners, services.owners, caller.tenant)
    return answer(next(row for row in listed if row["service"] == service))


@router.delete("/{service:path}", response_model=OwnersAnswer)
async def delete_owner(service: str, services: ServicesOf, caller: Admin) -> JSONResponse:
    """Forget what the API was told of a service: what the file says holds again. Needs the scope `admin`."""
    await asyncio.to_thread(services.owners.remove, caller.tenant, service)
    listed = await asyncio.to_thread(_list_owners, services.owners, caller.tenant)
    return answer({"owners": [row for row in listed if row["service"] == service]})


def _list_owners(owners: OwnerService, tenant: str) -> list[dict[str, Any]]:
    stated = owners.read_stated(tenant)
    changes = {
        service: {"changed_at": known.changed_at.isoformat(timespec="seconds"), "changed_by": known.changed_by}
        for service, known in stated.items()
    }
    unchanged = {"changed_at": None, "changed_by": None}
    return [
        {"service": service, **ownership.to_row(), **changes.get(service, unchanged)}
        for service, ownership in owners.read(tenant, stated).items()
    ]
