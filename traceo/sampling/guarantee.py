"""The guarantee: of each service, operation and status, one trace in five minutes is kept.

It is the trace with the highest randomness of those in the cohort, and its threshold is just above the second: a
bottom-k sample with k = 1 of each combination that has none yet.
"""

from traceo.sampling.columns import SpanColumns

WINDOW_S = 300
WINDOW = f"toStartOfInterval(first_arrival, INTERVAL {WINDOW_S} SECOND)"
COMBINATION = "cityHash64(service, name, status_code)"
COLUMNS = ("service", "name", "status_code")


def combinations(columns: SpanColumns) -> str:
    """SQL, an aggregate over a trace's spans: hashes of its combinations."""
    for name in COLUMNS:
        columns.column(name)
    return f"groupUniqArray({COMBINATION}) AS combinations"


def select_guaranteed(traces: str, seen: str, allowed: str) -> str:
    """SELECT trace_id, guarantee_threshold of the traces that are the first of a combination.

    `traces`: a SELECT of trace_id, first_arrival, randomness, combinations and what `allowed` asks, which says what may
    be kept at all. `seen`: as in `compile_verdict`.
    """
    known = f"SELECT toDateTime(window), {COMBINATION} FROM ({seen})"
    unseen = f"arrayFilter(x -> ({WINDOW}, x) NOT IN ({known}), combinations)" if seen else "combinations"
    each = (
        f"SELECT trace_id, {WINDOW} AS window, randomness, arrayJoin({unseen}) AS combination "
        f"FROM ({traces}) WHERE {allowed}"
    )
    group = "PARTITION BY window, combination ORDER BY randomness DESC, trace_id"
    frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
    ranked = (
        f"SELECT trace_id, randomness, row_number() OVER ({group}) AS place, "
        f"leadInFrame(randomness + 1, 1, toUInt64(0)) OVER ({group} {frame}) AS above_second FROM ({each})"
    )
    return (
        "SELECT trace_id, min(least(above_second, randomness)) AS guarantee_threshold "
        f"FROM ({ranked}) WHERE place = 1 GROUP BY trace_id"
    )
