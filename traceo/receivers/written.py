"""How many samples, histograms and exemplars a remote write 2.0 request has: its answer says how many were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from traceo.errors import BadData
from traceo.store.messages import make_messages

KINDS = ("samples", "histograms", "exemplars")


@dataclass(frozen=True, slots=True)
class Written:
    """Numbers of items by kind."""

    counts: Mapping[str, int]

    def without(self, refused: Mapping[str, int]) -> dict[str, int]:
        """What is left of each kind."""
        return {kind: count - refused.get(kind, 0) for kind, count in self.counts.items()}


MESSAGE = make_messages("""
message Series { repeated bytes samples = 2; repeated bytes histograms = 3; repeated bytes exemplars = 4; }
message Request { repeated Series series = 5; }
""")["Request"]


def count_written(body: bytes) -> Written:
    """Of all series. Raises BadData for what is no such request."""
    try:
        series = MESSAGE.FromString(body).series
    except DecodeError as error:
        raise BadData("the body is no remote write request: it is cut off, or no protobuf at all") from error
    return Written({kind: sum(len(getattr(one, kind)) for one in series) for kind in KINDS})
