"""Elasticsearch's `_bulk` under /elastic, for what ships logs there: Filebeat, Fluent Bit, Vector, Logstash.

Each item is answered by itself: what is wrong with one costs no other. What such programs ask before they send
(version, licence, templates, life cycles) has an answer that lets them go on; nothing is kept of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

import orjson

from traceo.errors import InvalidRequest
from traceo.receivers.http import AsgiApp, Disconnected, Event, Receive, Send, authorize, count_failure, send_answer
from traceo.receivers.ingest import Ingest
from traceo.receivers.json_record import Roles, make_record, parse_line
from traceo.receivers.line_bodies import read_roles, receive_lines
from traceo.receivers.log_records import Record, encode_pair
from traceo.receivers.status import Failure
from traceo.store.base import Signal

PREFIX, TRANSPORT = "/elastic", "elastic"
JSON = b"application/json"
PRODUCT = (b"x-elastic-product", b"Elasticsearch")  # clients from 7.14 on look for it
BULK = re.compile(r"/(?:([^/_][^/]*)/)?(?:_doc/)?_bulk/?")
ACTIONS, WITH_SOURCE = ("index", "create", "update", "delete"), ("index", "create", "update")
# Of 8.x, because a client of a newer major version refuses an older server.
VERSION = {
    "number": "8.19.0",
    "build_flavor": "default",
    "build_type": "docker",
    "build_snapshot": False,
    "lucene_version": "9.12.2",
    "minimum_wire_compatibility_version": "7.17.0",
    "minimum_index_compatibility_version": "7.0.0",
}
ROOT = {"name": "traceo", "cluster_name": "traceo", "cluster_uuid": "traceo", "version": VERSION}
LICENSE = {"status": "active", "uid": "traceo", "type": "basic", "mode": "basic"}
ANSWERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/_license", {"license": LICENSE}),
    ("/_xpack", {"license": LICENSE, "features": {}}),
    ("/_cluster/health", {"cluster_name": "traceo", "status": "green", "timed_out": False, "number_of_nodes": 1}),
    ("/_nodes", {"_nodes": {"total": 0, "successful": 0, "failed": 0}, "cluster_name": "traceo", "nodes": {}}),
    *((f"/_{name}", {"acknowledged": True}) for name in ("ilm", "index_template", "component_template", "template")),
    *((f"/_{name}", {"acknowledged": True}) for name in ("ingest", "data_stream", "alias", "logstash")),
)
TYPES = {400: "illegal_argument_exception", 401: "security_exception", 403: "security_exception"}
TOO_MANY = "es_rejected_execution_exception"


@dataclass(slots=True)
class Bulk:
    """What a bulk request asked for, as it is answered: one item an action."""

    items: list[dict[str, Any]]
    has_errors: bool = False


def with_elastic(app: AsgiApp, ingest: Ingest) -> AsgiApp:
    """The application, with Elasticsearch's API before it."""

    async def routed(scope: Event, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == PREFIX or path.startswith(f"{PREFIX}/")):
            await _answer(ingest, path.removeprefix(PREFIX) or "/", scope, receive, send)
        else:
            await app(scope, receive, send)

    return routed


async def _answer(ingest: Ingest, path: str, scope: Event, receive: Receive, send: Send) -> None:
    bulk = BULK.fullmatch(path)
    content: dict[str, Any] | None
    try:
        if bulk and scope["method"] in ("POST", "PUT"):
            content = await _store(ingest, unquote(bulk[1] or ""), scope, receive)
        else:
            authorize(ingest, scope, dict(scope["headers"]))
            content = _probe(path)
    except Disconnected:
        ingest.count(Signal.LOGS, TRANSPORT, "499", None)
    except Exception as error:  # the edge of the process: every request gets an answer
        await _send_failure(send, count_failure(ingest, Signal.LOGS, TRANSPORT, error))
    else:
        status = 200 if content is not None else 404
        if bulk:
            ingest.count(Signal.LOGS, TRANSPORT, str(status), None)
        body = orjson.dumps(content if content is not None else _error("resource_not_found_exception", path, 404))
        await send_answer(send, status, JSON, b"" if scope["method"] == "HEAD" else body, PRODUCT)


def _probe(path: str) -> dict[str, Any] | None:
    if path == "/":
        return {**ROOT, "tagline": "You Know, for Search"}
    return next((answer for prefix, answer in ANSWERS if path == prefix or path.startswith(f"{prefix}/")), None)


async def _store(ingest: Ingest, index: str, scope: Event, receive: Receive) -> dict[str, Any]:
    begun = asyncio.get_running_loop().time()
    read = partial(read_bulk, index, read_roles(scope))
    bulk = await receive_lines(ingest, TRANSPORT, scope, receive, read)
    refused = sum("error" in item for wrapped in bulk.items for item in wrapped.values())
    if refused:
        ingest.metrics.rejected_items.labels(Signal.LOGS).inc(refused)
    took = round(1000 * (asyncio.get_running_loop().time() - begun))
    return {"took": took, "errors": bulk.has_errors, "items": bulk.items}


def read_bulk(index: str, roles: Roles, body: bytes) -> tuple[Bulk, list[Record]]:
    """Each action's answer, and the records to store. Raises InvalidRequest where actions cannot be told apart."""
    bulk = Bulk([])
    records: list[Record] = []
    for action, meta, source in _actions(body):
        about = {"_index": str(meta.get("_index", index))[:256], "_id": str(meta.get("_id", ""))[:512]}
        try:
            records.append(_read_item(action, about["_index"], source, roles))
            item = {**about, "_version": 1, "result": "created", "status": 201}
        except InvalidRequest as error:
            bulk.has_errors = True
            item = {**about, "status": 400, "error": {"type": "document_parsing_exception", "reason": str(error)}}
        bulk.items.append({action: item})
    return bulk, records


def _read_item(action: str, index: str, source: bytes | None, roles: Roles) -> Record:
    if source is None or action not in ("index", "create"):
        raise InvalidRequest(f"{action} is not supported: log records are only added, by index or create")
    record = make_record(parse_line(source), source, roles)
    if index:
        record.attributes.append(encode_pair("elastic.index", index))
    return record


def _actions(body: bytes) -> Iterator[tuple[str, dict[str, Any], bytes | None]]:
    """Action, its description, and its document."""
    lines = iter(body.split(b"\n"))
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            ((action, meta),) = orjson.loads(line).items()
        except (ValueError, AttributeError) as error:
            raise InvalidRequest(
                f"Malformed action/metadata line [{number}]: an object with one action is due"
            ) from error
        if action not in ACTIONS or not isinstance(meta, dict):
            known = ", ".join(ACTIONS)
            raise InvalidRequest(f"Malformed action/metadata line [{number}]: one of {known} with an object is due")
        yield action, meta, next(lines, None) if action in WITH_SOURCE else None


def _error(kind: str, reason: str, status: int) -> dict[str, Any]:
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


async def _send_failure(send: Send, failure: Failure) -> None:
    """Its senders repeat what was answered 429 and 5xx."""
    kind = TYPES.get(failure.http, TOO_MANY if failure.http in (429, 503) else "exception")
    body = orjson.dumps(_error(kind, failure.message, failure.http))
    await send_answer(send, failure.http, JSON, body, PRODUCT, *failure.headers(b'Basic realm="traceo"'))
