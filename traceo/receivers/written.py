"""How many samples, histograms and exemplars a remote write 2.0 request has: its answer says how many were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from traceo.errors import BadData

KINDS = {"samples": 2, "histograms": 3, "exemplars": 4}  # and their field numbers in a series


@dataclass(frozen=True, slots=True)
class Written:
    """Numbers of items by kind."""

    counts: Mapping[str, int]

    def without(self, refused: Mapping[str, int]) -> dict[str, int]:
        """What is left of each kind."""
        return {kind: count - refused.get(kind, 0) for kind, count in self.counts.items()}


def _make_message() -> Any:
    """`io.prometheus.write.v2.Request`, with items as they are encoded."""
    file = FileDescriptorProto(name="written.proto", syntax="proto3")
    repeated = FieldDescriptorProto.LABEL_REPEATED
    series = file.message_type.add(name="Series")
    for kind, number in KINDS.items():
        series.field.add(name=kind, number=number, type=FieldDescriptorProto.TYPE_BYTES, label=repeated)
    request = file.message_type.add(name="Request")
    message = FieldDescriptorProto.TYPE_MESSAGE
    request.field.add(name="series", number=5, type=message, type_name=".Series", label=repeated)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("Request"))


MESSAGE = _make_message()


def count_written(body: bytes) -> Written:
    """Of all series. Raises BadData for what is no such request."""
    try:
        series = MESSAGE.FromString(body).series
    except DecodeError as error:
        raise BadData("the body is no remote write request: it is cut off, or no protobuf at all") from error
    return Written({kind: sum(len(getattr(one, kind)) for one in series) for kind in KINDS})
