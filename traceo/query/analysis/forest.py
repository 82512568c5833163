"""Who is whose parent, in all traces at once, whatever the senders made of it.

A parent is a row number; `len(spans)` stands for none. What goes along ancestors is done by doubling: after k steps
each row has seen 2^k of its ancestors, so that a chain of 50 000 spans takes 16 steps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traceo.query.analysis.columns import Flags, Ints, SpanColumns

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
MAX_HOPS = 1000  # from one clock to another, along one chain of ancestors


@dataclass(frozen=True, slots=True)
class Links:
    """`orphan`: its parent is named but not here. `cut`: it was its own ancestor, and is taken for a root."""

    parent: Ints
    orphan: Flags
    cut: Flags


def link(spans: SpanColumns) -> Links:
    """Parents by id, within each trace."""
    ids, number = np.unique(spans.id, return_inverse=True)
    wanted = np.searchsorted(ids, spans.parent_id).clip(max=max(0, len(ids) - 1))
    known = ids[wanted] == spans.parent_id if len(ids) else np.zeros(0, bool)
    width = len(ids) + 1
    key = spans.trace * width + number
    # Of spans with one id, a server's is the child of a client's (Zipkin shares ids), and the parent of their children.
    order = np.lexsort((spans.kind == SERVER, key))
    keys = key[order]
    sought = spans.trace * width + np.where(known, wanted, width - 1)
    place = np.searchsorted(keys, sought, "right") - 1
    found = (place >= 0) & (keys[place.clip(0)] == sought) & (spans.parent_id != 0)
    parent = np.where(found, order[place.clip(0)], len(spans))
    first = order[np.searchsorted(keys, key)]
    shared = (spans.kind == SERVER) & (spans.kind[first] == CLIENT)
    parent = np.where(shared, first, parent)
    orphan = (spans.parent_id != 0) & (parent == len(spans))
    cut = find_circles(parent)
    return Links(np.where(cut, len(spans), parent), orphan, cut)


def find_circles(parent: Ints) -> Flags:
    """Of each circle of parents, its first row."""
    count = len(parent)
    jump, first = np.append(parent, count), np.arange(count + 1)
    for _ in range(count.bit_length() + 1):
        if (jump == count).all():
            break
        first = np.minimum(first, first[jump])
        jump = jump[jump]
    landed = jump[:count][jump[:count] != count]
    cut = np.zeros(count, bool)
    cut[first[landed]] = True
    return cut


def fold(parent: Ints, values: NDArray[Any], combine: Callable[..., NDArray[Any]], neutral: Any) -> NDArray[Any]:
    """Each row's value combined with those of all of its ancestors."""
    count = len(parent)
    jump, total = np.append(parent, count), np.append(values, np.asarray(neutral, values.dtype))
    while (jump != count).any():
        total = combine(total, total[jump])
        jump = jump[jump]
    return total[:count]


def roots_of(parent: Ints) -> Ints:
    """The topmost ancestor of each row, which may be itself."""
    rows = np.arange(len(parent))
    root = np.where(parent == len(parent), rows, parent)
    while not np.array_equal(above := root[root], root):
        root = above
    return root


def choose_roots(spans: SpanColumns, links: Links) -> Ints:
    """One row for each trace: of the spans at the top, one that names no parent, the longest, the earliest."""
    top = np.flatnonzero(links.parent == len(spans))
    rank = np.lexsort((spans.start[top], -spans.duration[top], links.orphan[top] | links.cut[top], spans.trace[top]))
    _, first = np.unique(spans.trace[top][rank], return_index=True)
    return top[rank][first]


def align_clocks(spans: SpanColumns, parent: Ints) -> Ints:
    """By how much each span is moved, so that a call lies within its caller's span though their clocks disagree.

    As Jaeger's clock skew adjuster does it: one that fits is put in the middle, as if the network took as long there as
    back; one that is too long is moved to the caller's start, if it began before. Messages are no calls.
    """
    count = len(spans)
    callee = np.flatnonzero(parent != count)
    foreign = np.zeros(count, bool)
    foreign[callee] = spans.resource[callee] != spans.resource[parent[callee]]
    shift = np.zeros(count + 1, np.int64)
    # The span by which a process was entered: all that follow in the same process have its clock.
    entry = roots_of(np.where(foreign, count, parent))
    hops = fold(parent, foreign.astype(np.int64), np.add, 0)
    entries = np.flatnonzero(foreign)
    entries = entries[np.argsort(hops[entries], kind="stable")]
    ends = np.searchsorted(hops[entries], np.arange(1, min(int(hops.max(initial=0)), MAX_HOPS) + 1), "right")
    begin = 0
    for end in ends:
        rows = entries[begin:end]
        shift[rows] = _skew(spans, rows, parent[rows], shift[entry[parent[rows]]])
        begin = int(end)
    return shift[entry]


def _skew(spans: SpanColumns, rows: Ints, callers: Ints, shift: Ints) -> Ints:
    start, spare = spans.start[callers] + shift, spans.duration[callers] - spans.duration[rows]
    offset = spans.start[rows] - start
    message = is_message(spans, rows, callers)
    within = (offset >= 0) & (offset <= spare)
    moved = np.where(spare >= 0, spare // 2 - offset, np.maximum(-offset, 0))
    return np.where(within | message, 0, moved)


def is_message(spans: SpanColumns, rows: Ints, parents: Ints) -> Flags:
    """Whether these spans handle what their parents sent through a queue."""
    messages: Flags = (spans.kind[rows] == CONSUMER) | (spans.kind[parents] == PRODUCER)
    return messages
