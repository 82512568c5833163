"""Names and values of tags, for the completion of queries."""

from typing import Any

from fastapi import APIRouter, Request, Response

from traceo.api.compat.tempo.answer import TempoRoute, answer_json
from traceo.api.compat.tempo.params import read_range
from traceo.api.depends import QueriesOf, Tenant
from traceo.errors import InvalidRequest
from traceo.query.traceql.field_parser import KINDS, STATUSES
from traceo.query.traceql.tags import parse_tag, tag_names, tag_values

ENUMS = {"span:status": list(STATUSES)[::-1], "span:kind": list(KINDS)}
router = APIRouter(route_class=TempoRoute)


@router.get("/search/tags")
async def get_tags(request: Request, queries: QueriesOf, tenant: Tenant) -> Response:
    """All names."""
    names = await tag_names(queries, tenant, read_range(request.query_params))
    found = {name for scope, of_scope in names.items() if scope != "intrinsic" for name in of_scope}
    return answer_json({"tagNames": sorted(found), "metrics": {}})


@router.get("/v2/search/tags")
async def get_scoped_tags(request: Request, queries: QueriesOf, tenant: Tenant) -> Response:
    """Names by scope; `scope` chooses one."""
    names = await tag_names(queries, tenant, read_range(request.query_params))
    wanted = request.query_params.get("scope", "")
    if wanted not in ("", "none", *names):
        raise InvalidRequest(f"invalid scope: {wanted[:40]!r} is none of {', '.join(names)}")
    scopes = [{"name": scope, "tags": tags} for scope, tags in names.items() if wanted in ("", "none", scope) and tags]
    return answer_json({"scopes": scopes, "metrics": {}})


@router.get("/search/tag/{name}/values")
async def get_values(request: Request, name: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """Values as texts."""
    found = await _values(request, name, queries, tenant)
    return answer_json({"tagValues": [_text(value) for value in found], "metrics": {}})


@router.get("/v2/search/tag/{name}/values")
async def get_typed_values(request: Request, name: str, queries: QueriesOf, tenant: Tenant) -> Response:
    """Values with their types, of the spans that `q` means."""
    found = await _values(request, name, queries, tenant)
    kind = "keyword" if parse_tag(name).name in ENUMS else ""
    values = [{"type": kind or _type(value), "value": _text(value)} for value in found]
    return answer_json({"tagValues": values, "metrics": {}})


async def _values(request: Request, name: str, queries: QueriesOf, tenant: str) -> list[Any]:
    asked = request.query_params
    attribute = parse_tag(name)
    if attribute.intrinsic and attribute.name in ENUMS:
        return list(ENUMS[attribute.name])
    text = asked.get("q", "").strip()
    return await tag_values(queries, tenant, name, "" if text in ("", "{}") else text, read_range(asked))


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {int: "int", float: "float"}.get(type(value), "string")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
