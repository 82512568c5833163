"""The critical path: walking back from the end of a span, always into the child that ended last.

At each moment of a span's time, exactly one span is on its path: the path's segments add up to its duration. What ended
later than the moment at which the walk stands was not waited for.
"""

from dataclasses import dataclass, replace

import numpy as np

from traceo.query.analysis.columns import Flags, Ints, SpanColumns
from traceo.query.analysis.forest import CLIENT, CONSUMER, PRODUCER, SERVER, align_clocks, fold, is_message

# A child that outlives its parent by at most this, and a tenth of itself, was waited for: clocks are read at moments.
TOLERANCE_NS = 1_000_000
MAX_CLIMB = 1000
FAR = 1 << 62
KINDS = ("own work", "network", "messaging queue", "retry", "straggler", "blocked")
OWN, NETWORK, QUEUE, RETRY, STRAGGLER, BLOCKED = range(len(KINDS))


@dataclass(frozen=True, slots=True)
class Tree:
    """Spans as the walk sees them: `holder` is who waited for a span (`len(spans)`: nobody), `start` and `end` are
    corrected and cut to what lies within all holders, `shift` is the correction.
    """

    holder: Ints
    start: Ints
    end: Ints
    shift: Ints
    top: Flags
    detached: Flags
    clipped: Flags


@dataclass(frozen=True, slots=True)
class Segments:
    """Stretches of time in which one span, and none of its children, is on the path.

    `before` and `after`: the children that ended at its begin, and begin at its end (`len(spans)`: none).
    """

    span: Ints
    start: Ints
    end: Ints
    before: Ints
    after: Ints
    kind: Ints


def plant(spans: SpanColumns, parent: Ints, tops: Ints) -> Tree:
    """The trees below `tops`, of which none lies below another."""
    count = len(spans)
    top = np.zeros(count, bool)
    top[tops] = True
    parent = np.where(top, count, parent)
    shift = align_clocks(spans, parent)
    start = spans.start + shift
    end = start + spans.duration
    holder = _find_holders(spans, parent, start, end)
    inside_start, inside_end = fold(holder, start, np.maximum, -FAR), fold(holder, end, np.minimum, 2 * FAR - 1)
    clipped = (holder != count) & ((inside_start != start) | (inside_end != end))
    detached = (holder == count) & (parent != count)
    return Tree(holder, inside_start, inside_end, shift, top, detached, clipped)


def _find_holders(spans: SpanColumns, parent: Ints, start: Ints, end: Ints) -> Ints:
    """Who waited for each span: its parent, unless it outlives it by more than clocks explain.

    A call to another process is waited for until its caller gives up. A message is waited for, if at all, by the
    nearest ancestor that is still at work when it has been handled.
    """
    count = len(spans)
    holder = parent.copy()
    rows = np.flatnonzero(parent != count)
    over = end[rows] - end[parent[rows]]
    late = rows[(over > np.minimum(TOLERANCE_NS, spans.duration[rows] // 10)) | (start[rows] >= end[parent[rows]])]
    message = is_message(spans, late, parent[late])
    call = (spans.resource[late] != spans.resource[parent[late]]) & ~message
    call &= start[late] < end[parent[late]]
    holder[late[~call & ~message]] = count
    climbing = late[message]
    for _ in range(MAX_CLIMB):
        holder[climbing] = parent[holder[climbing]]
        climbing = climbing[holder[climbing] != count]
        above = holder[climbing]
        climbing = climbing[(end[above] < end[climbing]) | (start[above] > start[climbing])]
        if not len(climbing):
            break
    holder[climbing] = count
    return holder


def walk(spans: SpanColumns, tree: Tree) -> tuple[Flags, Ints]:
    """Which spans are on the path, and for each the sibling that the walk enters when it leaves this one's start."""
    count = len(spans)
    heard = np.flatnonzero((tree.holder != count) & (tree.end > tree.start))  # who takes no time is not waited for
    moments, rank = np.unique(np.concatenate([tree.end[heard], tree.start[heard]]), return_inverse=True)
    ends, starts = rank[: len(heard)], rank[len(heard) :]
    order = np.lexsort((spans.id[heard], -starts, ends, tree.holder[heard]))
    heard, ends, starts = heard[order], ends[order], starts[order]
    holder, width = tree.holder[heard], len(moments) + 1
    keys = holder * width + ends
    place = np.searchsorted(keys, holder * width + starts, "right") - 1
    found = (place >= 0) & (holder[place.clip(0)] == holder)
    earlier = np.full(count + 1, count)
    earlier[heard] = np.where(found, heard[place.clip(0)], count)
    last = np.ones(len(heard), bool)
    last[:-1] = holder[:-1] != holder[1:]
    chosen = _reach(heard[last], earlier)
    astray = fold(tree.holder, ~(chosen[:count] | tree.top), np.logical_or, False)
    return ~astray, earlier[:count]


def _reach(begins: Ints, following: Ints) -> Flags:
    """Every row that is met from `begins` along `following`, whose last entry is the end."""
    count = len(following) - 1
    met = np.zeros(count + 1, bool)
    met[begins] = True
    jump = following
    while (jump != count).any():
        met[jump[np.flatnonzero(met)]] = True
        jump = jump[jump]
    return met


def find_segments(spans: SpanColumns, tree: Tree) -> Segments:
    """The paths of all tops, in the order of trace and time, without what takes no time."""
    count = len(spans)
    on_path, earlier = walk(spans, tree)
    rows = np.flatnonzero(on_path)
    below = rows[~tree.top[rows]]
    # Before each child that is on the path, its holder is; and after the last one.
    prior = earlier[below]
    latest = np.full(count + 1, count)
    followed = np.zeros(count + 1, bool)
    followed[prior] = True
    ends_holder = below[~followed[below]]
    latest[tree.holder[ends_holder]] = ends_holder
    end_of, last = np.append(tree.end, 0), latest[rows]
    before = np.concatenate([prior, last])
    after = np.concatenate([below, np.full(len(rows), count)])
    span = np.concatenate([tree.holder[below], rows])
    start = np.where(before == count, tree.start[span], end_of[before])
    end = np.concatenate([tree.start[below], tree.end[rows]])
    kept = np.flatnonzero(end > start)
    kept = kept[np.lexsort((start[kept], spans.trace[span[kept]]))]
    found = Segments(span[kept], start[kept], end[kept], before[kept], after[kept], np.zeros(len(kept), np.int64))
    return _name_waits(spans, tree, found)


def _name_waits(spans: SpanColumns, tree: Tree, found: Segments) -> Segments:
    """What each segment's time went into; one in which a straggler begins to be late is divided there."""
    count = len(spans)
    retried, late_from = _look_at_siblings(spans, tree)
    kind = _plain_kinds(spans, tree, found)
    kind_of_operation = np.append(spans.operation, -1)
    again = np.append(retried, False)[found.before] & (found.after != count)
    again &= kind_of_operation[found.before] == kind_of_operation[found.after]
    wasted = fold(tree.holder, retried, np.logical_or, False)[found.span] | again
    kind = np.where(wasted, RETRY, kind)
    late = fold(tree.holder, late_from, np.minimum, 2 * FAR - 1)[found.span]
    kind = np.where((late <= found.start) & ~wasted, STRAGGLER, kind)
    split = (late > found.start) & (late < found.end) & ~wasted
    if not split.any():
        return replace(found, kind=kind)
    rows = np.flatnonzero(split)
    whole = Segments(
        *(
            np.concatenate([column, column[rows]])
            for column in (found.span, found.start, found.end, found.before, found.after, kind)
        )
    )
    whole.end[rows] = late[rows]
    whole.after[rows] = count
    whole.start[len(kind) :] = late[rows]
    whole.before[len(kind) :] = count
    whole.kind[len(kind) :] = STRAGGLER
    order = np.lexsort((whole.start, spans.trace[whole.span]))
    return Segments(*(getattr(whole, name)[order] for name in ("span", "start", "end", "before", "after", "kind")))


def _plain_kinds(spans: SpanColumns, tree: Tree, found: Segments) -> Ints:
    """A client waits for the network if its server is seen, else for what is not seen; before a message: its queue."""
    count = len(spans)
    children = np.flatnonzero(tree.holder != count)
    answered = np.zeros(count, bool)
    served = (spans.kind[children] == SERVER) | (spans.resource[children] != spans.resource[tree.holder[children]])
    answered[tree.holder[children[served]]] = True
    owner = spans.kind[found.span]
    kind = np.where(owner == CLIENT, np.where(answered[found.span], NETWORK, BLOCKED), OWN)
    following = np.append(spans.kind, 0)[found.after]
    resource = np.append(spans.resource, np.uint64(0))[found.after]
    delivered = (following == CONSUMER) & ((resource != spans.resource[found.span]) | (owner == PRODUCER))
    return np.where(delivered, QUEUE, kind)


def _look_at_siblings(spans: SpanColumns, tree: Tree) -> tuple[Flags, Ints]:
    """Of siblings with one operation: who failed and was tried again, and from when each is the last at work."""
    count = len(spans)
    rows = np.flatnonzero(tree.holder != count)
    retried, late_from = np.zeros(count, bool), np.full(count, 2 * FAR - 1)
    order = rows[np.lexsort((tree.start[rows], spans.operation[rows], tree.holder[rows]))]
    one, two = order[:-1], order[1:]
    same = (tree.holder[one] == tree.holder[two]) & (spans.operation[one] == spans.operation[two])
    again = same & spans.failed[one] & (tree.start[two] >= tree.end[one])
    retried[one[again]] = True
    order = rows[np.lexsort((tree.end[rows], spans.operation[rows], tree.holder[rows]))]
    one, two = order[:-1], order[1:]
    same = (tree.holder[one] == tree.holder[two]) & (spans.operation[one] == spans.operation[two])
    beside = same & (tree.end[one] > tree.start[two])
    late_from[two[beside]] = tree.end[one[beside]]
    return retried, late_from
