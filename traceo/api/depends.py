"""What routes ask for: the caller, the queries, a time range, pairs and cursors."""

import asyncio
import base64
import binascii
import json
from typing import Annotated, Any, cast

from fastapi import Depends, Query
from starlette.requests import HTTPConnection

from traceo.api.services import ApiServices, Caller
from traceo.api.times import parse_range
from traceo.errors import InvalidRequest, PermissionDenied
from traceo.query.run import Queries
from traceo.query.sql import TimeRange


def get_services(request: HTTPConnection) -> ApiServices:
    """What `make_api` was given."""
    return cast(ApiServices, request.app.state.services)


def get_queries(request: HTTPConnection) -> Queries:
    """The process's one door to the store."""
    return cast(Queries, request.app.state.queries)


async def find_caller(request: HTTPConnection, scope: str) -> Caller:
    """Who calls, if the credential has the scope. Raises Unauthenticated, PermissionDenied."""
    services = get_services(request)
    peer = request.client.host if request.client else ""
    headers = request.headers
    caller = await asyncio.to_thread(
        services.authenticate, headers.get("authorization"), headers.get("x-scope-orgid"), peer
    )
    if scope not in caller.scopes:
        raise PermissionDenied(f"{caller.name} does not have the scope {scope}")
    return caller


async def get_tenant(request: HTTPConnection) -> str:
    """The tenant of the credential, which must have the scope `query`."""
    return (await find_caller(request, "query")).tenant


async def get_asker(request: HTTPConnection) -> Caller:
    """Who asks, where the name matters: the credential must have the scope `query`."""
    return await find_caller(request, "query")


async def get_admin(request: HTTPConnection) -> Caller:
    """Who wants to change something: the credential must have the scope `admin`."""
    return await find_caller(request, "admin")


def get_range(
    start: Annotated[str, Query(description="RFC 3339, unix seconds or nanoseconds, or relative: -1h")] = "-1h",
    end: Annotated[str, Query(description="Like start; not included")] = "now",
) -> TimeRange:
    """`start` and `end`."""
    return parse_range(start, end)


ServicesOf = Annotated[ApiServices, Depends(get_services)]
QueriesOf = Annotated[Queries, Depends(get_queries)]
Tenant = Annotated[str, Depends(get_tenant)]
Asker = Annotated[Caller, Depends(get_asker)]
Admin = Annotated[Caller, Depends(get_admin)]
Range = Annotated[TimeRange, Depends(get_range)]
Pairs = Annotated[list[str], Query(description="key=value; may be repeated, all must hold")]


def parse_pairs(texts: list[str]) -> tuple[tuple[str, str], ...]:
    """`key=value` texts; the value may contain further equals signs."""
    pairs = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidRequest(f"{text[:80]!r} is not of the form key=value")
        pairs.append((key, value))
    return tuple(pairs)


def write_cursor(*parts: int | str) -> str:
    """An opaque text for the next page."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_cursor(text: str, kinds: tuple[type, ...]) -> list[Any]:
    """The parts of a cursor. Raises InvalidRequest."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("the cursor is not one that this API gave out") from error
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds):
        raise InvalidRequest("the cursor is not one that this API gave out")
    return parts
