"""One round over resting log records as SQL: those of kept traces are copied to `logs`, all are entered in the ledger.

A round is four ranges, written down before it begins: blocks of `logs_recent` by number, rounds of the sampler whose
verdicts are new, and seconds of arrival. Each record is copied once: with its trace, in the round where the trace's
verdict is new, or alone, when its own block is new and the verdict is not.

A trace that sent records and, for long enough, no span will have no verdict: it becomes an orphan, which is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from traceo.sampling.round import insert_once, last_block
from traceo.sampling.validate import ON_DEMAND
from traceo.store.binding import Bindings

NO_SPANS = "no spans"  # the policy of orphans, in the ledger
COPIED = (
    "tenant, received_at, time, observed_after_ns, trace_id, span_id, flags, severity_number, severity_text, service, "
    "event_name, body, body_value, resource_id, scope_id, attributes, dropped_attributes, record_id"
)
# Bytes of a record, about what OTLP takes; the number of attributes stands for them.
RECORD_BYTES = "64 + length(body) + length(body_value) + 40 * attributes.size0"


@dataclass(frozen=True, slots=True)
class LogRound:
    """What one round covers: each range from (excluded) and to (included).

    Blocks are numbered as in `Round`, `decided_*` are numbers of such. `number` is when it was planned, in milliseconds
    since 1970.
    """

    tenant: str
    host: str
    number: int
    blocks_from: Mapping[str, int]
    blocks_to: Mapping[str, int]
    decided_from: int
    decided_to: int
    arrived_from: datetime
    arrived_to: datetime
    done: bool


class LogRoundSql(Bindings):
    """The statements of a round on its node, in order, and their bound values.

    `new_from`: no record of the round's blocks arrived before this second of 1970. It only saves reading. What arrived
    before the round's seconds is of traces with a verdict from an earlier round, is of orphans, or is in these blocks.
    """

    def __init__(self, covered: LogRound, *, local: str, new_from: int) -> None:
        super().__init__()
        self.covered = covered
        self.local = local
        self.params |= {
            "tenant": covered.tenant,
            "round": covered.number,
            "decided_from": covered.decided_from,
            "decided_to": covered.decided_to,
            "arrived_from": int(covered.arrived_from.timestamp()),
            "arrived_to": int(covered.arrived_to.timestamp()),
            "new_from": new_from,
            "since": min(int(covered.arrived_from.timestamp()) + 1, new_from),
        }
        self.from_block = last_block(covered.blocks_from, self)
        self.to_block = last_block(covered.blocks_to, self)

    def mark_orphans(self) -> str:
        """Traces whose first record has waited for long enough, without a verdict."""
        waited = (
            f"SELECT DISTINCT trace_id FROM {self._recent()} AND received_at >= toDateTime({{since:Int64}}) "
            "AND received_at <= toDateTime({arrived_to:Int64}) "
            f"AND (received_at > toDateTime({{arrived_from:Int64}}) OR {self._new()})"
        )
        judged = self._decisions("trace_id", f"trace_id IN ({waited})")
        marked = self._orphans("trace_id", f"round < {{round:UInt64}} AND trace_id IN ({waited})")
        return (
            f"INSERT INTO log_orphans{self.local} (tenant, trace_id, marked_at, round) {self._settings('orphans')} "
            "SELECT {tenant:String}, trace_id, toDateTime(intDiv({round:UInt64}, 1000)), {round:UInt64} "
            f"FROM ({waited}) WHERE trace_id NOT IN ({judged}) AND trace_id NOT IN ({marked}) ORDER BY trace_id"
        )

    def copy_kept(self) -> str:
        """The kept traces' records to `logs`: all of them if the verdict is new, else those that are new."""
        kept = f"SELECT trace_id FROM ({self._verdicts()}) WHERE keep"
        wanted = f"trace_id IN ({kept} AND newly) OR {self._new()} AND trace_id IN ({kept} AND NOT newly)"
        return (
            f"INSERT INTO logs{self.local} ({COPIED}) {self._settings('kept')} "
            f"SELECT {COPIED} FROM {self._read()} AND ({wanted}){self._unless_copied()} ORDER BY received_at"
        )

    def enter_ledger(self) -> str:
        """What became of the records, by policy and service."""
        wanted = f"startsWith(policy, '{ON_DEMAND}')"
        forced = "if(was_dropped AND NOT is_new, 'rescued', 'forced')"
        verdict = f"multiIf({wanted}, {forced}, would_drop, 'would_drop', keep, 'kept', 'dropped')"
        verdicts = self._verdicts()
        records = (
            f"SELECT trace_id, service, {RECORD_BYTES} AS size, {self._new()} AS is_new "
            f"FROM {self._read()} AND trace_id IN (SELECT trace_id FROM ({verdicts}))"
        )
        table = f"sampling_ledger{self.local} (tenant, minute, policy, service, verdict, logs, log_bytes)"
        return (
            f"INSERT INTO {table} {self._settings('ledger logs')} "
            "SELECT {tenant:String}, toStartOfMinute(toDateTime(intDiv({round:UInt64}, 1000), 'UTC')), policy, "
            f"service, {verdict} AS verdict, count(), sum(size) FROM ({records}) AS r "
            f"LEFT ANY JOIN ({verdicts}) AS v ON r.trace_id = v.trace_id WHERE newly OR is_new "
            "GROUP BY policy, service, verdict"
        )

    def _verdicts(self) -> str:
        """The newest verdict on each trace that has one and new records, or whose verdict is new.

        `newly`: by an earlier one, none of its records was copied. Orphans stay what they are, whatever comes later.
        """
        touched = self._touched()
        decided = (
            "trace_id, keep AS kept, would_drop AS dropped_in_dry_run, policy AS kept_by, round AS decided_in, "
            "false AS marked, false AS just_marked"
        )
        orphans = f"trace_id, true, false, '{NO_SPANS}', 0, true, round = {{round:UInt64}}"
        return (
            "SELECT trace_id, max(marked) AS orphan, orphan OR argMax(kept, decided_in) AS keep, "
            f"if(orphan, '{NO_SPANS}', argMax(kept_by, decided_in)) AS policy, "
            "NOT orphan AND argMax(dropped_in_dry_run, decided_in) AS would_drop, "
            "countIf(NOT kept) > 0 AS was_dropped, "
            "multiIf(orphan, max(just_marked), keep, minIf(decided_in, kept) > {decided_from:UInt64}, "
            "min(decided_in) > {decided_from:UInt64}) AS newly "
            f"FROM ({self._decisions(decided, f'trace_id IN ({touched})')} UNION ALL "
            f"{self._orphans(orphans, f'round <= {{round:UInt64}} AND trace_id IN ({touched})')}) GROUP BY trace_id"
        )

    def _touched(self) -> str:
        """Traces with new records or a new verdict; if all records are new, the former are all of them."""
        parts = [f"SELECT DISTINCT trace_id FROM {self._recent()} AND {self._new()}"]
        if self.covered.blocks_from:
            since = "decided_at >= toDateTime(intDiv({decided_from:UInt64}, 1000))"  # parts know it
            parts.append(self._decisions("trace_id", f"round > {{decided_from:UInt64}} AND {since}"))
            parts.append(self._orphans("trace_id", "round = {round:UInt64}"))
        return " UNION DISTINCT ".join(parts)

    def _read(self) -> str:
        """FROM and WHERE: the records that may be taken. Rescued traces' have arrived at any time."""
        rescued = self._decisions(
            "count() > 0", f"round > {{decided_from:UInt64}} AND startsWith(policy, '{ON_DEMAND}')"
        )
        return f"{self._recent()} AND received_at >= toDateTime(if(({rescued}), 0, {{since:Int64}}))"

    def _unless_copied(self) -> str:
        """Where the numbers of blocks do not tell what earlier rounds have seen, the records themselves do."""
        if self.covered.blocks_to.keys() <= self.covered.blocks_from.keys():
            return ""
        copies = f"logs{self.local} WHERE tenant = {{tenant:String}} AND received_at >= toDateTime({{since:Int64}})"
        return f" AND record_id NOT IN (SELECT record_id FROM {copies} AND record_id != 0)"

    def _recent(self) -> str:
        return f"logs_recent{self.local} WHERE tenant = {{tenant:String}} AND _block_number <= {self.to_block}"

    def _new(self) -> str:
        return f"(received_at >= toDateTime({{new_from:Int64}}) AND _block_number > {self.from_block})"

    def _decisions(self, columns: str, where: str) -> str:
        return (
            f"SELECT {columns} FROM decisions{self.local} WHERE tenant = {{tenant:String}} "
            f"AND round <= {{decided_to:UInt64}} AND {where}"
        )

    def _orphans(self, columns: str, where: str) -> str:
        return f"SELECT {columns} FROM log_orphans{self.local} WHERE tenant = {{tenant:String}} AND {where}"

    def _settings(self, name: str) -> str:
        return insert_once(f"{self.covered.tenant} logs {self.covered.number} {name}")
