"""What is known of services beside their figures: signals, versions, instances, languages, from all three signals.

Resources say it, day by day; `resource_red` says when, and how much, to the minute, of those that send spans.
"""

import asyncio
from typing import Any

from traceo.query.run import Queries, Row
from traceo.query.services import QUANTILES_MS, observed_seconds, red_of
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text, text_of

MAX_SERVICES, MAX_VALUES, MAX_VERSION_ROWS = 10_000, 100, 50_000
MAX_STEPS = 120
DAY_NS = 24 * 3600 * 10**9
# Field of a service -> attributes of its resources, the first one that is there.
FACTS = {
    "versions": ("service.version",),
    "namespaces": ("service.namespace", "k8s.namespace.name"),
    "environments": ("deployment.environment.name", "deployment.environment"),
    "languages": ("telemetry.sdk.language",),
    "sdk_versions": ("telemetry.sdk.version",),
    "instances": ("service.instance.id",),
    "pods": ("k8s.pod.name",),
    "hosts": ("host.name",),
}


def facts_of(*fields: str) -> str:
    """SQL: an array of texts, of each of these fields the first attribute that is there.

    How a value becomes text stands in it once: planning it for each attribute took longer than the reading.
    """
    attributes = ([f"attributes['{key}']" for key in FACTS[field]] for field in fields)
    values = ", ".join(f"[{', '.join(each)}]" for each in attributes)
    text = f"arrayFirst(text -> text != '', arrayMap(value -> {text_of('value')}, values))"
    return f"arrayMap(values -> {text}, [{values}])"


SETS = ", ".join(
    f"groupUniqArrayIf({MAX_VALUES})(said[{place}], said[{place}] != '') AS {name}"
    for place, name in enumerate(FACTS, 1)
)
VERSION_COLUMNS = f"id, any({facts_of('versions', 'environments')}) AS said, said[1] AS version, said[2] AS environment"
SIGNAL_SUMS = "service, signal, toUnixTimestamp(min(minute)) AS first, toUnixTimestamp(max(minute)) AS last"


async def list_facts(
    queries: Queries, tenant: str, between: TimeRange, service: str | None = None
) -> tuple[dict[str, Row], list[str]]:
    """Service -> its facts, of what sent anything within the range (resources: within its days); or of one.

    And a warning if there are more services.
    """
    resources, usage = Scope(tenant), Scope(tenant, between)
    first_day, last_day = (resources.bind(moment // DAY_NS) for moment in (between.start_ns, between.end_ns - 1))
    days = [f"toInt64(toUInt16(day)) BETWEEN {first_day} AND {last_day}"]
    signals: list[str] = []
    if service is not None:
        days.append(f"service = {resources.bind(service)}")
        signals.append(f"service = {usage.bind(service)}")
    tail = f"GROUP BY service ORDER BY service LIMIT {MAX_SERVICES + 1}"
    described_by = resources.select("resources", f"service, {facts_of(*FACTS)} AS said", days)
    of_resources = f"SELECT service, {SETS} FROM ({described_by}) {tail}"
    of_signals = usage.select(
        "usage", SIGNAL_SUMS, signals, f"GROUP BY service, signal ORDER BY service LIMIT {3 * MAX_SERVICES + 1}"
    )
    described, sent = await asyncio.gather(queries.rows(resources, of_resources), queries.rows(usage, of_signals))
    facts: dict[str, Row] = {}
    for row in sent:
        known = facts.setdefault(decode_text(row["service"]), no_facts())
        known["signals"] = sorted({*known["signals"], decode_text(row["signal"])})
        known["first_seen"] = min(known["first_seen"] or row["first"], row["first"])
        known["last_seen"] = max(known["last_seen"] or 0, row["last"])
    for row in described:
        known = facts.setdefault(decode_text(row["service"]), no_facts())
        known |= {name: sorted(map(decode_text, row[name])) for name in FACTS}
    cut = len(described) > MAX_SERVICES or len(sent) > 3 * MAX_SERVICES
    warning = f"more than {MAX_SERVICES} services: versions, instances and signals of the others are missing"
    return facts, [warning] if cut else []


def no_facts() -> Row:
    """Of a service of which nothing is known."""
    return {"signals": [], "first_seen": None, "last_seen": None, **{name: [] for name in FACTS}}


async def list_versions(queries: Queries, tenant: str, service: str, between: TimeRange) -> Row:
    """`{"releases": [...], "deploys": [...], "step_s", "traffic": [...]}` of one service.

    Each version and environment with its figures, first and last minute; deploys in order of time; and how many
    spans each version had, step by step.
    """
    scope = Scope(tenant, between)
    step_s = max(60, -(-int(between.seconds) // MAX_STEPS // 60) * 60)
    rows, seconds = await asyncio.gather(
        queries.rows(scope, _compile_versions(scope, service, step_s)), observed_seconds(queries, tenant, between)
    )
    parts = [
        {**row, **{name: decode_text(row[name]) for name in ("version", "environment")}}
        for row in rows[:MAX_VERSION_ROWS]
    ]
    sums, traffic = [], []
    for row in parts:
        named = {"version": row["version"], "environment": row["environment"]}
        if row["step"] is None:
            sums.append({**named, **red_of(row, seconds), "first_seen": row["first"], "last_seen": row["last"]})
        else:
            traffic.append({**named, "time": row["step"], "spans": row["requests"]})
    cut = (
        [f"only {MAX_VERSION_ROWS} steps of versions were read: take a shorter range"]
        if len(rows) > MAX_VERSION_ROWS
        else []
    )
    _add_shares(traffic)
    return {"releases": sums, "deploys": find_deploys(traffic), "step_s": step_s, "traffic": traffic, "warnings": cut}


def select_processes(scope: Scope, service: str, columns: str) -> str:
    """SQL: minute, spans, errors and durations of each resource of a service, with `columns` of the resource.

    Of a service without entry spans all spans count, as in `list_services`.
    """
    of_service = f"service = {scope.bind(service)}"
    resources = scope.without_time().select("resources", columns, [of_service], "GROUP BY id")
    entries = scope.select("resource_red", "max(entry)", [of_service])
    counted = "minute, resource_id, spans, errors, durations"
    red = scope.select("resource_red", counted, [of_service, f"entry = ({entries})"], alias="red FINAL")
    return f"SELECT * FROM ({red}) AS r ANY LEFT JOIN ({resources}) AS v ON r.resource_id = v.id"


def _compile_versions(scope: Scope, service: str, step_s: int) -> str:
    """One pass: the whole range of each version (`step` is NULL), and each step of it."""
    joined = select_processes(scope, service, VERSION_COLUMNS)
    return f"""
SELECT version, environment, if(grouping(at) = 0, toNullable(at), NULL) AS step, sum(spans) AS requests,
    sum(errors) AS failed, {QUANTILES_MS} AS quantiles_ms,
    toUnixTimestamp(min(minute)) AS first, toUnixTimestamp(max(minute)) AS last
FROM (SELECT *, toUnixTimestamp(toStartOfInterval(minute, INTERVAL {step_s} SECOND)) AS at FROM ({joined}))
GROUP BY GROUPING SETS ((version, environment), (version, environment, at))
ORDER BY environment, version, step LIMIT {MAX_VERSION_ROWS + 1}"""


def _add_shares(traffic: list[Row]) -> None:
    """The share of a version in its environment's spans of each step."""
    totals: dict[tuple[str, int], int] = {}
    for row in traffic:
        key = (row["environment"], row["time"])
        totals[key] = totals.get(key, 0) + row["spans"]
    for row in traffic:
        row["share"] = row["spans"] / (totals[row["environment"], row["time"]] or 1)


def find_deploys(traffic: list[Row]) -> list[Row]:
    """When the version with most of an environment's traffic became another one.

    `rollback`: it had most of the traffic once before. `overlap_s`: for how long both had some, around the change.
    """
    steps: dict[str, dict[int, dict[str, int]]] = {}
    for row in traffic:
        steps.setdefault(row["environment"], {}).setdefault(row["time"], {})[row["version"]] = row["spans"]
    deploys: list[Row] = []
    for environment, by_time in steps.items():
        led: list[str] = []
        for time, spans in sorted(by_time.items()):
            leader = max(spans, key=lambda version: (spans[version], version))
            if led and leader != led[-1]:
                both = [at for at, seen in by_time.items() if leader in seen and led[-1] in seen]
                deploys.append(_deploy(environment, led[-1], leader, time, leader in led, both))
            if not led or leader != led[-1]:
                led.append(leader)
    return sorted(deploys, key=lambda deploy: (deploy["time"], deploy["environment"]))


def _deploy(environment: str, old: str, new: str, time: int, rollback: bool, both: list[int]) -> dict[str, Any]:
    return {
        "environment": environment,
        "time": time,
        "from_version": old,
        "to_version": new,
        "rollback": rollback,
        "overlap_from": min(both, default=None),
        "overlap_to": max(both, default=None),
    }
