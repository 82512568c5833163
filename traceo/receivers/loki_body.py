"""Bodies of Loki's push, protobuf and JSON, as the engine reads them (wire/loki.proto).

Whatever is refused is taken out here, stream by stream, so that all of what is left will be stored and may be answered
before the engine has seen it. Lines are never looked at one by one in Python: protobuf's own parser proves those of a
protobuf body, and of JSON whole columns are checked and written by calls that loop in C.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from operator import itemgetter
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from traceo.errors import BadData, InvalidRequest
from traceo.receivers.loki_labels import MAX_VALUE, read_labels, write_labels
from traceo.store.messages import make_messages

LONGEST = 1 << 20  # bytes of a line, and of its structured metadata
SHOWN_REASONS = 5
STREAMS = """
message Time { int64 seconds = 1; int32 nanos = 2; }
message Pair { bytes name = 1; bytes value = 2; }
message Entry { Time timestamp = 1; bytes line = 2; repeated Pair structured_metadata = 3; }
message Stream { bytes labels = 1; repeated Entry entries = 2; }
"""
OWN = """
message Columns {
  bytes labels = 1; repeated sfixed64 times = 2; repeated string lines = 3; repeated bytes metadata = 4;
}
message Refusal { uint32 items = 1; string reason = 2; }
"""
IN = make_messages(STREAMS + "message Push { repeated Stream streams = 1; bytes format = 2; }")
ADDED = make_messages(OWN + "message Added { repeated Columns columns = 20; repeated Refusal refusals = 21; }")
PUSH, ENTRY, COLUMNS = IN["Push"], IN["Entry"], ADDED["Columns"]
# All that may be in a body for the engine.
BODY = make_messages(
    STREAMS
    + OWN.replace("string lines", "bytes lines")
    + "message Body { repeated Stream streams = 1; repeated Columns columns = 20; repeated Refusal refusals = 21; }"
)["Body"]


@dataclass(frozen=True, slots=True)
class Push:
    """A request for the engine, and what was refused of it: lines by reason."""

    body: bytes
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """For the sender."""
        reasons = list(self.refused)
        more = f" (and {len(reasons) - SHOWN_REASONS} more reasons)" if len(reasons) > SHOWN_REASONS else ""
        return "; ".join(reasons[:SHOWN_REASONS]) + more


def read_protobuf(body: bytes) -> Push:
    """Of a `logproto.PushRequest`. Raises BadData."""
    try:
        push = PUSH.FromString(body)
    except DecodeError as error:
        raise BadData("the body is no Loki push request: it is cut off, or no protobuf at all") from error
    refused: dict[str, int] = {}
    is_changed = len(UnknownFieldSet(push)) > 0
    if is_changed:
        push.DiscardUnknownFields()
    for place in reversed(range(len(push.streams))):
        stream = push.streams[place]
        labels = read_labels(stream.labels)
        if labels.problem:
            _note(refused, labels.problem, len(stream.entries))
            del push.streams[place]
            is_changed = True
            continue
        if labels.text != stream.labels:
            stream.labels = labels.text
            is_changed = True
        if len(body) > LONGEST and stream.ByteSize() > LONGEST:
            is_changed |= _drop_large(stream.entries, labels.text.decode(), refused)
    return _finish(push.SerializeToString() if is_changed else body, ADDED["Added"](), refused)


def read_json(body: bytes) -> Push:
    """Of Loki's JSON. Raises InvalidRequest with the place of what is wrong."""
    try:
        tree = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not valid JSON: {error}") from error
    streams = tree.get("streams") if isinstance(tree, dict) else None
    if not isinstance(streams, list):
        raise InvalidRequest('the body is no Loki push request: it has no list "streams"')
    added = ADDED["Added"]()
    refused: dict[str, int] = {}
    for place, stream in enumerate(streams):
        _read_stream(added, stream, f"streams[{place}]", refused)
    return _finish(b"", added, refused)


def _finish(body: bytes, added: Any, refused: dict[str, int]) -> Push:
    push = Push(body, refused)
    if refused:
        added.refusals.add(items=sum(refused.values()), reason=push.reason[:MAX_VALUE])
    return replace(push, body=body + added.SerializeToString())


def _note(refused: dict[str, int], reason: str, lines: int) -> None:
    refused[reason] = refused.get(reason, 0) + lines


def _drop_large(entries: Any, labels: str, refused: dict[str, int]) -> bool:
    """Take out entries whose line or metadata is too long; whether there were any."""
    if max(map(ENTRY.ByteSize, entries)) <= LONGEST:
        return False
    before = len(entries)
    for place in reversed(range(before)):
        entry = entries[place]
        metadata = sum(len(pair.name) + len(pair.value) for pair in entry.structured_metadata)
        if reason := _too_long(labels, len(entry.line), metadata):
            _note(refused, reason, 1)
            del entries[place]
    return len(entries) < before


def _too_long(labels: str, line: int, metadata: int) -> str:
    if line > LONGEST:
        return (
            f"Max entry size '{LONGEST}' bytes exceeded for stream '{labels}' while adding an entry with length "
            f"'{line}' bytes"
        )
    if metadata > LONGEST:
        return f"stream '{labels}' has structured metadata too large: '{metadata}' bytes, limit: '{LONGEST}' bytes"
    return ""


def _read_stream(added: Any, stream: Any, where: str, refused: dict[str, int]) -> None:
    if not isinstance(stream, dict):
        raise InvalidRequest(f"{where} is not an object")
    labels, values = stream.get("stream"), stream.get("values")
    if not isinstance(labels, dict):
        raise InvalidRequest(f'{where} has no object "stream" with its labels')
    if bad := next((name for name, value in labels.items() if not isinstance(value, str)), None):
        raise InvalidRequest(f"{where}.stream: the value of {bad[:80]!r} is not a string")
    if not isinstance(values, list):
        raise InvalidRequest(f'{where} has no list "values" with its lines')
    read = read_labels(write_labels(labels))
    if read.problem:
        _note(refused, read.problem, len(values))
    elif values:
        _add_columns(added, read.text, values, where, refused)


def _add_columns(added: Any, labels: bytes, values: list[Any], where: str, refused: dict[str, int]) -> None:
    """Times, lines and metadata, each as one list. The place of what fails is looked for when something does."""
    try:
        widths = set(map(len, values)) if set(map(type, values)) == {list} else {0}
        if not widths <= {2, 3}:
            raise ValueError
        times, lines = list(map(itemgetter(0), values)), list(map(itemgetter(1), values))
        metadata = [row[2] if len(row) == 3 else {} for row in values] if 3 in widths else []
        texts = chain.from_iterable(map(dict.values, metadata))
        if not (set(map(type, times)) <= {str, int} and set(map(type, texts)) <= {str}):
            raise ValueError
        columns = COLUMNS(labels=labels, times=map(int, times), lines=lines, metadata=map(orjson.dumps, metadata))
    except (ValueError, TypeError) as error:
        raise _find_bad_value(values, where) from error
    if columns.ByteSize() > LONGEST:
        _drop_large_rows(columns, refused)
    if columns.lines:
        added.columns.append(columns)


def _drop_large_rows(columns: Any, refused: dict[str, int]) -> None:
    metadata = list(map(len, columns.metadata)) or [0] * len(columns.lines)
    sizes = list(map(len, map(str.encode, columns.lines)))
    if max(*sizes, *metadata) <= LONGEST:
        return
    for place in reversed(range(len(sizes))):
        if reason := _too_long(columns.labels.decode(), sizes[place], metadata[place]):
            _note(refused, reason, 1)
            for column in (columns.times, columns.lines, columns.metadata):
                if column:
                    del column[place]


def _find_bad_value(values: list[Any], where: str) -> InvalidRequest:
    """What is wrong with the first value that is not [time, line] or [time, line, metadata]."""
    for place, value in enumerate(values):
        if problem := _judge(value):
            return InvalidRequest(f"{where}.values[{place}]: {problem}")
    return InvalidRequest(f"{where}.values could not be read")


def _judge(value: Any) -> str:
    if not isinstance(value, list) or len(value) not in (2, 3):
        return "it is not [time, line] or [time, line, metadata]"
    if not isinstance(value[1], str):
        return "the line is not a string"
    metadata = value[2] if len(value) == 3 else {}
    if not isinstance(metadata, dict):
        return "the structured metadata is not an object"
    if bad := next((name for name, text in metadata.items() if not isinstance(text, str)), None):
        return f"the structured metadata {bad[:80]!r} is not a string"
    try:
        time = int(value[0]) if isinstance(value[0], str | int) and not isinstance(value[0], bool) else 1 << 64
    except ValueError:
        time = 1 << 64
    return "" if -(1 << 63) <= time < 1 << 63 else f"the time {str(value[0])[:40]!r} is not nanoseconds since 1970"
