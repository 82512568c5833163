"""The critical path of one trace, for a reader."""

import numpy as np

from traceo.errors import InvalidRequest, NotFound
from traceo.query.analysis.columns import COLUMNS, SOURCES, Ints, SpanColumns, read_columns, without_repeats
from traceo.query.analysis.forest import Links, choose_roots, link
from traceo.query.analysis.path import KINDS, Segments, Tree, find_segments, plant
from traceo.query.run import Queries, Row
from traceo.query.services import KINDS as SPAN_KINDS
from traceo.query.sql import Scope
from traceo.query.traces import parse_trace_id
from traceo.store.attributes import decode_text

MAX_SPANS = 200_000
MAX_SEGMENTS = 20_000
MAX_ROOTS = 20


async def read_critical_path(queries: Queries, tenant: str, trace_id: str, root: str = "") -> Row:
    """Segments in the order of time, what they add up to by kind, and what was mended. Raises NotFound.

    `root`: the id of the span whose end is explained; default: the root of the trace.
    """
    wanted = parse_trace_id(trace_id)

    async def read(recent: frozenset[str]) -> SpanColumns:
        scope = Scope(tenant, recent=recent)
        found = scope.select_spans(SOURCES, [f"trace_id = {scope.bind(wanted)}"])
        sql = f"SELECT {COLUMNS} FROM ({found}) LIMIT {MAX_SPANS + 1}"
        return read_columns(await queries.table(sql, dict(scope.params)))

    spans = await queries.over_recent(["spans_recent"], read)
    if not len(spans):
        raise NotFound(f"trace {trace_id} is not here: it never arrived, was not kept, or is past its retention")
    return explain_trace(spans, root)


def explain_trace(spans: SpanColumns, root: str = "") -> Row:
    """The answer, from the columns of one trace."""
    cut_off = len(spans) > MAX_SPANS
    spans, repeats = without_repeats(spans.take(np.arange(min(len(spans), MAX_SPANS))))
    links = link(spans)
    main = _find_span(spans, root) if root else int(choose_roots(spans, links)[0])
    tree = plant(spans, links.parent, np.array([main]))
    segments = find_segments(spans, tree)
    length = segments.end - segments.start
    roots = np.flatnonzero(links.parent == len(spans))
    return {
        "trace_id": spans.trace_id(0),
        "root": show_span(spans, main),
        "start_time_ns": int(tree.start[main]),
        "duration_ns": int(spans.duration[main]),
        "spans": len(spans),
        "kinds": {
            name: int(length[segments.kind == number].sum())
            for number, name in enumerate(KINDS)
            if (segments.kind == number).any()
        },
        "on_path": _sum_up(spans, segments, length),
        "segments": _show_segments(spans, tree, segments, main),
        "truncated": cut_off or len(length) > MAX_SEGMENTS,
        "roots": [show_span(spans, int(row)) for row in roots[:MAX_ROOTS]],
        "mended": _list_mended(spans, links, tree, repeats, len(roots), cut_off),
    }


def show_span(spans: SpanColumns, row: int) -> Row:
    """What tells a span to a reader."""
    return {
        "span_id": f"{int(spans.id[row]):016x}",
        "service": decode_text(spans.services[spans.service[row]]),
        "operation": decode_text(spans.names[spans.name[row]]),
        "span_kind": SPAN_KINDS.get(int(spans.kind[row]), str(spans.kind[row])),
    }


def _find_span(spans: SpanColumns, text: str) -> int:
    try:
        number = int(text, 16)
    except ValueError as error:
        raise InvalidRequest(f"{text[:32]!r} is not a span id: 16 hexadecimal digits are") from error
    found = np.flatnonzero(spans.id == number) if 0 < number < 1 << 64 else np.zeros(0, np.int64)
    if not len(found):
        raise NotFound(f"the trace has no span {text[:32]}")
    return int(found[0])


def _show_segments(spans: SpanColumns, tree: Tree, segments: Segments, main: int) -> list[Row]:
    names = {int(row): show_span(spans, int(row)) for row in np.unique(segments.span[:MAX_SEGMENTS])}
    begin = int(tree.start[main])
    columns = (segments.span, segments.start, segments.end, segments.kind)
    return [
        {**names[span], "offset_ns": start - begin, "duration_ns": end - start, "kind": KINDS[kind]}
        for span, start, end, kind in zip(*(column[:MAX_SEGMENTS].tolist() for column in columns), strict=True)
    ]


def _sum_up(spans: SpanColumns, segments: Segments, length: Ints) -> list[Row]:
    """By service, operation and kind of wait, the longest first."""
    width = len(KINDS)
    keys, place = np.unique(spans.operation[segments.span] * width + segments.kind, return_inverse=True)
    sums = np.bincount(place, length, len(keys))
    example = np.zeros(len(keys), np.int64)
    example[place] = segments.span
    total = max(float(length.sum()), 1.0)
    return [
        {
            **{name: text for name, text in show_span(spans, int(example[at])).items() if name != "span_id"},
            "kind": KINDS[int(keys[at]) % width],
            "duration_ns": int(sums[at]),
            "share": float(sums[at]) / total,
        }
        for at in np.argsort(-sums, kind="stable")[:1000]
    ]


def _list_mended(spans: SpanColumns, links: Links, tree: Tree, repeats: int, roots: int, cut_off: bool) -> list[str]:
    """What the trace got wrong, or what was not followed, in words."""
    moved = tree.shift != 0
    counts = (
        (repeats, "were sent twice and are taken once"),
        (int(spans.negative.sum()), "end before they begin: they are taken to last no time"),
        (int(links.orphan.sum()), "name a parent that is not here"),
        (int(links.cut.sum()), "are their own ancestors: the circle is opened at its first span"),
        (int(moved.sum()), "were moved, because their clock disagrees with their caller's"),
        (
            int((tree.clipped & ~tree.detached).sum()),
            "reach beyond the span that waits for them: that part is left out",
        ),
        (int(tree.detached.sum()), "outlive their parents, who did not wait for them: they are not on the path"),
    )
    notes = [f"{count} {'span' if count == 1 else 'spans'}: {what}" for count, what in counts if count]
    if moved.any():
        largest = int(np.abs(tree.shift).max())
        notes.append(f"the largest correction of a clock is {largest / 1e6:.3f} ms")
    if roots > 1:
        notes.append(f"{roots} spans have no parent here: the path is that of the first under root")
    if cut_off:
        notes.append(f"only {MAX_SPANS} spans were looked at")
    return notes
