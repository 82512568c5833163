"""The critical path as its definition says, span by span, in plain Python: what the columns are compared with.

A span is a dict: id, parent (0: none), service, name, kind, failed, start, duration. The service is its clock.
"""

from typing import Any

import numpy as np

from traceo.query.analysis.columns import SpanColumns

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
Span = dict[str, Any]


def to_columns(traces: list[list[Span]]) -> SpanColumns:
    rows = [(number, span) for number, spans in enumerate(traces) for span in sorted(spans, key=lambda s: s["start"])]
    services = sorted({span["service"] for _, span in rows})
    names = sorted({span["name"] for _, span in rows})

    def column(read: Any, kind: Any = np.int64) -> Any:
        return np.array([read(span) for _, span in rows], kind)

    trace = np.array([number for number, _ in rows], np.int64)
    service, name = column(lambda s: services.index(s["service"])), column(lambda s: names.index(s["name"]))
    kind = column(lambda s: s["kind"])
    return SpanColumns(
        trace=trace,
        trace_high=trace.astype(np.uint64),
        trace_low=trace.astype(np.uint64),
        id=column(lambda s: s["id"], np.uint64),
        parent_id=column(lambda s: s["parent"], np.uint64),
        resource=service.astype(np.uint64),
        service=service,
        name=name,
        operation=(service * (len(names) + 1) + name) * 256 + kind,
        kind=kind,
        failed=column(lambda s: s["failed"], bool),
        start=column(lambda s: s["start"]),
        duration=column(lambda s: max(0, s["duration"])),
        negative=column(lambda s: s["duration"] < 0, bool),
        weight=np.ones(len(rows)),
        asked=np.ones(len(rows), bool),
        services=[text.encode() for text in services],
        names=[text.encode() for text in names],
    )


class Walk:
    """The path below a root, in a tree without circles and with different ids."""

    def __init__(self, spans: list[Span], root: int) -> None:
        self.spans = {span["id"]: span for span in spans}
        self.parents = {key: span["parent"] for key, span in self.spans.items() if span["parent"] in self.spans}
        self.parents.pop(root, None)
        self.root = root
        self.below = [key for key in self.spans if root in self.line(key)]
        self.start: dict[int, int] = {}
        for key in sorted(self.below, key=lambda key: len(self.line(key))):
            self.start[key] = self.align(key)
        self.end = {key: self.start[key] + max(0, self.spans[key]["duration"]) for key in self.below}
        self.holder = {key: self.find_holder(key) for key in self.below if key != root}
        self.cut = {key: self.clip(key) for key in self.below}
        self.segments: list[tuple[int, int, int]] = []
        self.descend(root)

    def line(self, key: int) -> list[int]:
        found = [key]
        while found[-1] in self.parents:
            found.append(self.parents[found[-1]])
        return found

    def is_message(self, key: int) -> bool:
        return self.spans[key]["kind"] == CONSUMER or self.spans[self.parents[key]]["kind"] == PRODUCER

    def align(self, key: int) -> int:
        span = self.spans[key]
        if key == self.root:
            return int(span["start"])
        above = self.spans[self.parents[key]]
        begin, length = self.start[above["id"]], max(0, above["duration"])
        if span["service"] == above["service"]:
            return int(span["start"] + begin - above["start"])
        start, duration = span["start"], max(0, span["duration"])
        if self.is_message(key) or (begin <= start and start + duration <= begin + length):
            return int(start)
        if duration <= length:
            return int(begin + (length - duration) // 2)
        return int(max(start, begin))

    def find_holder(self, key: int) -> int | None:
        parent, span = self.parents[key], self.spans[key]
        over, starts_late = self.end[key] - self.end[parent], self.start[key] >= self.end[parent]
        if over <= min(1_000_000, max(0, span["duration"]) // 10) and not starts_late:
            return parent
        if self.is_message(key):
            ancestors = [a for a in self.line(parent)[1:] if a in self.start]
            fit = [a for a in ancestors if self.end[a] >= self.end[key] and self.start[a] <= self.start[key]]
            return fit[0] if fit else None
        foreign = span["service"] != self.spans[parent]["service"]
        return parent if foreign and not starts_late else None

    def clip(self, key: int) -> tuple[int, int]:
        start, end, at = self.start[key], self.end[key], self.holder.get(key)
        while at is not None:
            start, end = max(start, self.start[at]), min(end, self.end[at])
            at = self.holder.get(at)
        return start, end

    def descend(self, key: int) -> None:
        start, cursor = self.cut[key]
        waited_for = [child for child in self.below if self.holder.get(child) == key]
        while True:
            done = [
                (self.cut[child][1], -self.cut[child][0], child)
                for child in waited_for
                if self.cut[child][0] < self.cut[child][1] <= cursor
            ]
            if not done:
                break
            end, _, child = max(done)
            self.segments.append((key, end, cursor))
            self.descend(child)
            cursor = self.cut[child][0]
        self.segments.append((key, start, cursor))


def find_path(spans: list[Span], root: int) -> list[tuple[int, int, int]]:
    """Segments (span, start, end) in the order of time, without those that take no time."""
    found = [segment for segment in Walk(spans, root).segments if segment[2] > segment[1]]
    return sorted(found, key=lambda segment: segment[1])
