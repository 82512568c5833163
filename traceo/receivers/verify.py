"""Whether a request may be answered before the engine has seen it: whether it is certain that all of it will be stored.

protobuf's own C parser checks the bytes, a regular expression counts spans with valid ids. Nothing here looks at items
one by one, and nothing is refused here: what is not certain waits for the engine, which judges.
"""

import re
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from traceo.store.base import Signal

FILES = (common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2)
SERVICES = {Signal.TRACES: trace_service_pb2, Signal.LOGS: logs_service_pb2, Signal.METRICS: metrics_service_pb2}


def _make_messages() -> dict[Signal, Any]:
    """OTLP's request messages with as bytes what the engine reads as bytes (store/wire): less than half the work."""
    pool = DescriptorPool()
    for module in (*FILES, *SERVICES.values()):
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message, field in ((kind, field) for kind in file.message_type for field in kind.field):
            of_a_point = message.name.endswith("DataPoint") and field.name == "attributes"
            if of_a_point or field.type_name == ".opentelemetry.proto.common.v1.AnyValue":
                field.type = FieldDescriptorProto.TYPE_BYTES
                field.ClearField("type_name")
        pool.Add(file)
    name = "opentelemetry.proto.collector.{0}.v1.Export{1}ServiceRequest"
    words = {Signal.TRACES: "Trace", Signal.LOGS: "Logs", Signal.METRICS: "Metrics"}
    found = {kind: pool.FindMessageTypeByName(name.format(word.lower(), word)) for kind, word in words.items()}
    return {kind: GetMessageClass(descriptor) for kind, descriptor in found.items()}


MESSAGES = _make_messages()
# A span as every protobuf library begins it: its tag and length, a trace id of 16 bytes and a span id of 8, neither all
# zero. The tag matters: links begin with ids, too, and one MUST NOT stand in for a span whose own are bad.
VALID_IDS = re.compile(rb"\x12[\x80-\xff]{0,4}[\x00-\x7f]\x0a\x10(?!\0{16}).{16}\x12\x08(?!\0{8}).{8}", re.DOTALL)


def is_certain(signal: Signal, body: bytes) -> bool:
    """True when the engine will take every item of this body."""
    try:
        message = MESSAGES[signal].FromString(body)
    except DecodeError:
        return False
    # A field of the wrong type is unknown to this parser and corrupt to the engine's; a second way to write something
    # may be read in two ways. Only what is written as protobuf itself would write it is read alike by both.
    message.DiscardUnknownFields()
    if message.ByteSize() != len(body):
        return False
    if signal is not Signal.TRACES:
        return True
    spans = sum(len(scope.spans) for resource in message.resource_spans for scope in resource.scope_spans)
    return len(VALID_IDS.findall(body)) == spans
