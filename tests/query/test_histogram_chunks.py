"""Chunks of native histograms: bit for bit as Prometheus' own."""

import struct
from pathlib import Path
from typing import Any

import pytest
import yaml

from traceo.query.histogram_chunks import encode_histogram_chunks, spans_of

CASES = yaml.safe_load((Path(__file__).parent / "histogram_chunks.yaml").read_text())
STALE = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]


def row(ms: int, counts: dict[int, float], **more: Any) -> dict[str, Any]:
    made = {"ms": ms, "hint": 0, "is_float": False, "schema": 0, "zero_threshold": 0.0, "zero_count": 0.0, "sum": 1.0}
    made |= {"count": sum(counts.values()), "positive_indexes": list(counts), "positive_counts": list(counts.values())}
    return {**made, "negative_indexes": [], "negative_counts": [], "custom_bounds": [], **more}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["layout"])[:60])
def test_chunk_is_the_one_that_prometheus_makes(case: dict[str, Any]) -> None:
    layout = case["layout"]
    fixed = {"hint": layout["hint"], "is_float": layout["is_float"], "schema": 3, "custom_bounds": []}
    fixed |= {"zero_threshold": float(layout["zero_threshold"])}
    fixed |= {f"{side}_indexes": layout[side] for side in ("positive", "negative")}
    names = ("ms", "zero_count", "count", "sum", "positive_counts", "negative_counts")
    rows = [{**fixed, **dict(zip(names, sample, strict=True))} for sample in case["samples"]]
    ((kind, chunk),) = encode_histogram_chunks(rows)
    assert (kind, chunk.min_time_ms, chunk.max_time_ms) == (layout["type"], rows[0]["ms"], rows[-1]["ms"])
    assert (chunk.data[:2] + chunk.data[3:]).hex() == case["data"]
    assert chunk.data[2] == (0b1100_0000 if layout["hint"] == 3 else 0)


@pytest.mark.parametrize(
    ("second", "chunks"),
    [
        (row(2, {1: 5, 2: 1}), 1),
        (row(2, {1: 4}), 2),
        (row(2, {2: 9}), 2),
        (row(2, {1: 9}, schema=1), 2),
        (row(2, {1: 9}, zero_threshold=0.5), 2),
        (row(2, {1: 9}, custom_bounds=[1.0]), 2),
        (row(2, {1: 9}, is_float=True), 2),
        (row(2, {1: 9}, hint=1), 2),
        (row(2, {1: 9}, hint=2), 1),
        (row(2, {1: 4}, hint=3), 2),
        (row(2, {}, sum=STALE), 2),
    ],
    ids=["grows", "less", "bucket gone", "schema", "zero", "bounds", "float", "says so", "not", "gauge", "stale"],
)
def test_a_chunk_ends_where_its_layout_or_its_counter_does(second: dict[str, Any], chunks: int) -> None:
    found = list(encode_histogram_chunks([row(1, {1: 5}), second]))
    assert [(chunk.min_time_ms, chunk.max_time_ms) for _, chunk in found] == [[(1, 2)], [(1, 1), (2, 2)]][chunks - 1]


def test_long_series_are_cut() -> None:
    sizes = [int.from_bytes(c.data[:2]) for _, c in encode_histogram_chunks([row(ms, {1: ms}) for ms in range(250)])]
    assert sizes == [120, 120, 10]


def test_spans_are_runs_of_indexes() -> None:
    assert spans_of([-3, -2, 0, 5, 6, 7]) == [(-3, 2), (1, 1), (4, 3)]
    assert spans_of([]) == []
