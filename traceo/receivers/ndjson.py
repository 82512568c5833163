"""Log records as JSON lines, or as one JSON array: POST /api/v1/logs/ndjson."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from traceo.errors import InvalidRequest
from traceo.receivers.http import AsgiApp, Disconnected, Event, Receive, Send, count_failure, send_answer
from traceo.receivers.ingest import Ingest
from traceo.receivers.json_record import Roles, make_record, parse_line
from traceo.receivers.line_bodies import read_roles, receive_lines
from traceo.receivers.log_records import Record
from traceo.receivers.status import Failure
from traceo.store.base import Signal

PATH, TRANSPORT = "/api/v1/logs/ndjson", "ndjson"
JSON = b"application/json"
SHOWN = 20  # of the refused lines


@dataclass(slots=True)
class Taken:
    """What became of a body's lines; `refused` are their numbers, from 1, with the reason."""

    accepted: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)

    def show(self) -> dict[str, Any]:
        """As it is answered: the first lines that were refused."""
        errors = [{"line": number, "reason": reason} for number, reason in self.refused[:SHOWN]]
        return {"accepted": self.accepted, "refused": len(self.refused), "errors": errors}


def with_ndjson(app: AsgiApp, ingest: Ingest) -> AsgiApp:
    """The application, with this route before it."""

    async def routed(scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            await _answer(ingest, scope, receive, send)
        else:
            await app(scope, receive, send)

    return routed


async def _answer(ingest: Ingest, scope: Event, receive: Receive, send: Send) -> None:
    try:
        read = partial(read_lines, read_roles(scope))
        taken = await receive_lines(ingest, TRANSPORT, scope, receive, read)
    except Disconnected:
        ingest.count(Signal.LOGS, TRANSPORT, "499", None)
    except Exception as error:  # the edge of the process: every request gets an answer
        await _send_failure(send, count_failure(ingest, Signal.LOGS, TRANSPORT, error))
    else:
        if taken.refused:
            ingest.metrics.rejected_items.labels(Signal.LOGS).inc(len(taken.refused))
        status = 400 if taken.refused and not taken.accepted else 200
        ingest.count(Signal.LOGS, TRANSPORT, str(status), None)
        await send_answer(send, status, JSON, orjson.dumps(taken.show()))


def read_lines(roles: Roles, body: bytes) -> tuple[Taken, list[Record]]:
    """The records of a body; empty lines are none. Raises InvalidRequest for an array that cannot be read."""
    taken = Taken()
    records: list[Record] = []
    lines = _read_array(body) if body.lstrip()[:1] == b"[" else body.split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                records.append(make_record(parse_line(line), line.strip(), roles))
        except InvalidRequest as error:
            taken.refused.append((number, str(error)))
    taken.accepted = len(records)
    return taken, records


def _read_array(body: bytes) -> list[bytes]:
    try:
        return [orjson.dumps(item) for item in orjson.loads(body)]
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise InvalidRequest(f"the body is no JSON array: {error}") from error


async def _send_failure(send: Send, failure: Failure) -> None:
    """In the shape of the own API's errors."""
    kinds = {401: "unauthenticated", 403: "permission_denied", 415: "unsupported_media_type", 429: "overloaded"}
    kinds |= {400: "invalid_request", 413: "payload_too_large", 503: "store_unavailable"}
    kind = kinds.get(failure.http, "internal")
    body = orjson.dumps({"error": {"type": kind, "message": failure.message}})
    await send_answer(send, failure.http, JSON, body, *failure.headers())
