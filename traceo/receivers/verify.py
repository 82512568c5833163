"""Whether a request may be answered before the engine has seen it: whether all of it will be stored.

protobuf's own C parser checks the bytes, numpy looks for the ids of all spans at once: nothing here looks at items one
by one. Where that parser and the engine's disagree (a field of the wrong type is unknown to the one and corrupt to the
other), `rewrite` makes bytes that both read alike.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from traceo.errors import BadData
from traceo.receivers.loki_body import BODY
from traceo.store.base import OTLP, Signal

FILES = (common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2)
SERVICES = {Signal.TRACES: trace_service_pb2, Signal.LOGS: logs_service_pb2, Signal.METRICS: metrics_service_pb2}
ANY_VALUE = ".opentelemetry.proto.common.v1.AnyValue"
# A span as protobuf libraries begin it: its tag (field 2 of ScopeSpans), its length, a trace id, a span id.
SPAN_TAG, TRACE_ID_HEAD, SPAN_ID_HEAD = 0x12, b"\x0a\x10", b"\x12\x08"
ID_BYTES = 28  # of both ids with their heads
# Bodies that their receivers have read, and of which they send on what will be stored.
JUDGED = (Signal.PLAIN_WRITE, Signal.LOKI)
LONGEST_LENGTH = 5  # bytes of a varint of 32 bits


def _make_messages() -> dict[Signal, Any]:
    """OTLP's request messages as the engine reads them: values stay encoded, texts may be any bytes."""
    pool = DescriptorPool()
    for module in (*FILES, *SERVICES.values()):
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        messages = [*file.message_type, *(inner for message in file.message_type for inner in message.nested_type)]
        for field in (field for message in messages for field in message.field):
            if field.type_name == ANY_VALUE or field.type == FieldDescriptorProto.TYPE_STRING:
                field.type = FieldDescriptorProto.TYPE_BYTES
                field.ClearField("type_name")
        pool.Add(file)
    name = "opentelemetry.proto.collector.{0}.v1.Export{1}ServiceRequest"
    words = {Signal.TRACES: "Trace", Signal.LOGS: "Logs", Signal.METRICS: "Metrics"}
    found = {kind: pool.FindMessageTypeByName(name.format(word.lower(), word)) for kind, word in words.items()}
    return {kind: GetMessageClass(descriptor) for kind, descriptor in found.items()}


MESSAGES = _make_messages() | {Signal.LOKI: BODY}


def is_certain(signal: Signal, body: bytes) -> bool:
    """True when every item of this body will be stored. Raises BadData for what is no request at all."""
    if signal not in OTLP:
        return signal in JUDGED
    message = _parse(signal, body)
    if len(UnknownFieldSet(message)):  # perhaps no OTLP at all: let the engine look
        return False
    if signal is not Signal.TRACES:
        return True
    spans = sum(len(scope.spans) for resource in message.resource_spans for scope in resource.scope_spans)
    return _count_valid_ids(body) == spans


def rewrite(signal: Signal, body: bytes) -> bytes:
    """The same request as protobuf would write it, without what is unknown. Raises BadData."""
    if signal not in MESSAGES:
        return body
    message = _parse(signal, body)
    message.DiscardUnknownFields()
    return bytes(message.SerializeToString())


def _parse(signal: Signal, body: bytes) -> Any:
    try:
        return MESSAGES[signal].FromString(body)
    except DecodeError as error:
        raise BadData(f"the body is not a {signal} request: it is cut off, or no protobuf at all") from error


def _count_valid_ids(body: bytes) -> int:
    """How many spans begin with a trace id of 16 bytes and a span id of 8, neither all zero.

    The tag before them matters: links begin with ids, too, and attributes may look like ids.
    """
    data = np.frombuffer(body, np.uint8)
    at = _find_pairs(body, TRACE_ID_HEAD)
    at = at[at + ID_BYTES <= len(data)]
    at = at[(data[at + 18] == SPAN_ID_HEAD[0]) & (data[at + 19] == SPAN_ID_HEAD[1])]
    at = at[_follows_span_tag(data, at)]
    trace_ids = data[at[:, None] + np.arange(2, 18)]
    span_ids = data[at[:, None] + np.arange(20, ID_BYTES)]
    return int(np.count_nonzero(trace_ids.any(axis=1) & span_ids.any(axis=1)))


def _find_pairs(body: bytes, pair: bytes) -> npt.NDArray[np.intp]:
    """Where two bytes stand: read as numbers of 16 bits, from even places and from odd ones."""
    number = int.from_bytes(pair, "little")
    found = [
        2 * np.flatnonzero(np.frombuffer(body, "<u2", (len(body) - first) // 2, first) == number) + first
        for first in (0, 1)
        if len(body) >= first + 2
    ]
    return np.concatenate(found) if found else np.empty(0, np.intp)


def _follows_span_tag(data: npt.NDArray[np.uint8], at: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Whether a span's tag and a length (a varint: all its bytes but the last have the high bit) stand before it."""
    found = np.zeros(len(at), bool)
    is_length = np.ones(len(at), bool)
    for size in range(1, LONGEST_LENGTH + 1):
        is_length &= (at >= size + 1) & ((data[at - size] < 0x80) if size == 1 else (data[at - size] >= 0x80))
        found |= is_length & (data[at - size - 1] == SPAN_TAG)
    return found
