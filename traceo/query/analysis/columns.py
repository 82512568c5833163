"""Spans of many traces as numpy columns, in the order of trace and start."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from traceo.query.run import as_bytes

Ints = NDArray[np.int64]
Ids = NDArray[np.uint64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]

# Of a span whose columns are at hand. The halves of an id as numbers: numpy compares them at once.
COLUMNS = (
    "reinterpretAsUInt64(reverse(substring(trace_id, 1, 8))) AS trace_high, "
    "reinterpretAsUInt64(reverse(substring(trace_id, 9, 8))) AS trace_low, "
    "reinterpretAsUInt64(reverse(span_id)) AS id, reinterpretAsUInt64(reverse(parent_span_id)) AS parent_id, "
    "resource_id, service, name, kind, status_code, toUnixTimestamp64Nano(start_time) AS start_ns, duration_ns"
)
SOURCES = "trace_id, span_id, parent_span_id, resource_id, service, name, kind, status_code, start_time, duration_ns"
LATEST_NS, LONGEST_NS = 1 << 62, 1 << 61  # so that their sums are no overflow
ERROR = 2


@dataclass(frozen=True, slots=True)
class SpanColumns:
    """One row a span. `trace` counts from 0; `services` and `names` say what the codes mean; `operation` is one code
    for service, name and kind. `asked`: the span met the conditions of the question. `weight`: how many it stands for.
    """

    trace: Ints
    trace_high: Ids
    trace_low: Ids
    id: Ids
    parent_id: Ids
    resource: Ids
    service: Ints
    name: Ints
    operation: Ints
    kind: Ints
    failed: Flags
    start: Ints
    duration: Ints
    negative: Flags
    weight: Numbers
    asked: Flags
    services: list[bytes]
    names: list[bytes]

    def __len__(self) -> int:
        return len(self.trace)

    def take(self, chosen: NDArray[Any]) -> "SpanColumns":
        """These rows."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(
            self, **{name: values[chosen] for name, values in columns.items() if isinstance(values, np.ndarray)}
        )

    def trace_id(self, row: int) -> str:
        """In hexadecimal."""
        return f"{int(self.trace_high[row]):016x}{int(self.trace_low[row]):016x}"


def read_columns(table: pa.Table) -> SpanColumns:
    """The result of a statement with COLUMNS and, where it has them, `asked` and `weight`."""
    table = as_bytes(table)
    high, low, start = (_numbers(table, name) for name in ("trace_high", "trace_low", "start_ns"))
    order = np.lexsort((start, low, high))
    high, low = high[order], low[order]
    changes = np.ones(len(order), bool)
    changes[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    service, services = _codes(table, "service")
    name, names = _codes(table, "name")
    kind, duration = _numbers(table, "kind").astype(np.int64), _numbers(table, "duration_ns")
    asked, weight = (_optional(table, name) for name in ("asked", "weight"))
    return SpanColumns(
        trace=np.cumsum(changes) - 1,
        trace_high=high,
        trace_low=low,
        id=_numbers(table, "id")[order],
        parent_id=_numbers(table, "parent_id")[order],
        resource=_numbers(table, "resource_id")[order],
        service=service[order],
        name=name[order],
        operation=((service * (len(names) + 1) + name) * 256 + (kind & 255))[order],
        kind=kind[order],
        failed=(_numbers(table, "status_code") == ERROR)[order],
        start=np.clip(start, -LATEST_NS, LATEST_NS)[order],
        duration=np.clip(duration, 0, LONGEST_NS)[order],
        negative=(duration < 0)[order],
        weight=weight[order],
        asked=asked[order] != 0,
        services=services,
        names=names,
    )


def without_repeats(spans: SpanColumns) -> tuple[SpanColumns, int]:
    """Each span once, though its sender sent it again; and how many were left out."""
    keys = (spans.kind, spans.operation, spans.duration, spans.start, spans.id, spans.trace)
    order = np.lexsort(keys)
    same = np.ones(max(0, len(spans) - 1), bool)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    repeated = order[1:][same]
    if not len(repeated):
        return spans, 0
    first = np.ones(len(spans), bool)
    first[repeated] = False
    return spans.take(first), len(repeated)


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    return table.column(name).to_numpy()  # type: ignore[no-any-return]


def _optional(table: pa.Table, name: str) -> Numbers:
    return _numbers(table, name).astype(np.float64) if name in table.column_names else np.ones(table.num_rows)


def _codes(table: pa.Table, name: str) -> tuple[Ints, list[bytes]]:
    encoded = pc.dictionary_encode(table.column(name).combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist()
