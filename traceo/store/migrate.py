"""Brings a store's tables to this version: one numbered statement a file in `schema/`, for both engines.

A file's number is its version. A statement is written so that it may run again (IF NOT EXISTS), because a crash may
fall between a statement and its note in `schema_migrations`. On a cluster each statement runs on every node: tables are
local, and one whose header says `-- cluster: sharded by X` or `-- cluster: local` gets a `Distributed` table above it.
Types that several files share are written once, in metric_types.py, and named `${Type}` in the files,
and so are expressions that several share, named `${Expression(column)}`.

`schema_migrations` keeps each file's fingerprint, so that data whose tables another text made is refused at the start.
Builds before that kept none: of their rows the number and the name are compared alone, and a warning is logged.
"""

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from string import Template

from traceo.errors import SchemaChanged, SchemaTooNew
from traceo.store import log_levels, metric_naming
from traceo.store.base import Layout, Store
from traceo.store.metric_naming import STRATEGIES
from traceo.store.metric_types import MACROS, TYPES

logger = logging.getLogger(__name__)

CLUSTER = re.compile(r"^-- cluster: (local|sharded by (?P<key>.+))$", re.MULTILINE)
TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)\$\{local\}")
ALL_MACROS = MACROS | log_levels.MACROS
ENGINE = re.compile(r"ENGINE = \$\{Replicated\}(\w+)(\(\w+\))?")
MACRO = re.compile(r"\$\{(\w+)\((\w+(?:, \w+)*)\)\}")
# Replicas are made node by node, so that the path may not hold the table's own UUID.
REPLICA = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
JOURNAL = """
CREATE TABLE IF NOT EXISTS schema_migrations
    (version UInt32, name String, applied_at DateTime DEFAULT now(), fingerprint String)
ENGINE = MergeTree ORDER BY version
"""
WITH_FINGERPRINTS = "ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS fingerprint String"
COMMENTS_AND_SPACE = re.compile(r"--[^\n]*|\s+")
MAX_NAMED = 5
# Tables whose rows fall with the retention of a signal: table -> (setting in `retention`, the column that ages).
RETENTION = {
    "spans": ("spans", "received_at"),
    "spans_recent": ("recent_spans", "received_at"),
    "decisions": ("decisions", "decided_at"),
    "kept_traces": ("decisions", "requested_at"),
    "sampling_ledger": ("usage", "minute"),
    "budget_demand": ("recent_spans", "moment"),
    "budget_spending": ("usage", "moment"),
    "logs": ("logs", "received_at"),
    "logs_recent": ("recent_spans", "received_at"),
    "log_orphans": ("decisions", "marked_at"),
    "log_shapes": ("logs", "minute"),
    "log_patterns": ("logs", "updated_at"),
    "log_shape_patterns": ("logs", "mapped_at"),
    "samples": ("metrics", "received_at"),
    "histograms": ("metrics", "received_at"),
    "summaries": ("metrics", "received_at"),
    "native_histograms": ("metrics", "received_at"),
    "exemplars": ("metrics", "received_at"),
    "series": ("metrics", "day"),
    "label_sets": ("metrics", "day"),
    "label_values": ("metrics", "day"),
    "resources": ("rollups", "day"),
    "scopes": ("rollups", "day"),
    "span_red": ("rollups", "minute"),
    "service_edges": ("rollups", "minute"),
    "resource_red": ("rollups", "minute"),
    "service_edges_blocks": ("rollups", "minute"),
    "edge_blocks_done": ("rollups", "minute"),
    "usage": ("usage", "minute"),
    "rejects": ("recent_spans", "received_at"),
}
TIERED = ("spans", "logs", "samples", "histograms", "summaries", "native_histograms")


@dataclass(frozen=True, slots=True)
class Migration:
    """One statement: its version, its file's name, and its text with placeholders."""

    version: int
    name: str
    text: str

    def statements(self, layout: Layout, strategy: str = metric_naming.DEFAULT) -> list[str]:
        """What to run on each node of a layout. `strategy`: of metric_naming.py."""
        naming = STRATEGIES[strategy]
        macros = ALL_MACROS | {"Label": naming.label}
        engine = _replicated if layout.replicated else r"ENGINE = \1\2"
        text = ENGINE.sub(engine, self.text)
        text = MACRO.sub(lambda macro: macros[macro.group(1)](*macro.group(2).split(", ")), text)
        made = [Template(text).substitute(TYPES, MetricName=naming.metric, local="_local" if layout.cluster else "")]
        table, sharding = TABLE.search(self.text), CLUSTER.search(self.text)
        if layout.cluster and table and sharding:
            name, key = table.group(1), sharding.group("key")
            spread = f", cityHash64({key})" if key else ", rand()"
            made.append(
                f"CREATE TABLE IF NOT EXISTS {name} AS {name}_local "
                f"ENGINE = Distributed('{layout.cluster}', currentDatabase(), {name}_local{spread})"
            )
        return made

    def fingerprint(self) -> str:
        """Of the statement with its types and expressions, for any layout, without comments and white space."""
        text = "".join(self.statements(Layout(cluster="any")))
        return hashlib.sha256(COMMENTS_AND_SPACE.sub("", text).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Applied:
    """A file that made a node's tables; `fingerprint` is "" where the build that ran it kept none."""

    version: int
    name: str
    fingerprint: str


def read_migrations() -> list[Migration]:
    """All migrations in order."""
    folder = resources.files("traceo.store") / "schema"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [Migration(int(file.name.split("_")[0]), file.name, file.read_text()) for file in files]


async def migrate(store: Store) -> list[str]:
    """Apply what is missing, on every node; returns the names of the files that were applied somewhere.

    Raises, before anything is changed, `SchemaTooNew` when a node was written by a newer Traceo, and `SchemaChanged`
    when its tables were made by other files than these.
    """
    migrations = read_migrations()
    layout, hosts = await store.layout(), await store.hosts()
    applied = {host: await _applied_on(store, host) for host in hosts}
    for host, files in applied.items():
        _check_applied(host, files, migrations)
    done: set[str] = set()
    for host in hosts:
        versions = {file.version for file in applied[host]}
        missing = [migration for migration in migrations if migration.version not in versions]
        for statement in (text for migration in missing for text in migration.statements(layout)):
            await store.execute_on(host, statement)
        if missing:
            await store.execute_on(host, WITH_FINGERPRINTS)
            rows = ", ".join(f"({each.version}, '{each.name}', '{each.fingerprint()}')" for each in missing)
            await store.execute_on(host, f"INSERT INTO schema_migrations (version, name, fingerprint) VALUES {rows}")
        done.update(migration.name for migration in missing)
    return sorted(done)


def _check_applied(host: str, applied: Sequence[Applied], migrations: Sequence[Migration]) -> None:
    newest, last = max((file.version for file in applied), default=0), migrations[-1].version
    if newest > last:
        raise SchemaTooNew(
            f"{host} has schema version {newest}, this Traceo knows up to {last}: "
            "start the newer Traceo again, or restore a backup made by this one"
        )
    known = {each.version: Applied(each.version, each.name, each.fingerprint()) for each in migrations}
    changed = {
        file.name
        for file in applied
        if (now := known.get(file.version)) is None
        or file.name != now.name
        or file.fingerprint not in ("", now.fingerprint)
    }
    if changed:
        raise SchemaChanged(f"the tables of node {host} were made by other versions of schema files: {_name(changed)}")
    if unknown := {file.name for file in applied if not file.fingerprint}:
        logger.warning(
            "the tables were made by an early build of Traceo that did not note how; if queries or inserts fail, "
            "start with a fresh data directory",
            extra={"fields": {"host": host, "files": len(unknown)}},
        )


def _name(files: Iterable[str]) -> str:
    names = sorted(files)
    more = [f"and {len(names) - MAX_NAMED} more"] if len(names) > MAX_NAMED else []
    return ", ".join([*names[:MAX_NAMED], *more])


async def apply_retention(store: Store, seconds: Mapping[str, float], cold_after_s: float = 0) -> None:
    """Set each table's TTL, and when its data moves to the `cold` volume (0: never). Changes nothing that is right."""
    local = "_local" if (await store.layout()).cluster else ""
    for host in await store.hosts():
        wanted = {
            table: _ttl(table, column, seconds[name], cold_after_s) for table, (name, column) in RETENTION.items()
        }
        engines = await store.query_on(
            host, "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()"
        )
        texts = {row["name"]: row["create_table_query"] for row in engines.to_pylist()}
        for table, ttl in wanted.items():
            if cold_after_s and table in TIERED and "storage_policy = 'tiered'" not in texts[table + local]:
                await store.execute_on(host, f"ALTER TABLE {table}{local} MODIFY SETTING storage_policy = 'tiered'")
            if f"TTL {ttl}" not in texts[table + local]:
                await store.execute_on(host, f"ALTER TABLE {table}{local} MODIFY TTL {ttl}")


async def apply_promotion(store: Store, attributes: Sequence[str]) -> None:
    """Set which resource attributes become labels; of series that are new from now on."""
    for host in await store.hosts():
        known = (await store.query_on(host, "SELECT name FROM promoted_attributes"))["name"].to_pylist()
        if sorted(known) != sorted(attributes):
            await store.execute_on(host, "TRUNCATE TABLE promoted_attributes")
            for name in attributes:
                sql = "INSERT INTO promoted_attributes SELECT {name:String}"
                await store.execute_on(host, sql, {"name": name})


async def apply_naming(store: Store, strategy: str) -> None:
    """Set how OTLP's names are translated, one of metric_naming.STRATEGIES; of series that are new from now on."""
    layout, views = await store.layout(), ", ".join(f"'{view}'" for view in metric_naming.VIEWS)
    files = {each.name[4:].removesuffix(".sql"): each for each in read_migrations()}
    queries = {view: files[view].statements(layout, strategy)[0].split(" AS\n", 1)[1] for view in metric_naming.VIEWS}
    sql = f"SELECT comment FROM system.tables WHERE database = currentDatabase() AND name IN ({views})"
    for host in await store.hosts():
        known = (await store.query_on(host, sql))["comment"].to_pylist()
        if {comment or metric_naming.DEFAULT for comment in known} == {strategy}:
            continue
        for view, query in queries.items():
            await store.execute_on(host, f"ALTER TABLE {view} MODIFY QUERY {query}")
            await store.execute_on(host, f"ALTER TABLE {view} MODIFY COMMENT '{strategy}'")


def _ttl(table: str, column: str, seconds: float, cold_after_s: float) -> str:
    unit = "toIntervalDay" if column == "day" else "toIntervalSecond"
    amount = max(1, round(seconds / 86400)) if column == "day" else round(seconds)
    ttl = f"{column} + {unit}({amount})"
    if cold_after_s and table in TIERED:
        ttl += f", {column} + {unit}({round(cold_after_s)}) TO VOLUME 'cold'"
    return ttl


def _replicated(engine: re.Match[str]) -> str:
    version = f", {engine.group(2)[1:-1]}" if engine.group(2) else ""
    return f"ENGINE = Replicated{engine.group(1)}({REPLICA}{version})"


async def _applied_on(store: Store, host: str) -> list[Applied]:
    await store.execute_on(host, JOURNAL)
    rows = (await store.query_on(host, "SELECT * FROM schema_migrations")).to_pylist()
    return [Applied(row["version"], row["name"], row.get("fingerprint", "")) for row in rows]
