"""Loki's `logproto.PushRequest` for tests, from its definition, and its JSON."""

import json
from typing import Any

import cramjam

from traceo.store.messages import make_messages

DEFINITIONS = """
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
message LabelPairAdapter { bytes name = 1; bytes value = 2; }
message EntryAdapter {
  Timestamp timestamp = 1; bytes line = 2; repeated LabelPairAdapter structuredMetadata = 3;
  repeated LabelPairAdapter parsed = 4;
}
message StreamAdapter { bytes labels = 1; repeated EntryAdapter entries = 2; uint64 hash = 3; }
message PushRequest { repeated StreamAdapter streams = 1; string format = 2; }
"""
MESSAGES = make_messages(DEFINITIONS)
Line = tuple[int, bytes | str] | tuple[int, bytes | str, dict[str, str]]


def push_request(*streams: tuple[str, list[Line]]) -> Any:
    """Labels as text; lines as (nanoseconds, line) or (nanoseconds, line, structured metadata)."""
    request = MESSAGES["PushRequest"]()
    for labels, lines in streams:
        stream = request.streams.add(labels=labels.encode("utf-8", "surrogateescape"), hash=7)
        for time_ns, line, *metadata in lines:
            entry = stream.entries.add(line=line if isinstance(line, bytes) else line.encode())
            entry.timestamp.seconds, entry.timestamp.nanos = divmod(time_ns, 10**9)
            for name, value in (metadata[0] if metadata else {}).items():
                entry.structuredMetadata.add(name=name.encode(), value=value.encode())
    return request


def push_json(*streams: tuple[dict[str, str], list[Line]]) -> bytes:
    rows = [{"stream": labels, "values": [[str(line[0]), *line[1:]] for line in lines]} for labels, lines in streams]
    return json.dumps({"streams": rows}).encode()


def snappy(message: Any) -> bytes:
    body = message if isinstance(message, bytes) else message.SerializeToString()
    return bytes(cramjam.snappy.compress_raw(body))
