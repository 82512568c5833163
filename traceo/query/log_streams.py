"""Streams: what LogQL's labels are in Traceo, and which resources a selector means.

Of a resource that came by Loki's push (schema URL `loki:stream`), all attributes are labels; of one of OpenTelemetry,
those that Loki takes for its index by default, names written as Loki writes them. `service_name` is its service. The
other attributes, and all of the scope of a record, are structured metadata, as they are in Loki.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from traceo.errors import LimitExceeded
from traceo.query.log_minutes import select_minutes, to_minutes
from traceo.query.promql.ast import Matcher
from traceo.query.promql.selectors import condition, matches
from traceo.query.run import Queries, to_rows
from traceo.query.sql import Scope, TimeRange
from traceo.store.attributes import decode_text, text_of

STREAM_URL = "loki:stream"
SERVICE = "service_name"
INDEX_LABELS = (
    "service.namespace", "service.instance.id", "deployment.environment", "deployment.environment.name", "cloud.region",
    "cloud.availability_zone", "k8s.cluster.name", "k8s.namespace.name", "k8s.pod.name", "k8s.container.name",
    "container.name", "k8s.replicaset.name", "k8s.deployment.name", "k8s.statefulset.name", "k8s.daemonset.name",
    "k8s.cronjob.name", "k8s.job.name",
)  # fmt: skip
INDEXED = ", ".join(f"'{name}'" for name in INDEX_LABELS)
NAME_OF_LABEL = f"if(schema_url = '{STREAM_URL}', toString(k), replaceRegexpAll(toString(k), '[^a-zA-Z0-9_]', '_'))"
LABELS = f"""
CAST(mapUpdate(
    mapApply((k, v) -> ({NAME_OF_LABEL}, {text_of("v")}),
        mapFilter((k, v) -> schema_url = '{STREAM_URL}' OR k IN ({INDEXED}), attributes)),
    map('{SERVICE}', toString(service))), 'Map(String, String)') AS labels
"""
OTHERS = f"""
CAST(if(schema_url = '{STREAM_URL}', map(), mapApply(
    (k, v) -> (replaceRegexpAll(toString(k), '[^a-zA-Z0-9_]', '_'), {text_of("v")}),
    mapFilter((k, v) -> k NOT IN ({INDEXED}, 'service.name'), attributes))), 'Map(String, String)') AS metadata
"""
OF_SCOPE = f"""
CAST(mapUpdate(
    mapApply((k, v) -> (replaceRegexpAll(toString(k), '[^a-zA-Z0-9_]', '_'), {text_of("v")}), attributes),
    map('scope_name', toString(name), 'scope_version', toString(version), 'scope_dropped_attributes_count',
        if(dropped_attributes = 0, '', toString(dropped_attributes)))), 'Map(String, String)') AS metadata
"""
MAX_STREAMS, MAX_SCOPES = 100_000, 10_000

Matchers = tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream's labels, in order of their names, the resource that has them, and its other attributes."""

    resource_id: int
    labels: dict[str, str]
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """The streams that a selector means, and what is said of the scopes that their records may have, by their ids.

    `kinds`: of the streams, those with other labels or other metadata than all before them.
    """

    streams: Sequence[Stream]
    scopes: Mapping[int, dict[str, str]] = field(default_factory=dict)
    kinds: Sequence[Stream] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", list({kind_of(stream): stream for stream in self.streams}.values()))


def kind_of(stream: Stream) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """What makes two streams one kind: their labels and their metadata."""
    return tuple(stream.labels.items()), tuple(stream.metadata.items())


def select_streams(scope: Scope, matchers: Sequence[Matcher], columns: str = "id") -> str:
    """SQL: the resources that a selector means; `id`, `labels`, `metadata` and `pushed` are there."""
    known = f"id, {LABELS}, {OTHERS}, schema_url = '{STREAM_URL}' AS pushed"
    distinct = scope.without_time().select("resources", known, tail="LIMIT 1 BY id")
    where = f" WHERE {' AND '.join(condition(scope, list(matchers)))}" if matchers else ""
    return f"SELECT {columns} FROM ({distinct}){where}"


def stream_conditions(scope: Scope, matchers: Sequence[Matcher]) -> list[str]:
    """Conditions on log records: they are of a stream that the selector means."""
    if not matchers:
        return []
    services = [
        f"service = {scope.bind(matcher.value)}"
        for matcher in matchers
        if matcher.name == SERVICE and matcher.op == "=" and matcher.value
    ]
    return [*services, f"resource_id IN ({select_streams(scope, matchers)})"]


async def find_streams(queries: Queries, tenant: str, between: TimeRange, sets: Sequence[Matchers]) -> list[Stream]:
    """Streams with records in the minutes of the range that one of the selectors means (none given: all)."""

    async def read(recent: frozenset[str]) -> list[Stream]:
        scope = Scope(tenant, to_minutes(between), recent=recent)
        seen = f"SELECT DISTINCT resource_id FROM ({select_minutes(scope)})"
        distinct = scope.without_time().select("resources", f"id, {LABELS}", [f"id IN ({seen})"], "LIMIT 1 BY id")
        any_set = " OR ".join(f"({' AND '.join(condition(scope, list(one)))})" for one in sets if one)
        where = f" WHERE {any_set}" if any_set and all(sets) else ""
        rows = await queries.rows(scope, f"SELECT id, labels FROM ({distinct}){where} LIMIT {MAX_STREAMS}")
        return [Stream(row["id"], read_labels(row["labels"])) for row in rows]

    found = await queries.over_recent(["logs_recent"], read)
    return sorted(found, key=lambda stream: list(stream.labels.items()))


async def find_sources(queries: Queries, tenant: str, matchers: tuple[Matcher, ...]) -> Sources:
    """What a selector means."""
    scope = Scope(tenant)
    sql = f"{select_streams(scope, matchers, 'id, labels, metadata, pushed')} ORDER BY id LIMIT {MAX_STREAMS + 1}"
    table = await _read_known(queries, "resources", scope, sql)
    if table.num_rows > MAX_STREAMS:
        raise LimitExceeded(f"the selector means more than {MAX_STREAMS:,} streams: make it narrower")
    rows = to_rows(table)
    streams = [Stream(row["id"], read_labels(row["labels"]), read_labels(row["metadata"])) for row in rows]
    if all(row["pushed"] for row in rows):  # by Loki's protocol, whose lines have no scope
        return Sources(streams)
    scope = Scope(tenant)
    sql = scope.select("scopes", f"id, {OF_SCOPE}", tail=f"ORDER BY day DESC LIMIT 1 BY id LIMIT {MAX_SCOPES}")
    scopes = to_rows(await _read_known(queries, "scopes", scope, sql))
    return Sources(streams, {row["id"]: read_labels(row["metadata"]) for row in scopes})


async def _read_known(queries: Queries, table: str, scope: Scope, sql: str) -> pa.Table:
    """A small result over `resources` or `scopes`, taken again for some seconds if no row has come since.

    Counting all rows costs a tenth of reading them.
    """
    since = queries.recent_streams.now()
    written = (await queries.table(f"SELECT count() AS n FROM {table}", {}))["n"][0].as_py()
    asked = written, sql, tuple(scope.params.items())
    known = queries.recent_streams.get(asked)
    if known is None:
        known = await queries.table(sql, dict(scope.params))
        queries.recent_streams.put(asked, known, since)
    return known


async def list_label_names(queries: Queries, tenant: str, between: TimeRange, matchers: Matchers) -> list[str]:
    """Names of labels, in order."""
    streams = await find_streams(queries, tenant, between, [matchers])
    return sorted({name for stream in streams for name in stream.labels})


async def list_label_values(
    queries: Queries, tenant: str, name: str, between: TimeRange, matchers: Matchers
) -> list[str]:
    """Values of a label, in order."""
    streams = await find_streams(queries, tenant, between, [matchers])
    return sorted({stream.labels[name] for stream in streams if name in stream.labels})


def read_labels(labels: dict[bytes, bytes]) -> dict[str, str]:
    """Labels of a row, in order of their names, without those that are empty."""
    return dict(sorted((decode_text(name), decode_text(value)) for name, value in labels.items() if value))


def is_meant(matchers: Sequence[Matcher], labels: dict[str, str]) -> bool:
    """Whether a selector means a stream with these labels."""
    return all(matches(matcher, labels.get(matcher.name, "")) for matcher in matchers)
