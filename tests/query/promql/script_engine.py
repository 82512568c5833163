"""Loads scripts into the engine's tables, runs their evaluations and says how the results differ."""

import hashlib
import math
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.query.promql.script_language import Data, Eval, Script, unquote
from tests.query.promql.script_nhcb import Key
from tests.query.promql.script_values import Stale, Value
from traceo.errors import TraceoError
from traceo.query.promql.evaluate import Answer, Options, query_instant, query_range
from traceo.query.promql.histogram import Histogram
from traceo.query.run import Queries
from traceo.store.base import Store

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
KINDS = {False: 0, True: 1}


async def load(store: Store, script: Script, folder: Path) -> None:
    """All tenants of a script, in three inserts."""
    rows: dict[str, list[dict[str, Any]]] = {"label_sets": [], "samples": [], "native_histograms": []}
    for tenant, data in script.tenants.items():
        _add_rows(rows, tenant, data)
    for table, found in rows.items():
        if found:
            await _insert(store, table, found, folder)


def _add_rows(rows: dict[str, list[dict[str, Any]]], tenant: str, data: Data) -> None:
    for key, points in data.items():
        labels = dict(sorted(key))
        series = int.from_bytes(hashlib.blake2b(repr(sorted(key)).encode(), digest_size=8).digest(), "big")
        common = {"tenant": tenant, "series_id": series}
        native = any(isinstance(value, Histogram) for value in points.values())
        name = labels.pop("__name__", "")
        rows["label_sets"].append(
            {**common, "metric": name, "source_id": series, "kind": KINDS[native], "labels": list(labels.items())}
        )
        for time, value in points.items():
            point = {**common, "time": time * 1_000_000}
            if isinstance(value, Histogram):
                rows["native_histograms"].append({**point, **_histogram_row(value)})
            else:
                rows["samples"].append({**point, "fractional": STALE if isinstance(value, Stale) else value})


def _histogram_row(h: Histogram) -> dict[str, Any]:
    sides = {
        f"{name}_{part}": getattr(side, part).tolist()
        for name, side in (("positive", h.positive), ("negative", h.negative))
        for part in ("indexes", "counts")
    }
    numbers = {name: getattr(h, name) for name in ("schema", "zero_threshold", "zero_count", "count", "sum")}
    return {**sides, **numbers, "custom_bounds": list(h.custom_bounds), "reset_hint": int(h.hint), "is_float": True}


async def _insert(store: Store, table: str, rows: list[dict[str, Any]], folder: Path) -> None:
    kinds: dict[str, pa.DataType] = {
        **{name: pa.string() for name in ("tenant", "metric")},
        **{name: pa.uint64() for name in ("series_id", "source_id")},
        **{name: pa.int8() for name in ("kind", "schema", "reset_hint")},
        **{name: pa.float64() for name in ("fractional", "zero_threshold", "zero_count", "count", "sum")},
        **{name: pa.list_(pa.int32()) for name in ("positive_indexes", "negative_indexes")},
        **{name: pa.list_(pa.float64()) for name in ("positive_counts", "negative_counts", "custom_bounds")},
        "time": pa.timestamp("ns", "UTC"),
        "labels": pa.map_(pa.string(), pa.string()),
        "is_float": pa.bool_(),
    }
    schema = pa.schema([(name, kinds[name]) for name in rows[0]])
    path = folder / f"{table}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    await store.execute(f"INSERT INTO {table} ({', '.join(rows[0])}) FROM INFILE '{path}' FORMAT Parquet")


async def run(queries: Queries, case: Eval) -> str:
    """What is wrong with the result; empty: nothing."""
    expected = {word: (how, text) for word, how, text in case.expects}
    try:
        if case.step_ms:
            window = case.start_ms, case.end_ms, case.step_ms
            answer = await query_range(queries, case.tenant, case.query, *window, Options())
        else:
            answer = await query_instant(queries, case.tenant, case.query, case.start_ms, Options())
    except TraceoError as error:
        if "fail" not in expected:
            return f"failed: {error}"
        return "" if _text_matches(*expected["fail"], [str(error)]) else f"failed otherwise: {error}"
    if "fail" in expected:
        return "did not fail"
    return _check_notes(case, answer) or _check_values(case, answer, expected)


def _text_matches(how: str, wanted: str, found: list[str]) -> bool:
    if how == "regex":
        return any(re.search(wanted, text) for text in found)
    return not how or any(wanted in text for text in found)


def _check_notes(case: Eval, answer: Answer) -> str:
    for word, how, text in case.expects:
        found = {"warn": answer.warnings, "info": answer.infos}.get(word.removeprefix("no_"))
        if found is None:
            continue
        if word.startswith("no_") and found:
            return f"{word}, but: {found}"
        if not word.startswith("no_") and not (found and _text_matches(how, text, found)):
            return f"{word} {text}, but: {found}"
    return ""


def _check_values(case: Eval, answer: Answer, expected: dict[str, tuple[str, str]]) -> str:
    if "string" in expected:
        wanted = unquote(expected["string"][1])
        return "" if answer.string == wanted else f"string {answer.string!r}"
    if answer.kind == "scalar" and case.scalar is not None:
        return _differs(case.scalar, float(answer.series[0].values[0]), "")
    found = {frozenset(series.labels.items()): series for series in answer.series}
    if len(found) != len(answer.series):
        return "two series have the same labels"
    if "ordered" in expected and [frozenset(series.labels.items()) for series in answer.series] != [
        key for key, _, _ in case.series
    ]:
        return f"order: {[series.labels for series in answer.series]}"
    wanted_series = {key: _at_times(case, values, text) for key, values, text in case.series}
    wanted_series = {key: values for key, values in wanted_series.items() if values}
    for key in wanted_series.keys() | found.keys():
        if key not in wanted_series or key not in found:
            return f"{'missing' if key not in found else 'surplus'} {show(key)}: {_show_points(found.get(key))}"
        problem = _compare(wanted_series[key], found[key])
        if problem:
            return f"{show(key)} {problem}"
    return ""


def show(key: Key) -> str:
    return str(dict(sorted(key)))


def _show_points(series: Any) -> str:
    return "" if series is None else str(series.values[:5])


def _at_times(case: Eval, values: list[Value], text: str) -> dict[int, tuple[Value, bool]]:
    explicit = "counter_reset_hint" in text
    start_ms, step_ms = case.vector_ms or (case.start_ms, case.step_ms)
    if not step_ms:
        return {case.start_ms: (values[0], explicit)} if values and values[0] is not None else {}
    times = (start_ms + number * step_ms for number in range(len(values)))
    return {time: (value, explicit) for time, value in zip(times, values, strict=True) if value is not None}


def _compare(wanted: dict[int, tuple[Value, bool]], series: Any) -> str:
    histograms = series.histograms or [None] * len(series.times_ms)
    found = {
        int(time): value if histogram is None else histogram
        for time, value, histogram in zip(series.times_ms, series.values, histograms, strict=True)
    }
    if wanted.keys() != found.keys():
        return f"at {sorted(found)[:12]} instead of {sorted(wanted)[:12]}"
    for time, (value, explicit) in wanted.items():
        problem = _differs(value, found[time], f"at {time}: ", explicit=explicit)
        if problem:
            return problem
    return ""


def _differs(wanted: Value, found: Any, place: str, *, explicit: bool = False) -> str:
    if isinstance(wanted, Histogram) != isinstance(found, Histogram):
        return f"{place}{found} instead of {wanted}"
    if isinstance(wanted, Histogram):
        same = _same_histogram(wanted, found) and (not explicit or wanted.hint == found.hint)
        detail = f"{found.schema} {found.hint.name} {found.custom_bounds} {found.text()} instead of"
        return "" if same else f"{place}{detail} {wanted.hint.name} {wanted.text()}"
    return "" if almost(float(wanted), float(found)) else f"{place}{found!r} instead of {wanted!r}"  # type: ignore[arg-type]


def _same_histogram(wanted: Histogram, found: Histogram) -> bool:
    found, wanted = found.compact(), wanted.compact()
    numbers = [[h.count, h.sum, h.zero_count] for h in (wanted, found)]
    sides = [(wanted.positive, found.positive), (wanted.negative, found.negative)]
    return (
        (wanted.schema, wanted.custom_bounds) == (found.schema, found.custom_bounds)
        and wanted.zero_threshold == found.zero_threshold
        and all(almost(a, b) for a, b in zip(*numbers, strict=True))
        and all(
            np.array_equal(a.indexes, b.indexes) and all(map(almost, a.counts.tolist(), b.counts.tolist()))
            for a, b in sides
        )
    )


def almost(one: float, other: float) -> bool:
    """Prometheus' `almost.Equal` with a tolerance of 1e-6."""
    if one == other or (math.isnan(one) and math.isnan(other)):
        return True
    total, distance = abs(one) + abs(other), abs(one - other)
    if one == 0 or other == 0 or total < 2.2e-308:
        return distance < 1e-6 * 2.2e-308
    return distance / min(total, 1.7976931348623157e308) < 1e-6
