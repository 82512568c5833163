"""Sampling policies of the caller's tenant: what applies, its versions, and changes to it."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from traceo.api.answer import answer
from traceo.api.depends import Admin, ServicesOf, Tenant
from traceo.api.documents import POLICY_BODY, read_policy_request
from traceo.api.errors import ErrorAnswer
from traceo.errors import InvalidRequest, QueryError
from traceo.policies.model import (
    FOLLOW,
    Mode,
    PolicyVersion,
    Source,
    check_comment,
    read_document,
)
from traceo.policies.service import PolicyService
from traceo.sampling.describe import describe_policies
from traceo.sampling.parse import ParsedPolicies

router = APIRouter(prefix="/sampling/policies", tags=["sampling"])


class PolicyOutline(BaseModel):
    """One policy of a set."""

    name: str
    type: str


class Outline(BaseModel):
    """What a document says."""

    decision_wait_s: float | None = Field(description="From a trace's first span to its verdict")
    policies: list[PolicyOutline]
    notes: list[str] = Field(description="What is not needed here, or is read in another way than by the Collector")


class VersionHead(BaseModel):
    """One version, without its document."""

    version: int
    mode: Mode
    dry_run: bool
    created_at: datetime
    created_by: str
    comment: str


class Version(VersionHead, Outline):
    """One version."""

    document: str = Field(description='YAML; "": sampling is off, `default`: the default of all tenants applies')


class Current(Outline):
    """The policies that apply: the tenant's own, else the default of all tenants, else none."""

    source: Source
    version: int | None
    mode: Mode | None
    dry_run: bool
    created_at: datetime | None
    created_by: str | None
    comment: str | None
    document: str | None


class Versions(BaseModel):
    """The tenant's own versions, newest first."""

    versions: list[VersionHead]


class PolicyField(BaseModel):
    """A field of a policy set, of a policy, or of what stands in a list of one."""

    name: str
    kind: Literal["boolean", "integer", "number", "text", "texts", "duration", "policy", "policies", "rows"]
    required: bool
    default: bool | int | float | str | list[str] | None = Field(description="null: none, or nothing is the same")
    choices: list[str] = Field(description="The only values that there are; empty: any")
    fields: list["PolicyField"] = Field(description="Of `rows`: what each has")


class PolicyType(BaseModel):
    """A type of policy."""

    type: str
    about: str
    fields: list[PolicyField]


class PolicyTypes(BaseModel):
    """What a policy set may say."""

    set: list[PolicyField]
    types: list[PolicyType]


WITH_BODY: dict[str, Any] = {
    "openapi_extra": POLICY_BODY,
    "responses": {
        413: {"model": ErrorAnswer, "description": "The body is too large."},
        415: {"model": ErrorAnswer, "description": "The body is neither YAML nor JSON."},
    },
}
DryRun = Annotated[bool, Query(description="Judge and count, but keep everything; with a YAML body")]
Comment = Annotated[str, Query(description="Why; with a YAML body")]
Number = Annotated[int, Path(ge=1, lt=1 << 31)]


@router.get("", response_model=Current)
async def get_policies(services: ServicesOf, tenant: Tenant) -> JSONResponse:
    """The policies that apply to the tenant, and where they come from."""
    return answer(await asyncio.to_thread(_read_current, services.policies, tenant))


@router.put("", response_model=Version, **WITH_BODY)
async def put_policies(
    request: Request, services: ServicesOf, caller: Admin, dry_run: DryRun = False, comment: Comment = ""
) -> JSONResponse:
    """Set the tenant's own policies, as a new version. Needs the scope `admin`."""
    given = await read_policy_request(request, dry_run, comment)
    put = services.policies.put
    return answer(
        _show(await asyncio.to_thread(put, caller.tenant, given.document, given.dry_run, caller.name, given.comment))
    )


@router.delete("", response_model=Version)
async def delete_policies(services: ServicesOf, caller: Admin, comment: Comment = "") -> JSONResponse:
    """Switch sampling off for the tenant, as a new version: everything is kept. Needs the scope `admin`."""
    return answer(_show(await asyncio.to_thread(services.policies.remove, caller.tenant, caller.name, comment)))


@router.post("/validate", response_model=Outline, **WITH_BODY)
async def validate_policies(request: Request, services: ServicesOf, tenant: Tenant) -> JSONResponse:
    """Check policies and store nothing."""
    given = await read_policy_request(request)
    check_comment(given.comment)
    document = await asyncio.to_thread(services.policies.check, tenant, given.document)
    return answer(_outline("" if document == FOLLOW else document))


@router.get("/types", response_model=PolicyTypes)
async def get_policy_types(tenant: Tenant) -> JSONResponse:
    """What a policy set may say: its fields, and the types of policies with theirs."""
    return answer(describe_policies())


@router.get("/versions", response_model=Versions)
async def get_versions(services: ServicesOf, tenant: Tenant) -> JSONResponse:
    """The versions of the tenant's own policies, newest first."""
    found = await asyncio.to_thread(services.policies.versions, tenant)
    return answer({"versions": [_head(version) for version in found]})


@router.get("/versions/{version}", response_model=Version)
async def get_version(version: Number, services: ServicesOf, tenant: Tenant) -> JSONResponse:
    """One version of the tenant's own policies."""
    return answer(_show(await asyncio.to_thread(services.policies.get, tenant, version)))


@router.post("/versions/{version}/restore", response_model=Version)
async def restore_version(version: Number, services: ServicesOf, caller: Admin) -> JSONResponse:
    """Put an old version in force again, as a new one. Needs the scope `admin`."""
    return answer(_show(await asyncio.to_thread(services.policies.restore, caller.tenant, version, caller.name)))


def _read_current(policies: PolicyService, tenant: str) -> dict[str, Any]:
    """Asked anew, so that what another replica has just set is seen."""
    policies.refresh()
    current = policies.current(tenant)
    if current is None:
        names = ("version", "mode", "created_at", "created_by", "comment", "document")
        return {"source": Source.NONE, **dict.fromkeys(names), "dry_run": False, **_outline("")}
    return {"source": Source.OWN if current.tenant == tenant else Source.DEFAULT, **_show(current)}


def _head(version: PolicyVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "mode": version.mode,
        "dry_run": version.dry_run,
        "created_at": version.created_at.isoformat(timespec="seconds"),
        "created_by": version.created_by,
        "comment": version.comment,
    }


def _show(version: PolicyVersion) -> dict[str, Any]:
    return {**_head(version), "document": version.document, **_outline(version.document if version.samples else "")}


def _outline(document: str) -> dict[str, Any]:
    """What a document says; one that an older Traceo stored and this one cannot read says why in its notes."""
    try:
        parsed = read_document(document) if document else None
    except (InvalidRequest, QueryError) as error:
        return {"decision_wait_s": None, "policies": [], "notes": [f"cannot be read, everything is kept: {error}"]}
    return _outline_of(parsed)


def _outline_of(parsed: ParsedPolicies | None) -> dict[str, Any]:
    if parsed is None:
        return {"decision_wait_s": None, "policies": [], "notes": []}
    listed = [{"name": policy.name, "type": policy.type} for policy in parsed.policies.policies]
    return {"decision_wait_s": parsed.policies.decision_wait, "policies": listed, "notes": list(parsed.notes)}
