"""One round of the sampler as SQL: which traces are due on a node, their verdicts, and what follows from them.

A round is a pair of ranges, written down before it begins: blocks of `spans_recent` by number, and seconds of arrival.
Whatever is repeated after a crash then does the same again, under the same deduplication tokens. Each span is taken
once: with its trace, when that is due, or alone, when its block came after its trace's verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from traceo.sampling.budgets import Steering
from traceo.sampling.model import Dynamic, PolicySet
from traceo.sampling.policies import ESTIMATED_BYTES, Facts, compile_verdict
from traceo.sampling.steering import SLOT_S
from traceo.sampling.thresholds import NEVER, kept_trace_state, span_threshold
from traceo.sampling.validate import ON_DEMAND
from traceo.store.binding import Bindings

MARKED = f"{ON_DEMAND}: marked"
DRY_RUN = "dry run"  # kept what no policy voted for: whatever is copied has a name in `kept_by`
AVERAGED_INTERVALS = 5
SEEN_SECONDS = 600  # two windows of the guarantee
PINS_SETTLE_S = 2  # a wish is honoured when it is this old: then all of its rows are there

# Copied as they are; a kept span's trace state, policy and threshold are new.
COPIED = (
    "tenant, received_at, trace_id, span_id, parent_span_id, flags, service, name, kind, start_time, duration_ns, "
    "status_code, status_message, resource_id, scope_id, attributes, dropped, `events.time_ns`, `events.name`, "
    "`events.attributes`, `events.dropped_attributes`, `links.trace_id`, `links.span_id`, `links.trace_state`, "
    "`links.attributes`, `links.dropped_attributes`, `links.flags`"
)
ONE_BLOCK = (
    "max_threads = 1, max_insert_threads = 1, max_block_size = 100000000, min_insert_block_size_rows = 100000000, "
    "min_insert_block_size_bytes = 4000000000, max_partitions_per_insert_block = 0, optimize_on_insert = 1, "
    "optimize_read_in_order = 0"  # which makes several blocks, each with a token of its own
)


# Of each trace: until when its spans are to be looked for, and what the ledger counts.
COHORT_FACTS = Facts(
    {
        "last_arrival": "max(received_at)",
        "services": "groupArray(service)",
        "sizes": f"groupArray(toUInt32({ESTIMATED_BYTES}))",
    },
    ("service", "attributes.size0"),
)
SPANS_JUDGED = (
    "SELECT trace_id, policy, keep, would_drop, service, size FROM verdicts "
    "ARRAY JOIN services AS service, sizes AS size"
)
END_OF_TIME_S = (1 << 32) - 1  # of a DateTime
KEPT_BYTES = "SELECT sumIf(bytes, keep) AS kept_bytes FROM verdicts"
PIECE_BYTES = 64 << 20  # of spans that are copied by one statement, whose block is sorted in memory


@dataclass(frozen=True, slots=True)
class Round:
    """What one round covers: blocks and seconds of arrival, each from (excluded) and to (included).

    `host` names the shard: its first node. Blocks are numbered within a partition of the window: by its id, the number
    of the last block. `number` is also when the round was planned, in milliseconds since 1970.
    """

    tenant: str
    host: str
    number: int
    blocks_from: Mapping[str, int]
    blocks_to: Mapping[str, int]
    arrived_from: datetime
    arrived_to: datetime
    policy_version: int | None
    done: bool
    steering: tuple[Steering, ...] = ()


class RoundSql(Bindings):
    """The statements of a round on its node, in order, and their bound values.

    `new_from`: no span of the round's blocks arrived before this second of 1970. It only saves reading. A cohort's
    spans arrived after the seconds that earlier rounds have judged, or are in these blocks. `shards`: as in
    `compile_verdict`.
    """

    def __init__(
        self, judged: Round, policies: PolicySet, *, local: str, new_from: int, dry_run: bool, shards: int = 1
    ) -> None:
        super().__init__()
        self.judged = judged
        self.policies = policies
        self.dry_run = dry_run
        self.local = local
        self.shards = shards
        pins_until = int(judged.arrived_to.timestamp() + policies.decision_wait + 1 - PINS_SETTLE_S)
        self.params |= {
            "tenant": judged.tenant,
            "round": judged.number,
            "arrived_from": int(judged.arrived_from.timestamp()),
            "arrived_to": int(judged.arrived_to.timestamp()),
            "new_from": new_from,
            "pins_from": max(0, int(judged.arrived_from.timestamp()) - PINS_SETTLE_S),
            "pins_until": pins_until,
            "since": min(int(judged.arrived_from.timestamp()) + 1, new_from),
        }
        self.from_block = last_block(judged.blocks_from, self)
        self.to_block = last_block(judged.blocks_to, self)

    def due(self) -> str:
        """SELECT trace_id: not judged yet, and arrived in the round's seconds, or before and stored only now."""
        old_but_new = f"{self._new()} AND received_at <= toDateTime({{arrived_from:Int64}})"
        on_time = "received_at > toDateTime({arrived_from:Int64}) AND received_at <= toDateTime({arrived_to:Int64})"
        touched = " UNION DISTINCT ".join(
            f"SELECT DISTINCT trace_id FROM {self._recent()} AND {condition}"
            for condition in (on_time, old_but_new, *self._roots())
        )
        judged = self._decisions("trace_id", f"trace_id IN ({touched})")
        return f"SELECT trace_id FROM ({touched}) WHERE trace_id NOT IN ({judged})"

    def fill_cohort(self) -> str:
        """Put the due traces into `cohort`, which is empty."""
        return f"INSERT INTO cohort {self.due()}"

    def fill_verdicts(self) -> str:
        """Judge the cohort into `verdicts`."""
        verdicts = compile_verdict(
            self.policies,
            self._select_cohort,
            self,
            seen=self._seen(),
            counts=self._counts(),
            facts=COHORT_FACTS,
            steering=self.judged.steering,
            shards=self.shards,
        )
        keep, threshold = "v.keep", "v.threshold"
        if self.dry_run:
            keep, threshold = "true", "0"
        return (
            f"INSERT INTO verdicts SELECT trace_id, first_arrival, {keep} OR wanted AS keep, "
            f"NOT v.keep AND NOT wanted AND {int(self.dry_run)} AS would_drop, "
            f"multiIf(wanted, wanted_by, would_drop AND v.policy = '', '{DRY_RUN}', v.policy) AS policy, "
            f"v.votes, if(wanted, 0, {threshold}) AS threshold, "
            "v.randomness, v.spans, v.bytes, v.keys, v.last_arrival, v.services, v.sizes, "
            f"{'v.charges' if self.judged.steering else '[]'} "
            f"FROM (SELECT v.*, w.source AS wanted_by, wanted_by != '' AS wanted FROM ({verdicts}) AS v "
            f"LEFT ANY JOIN ({self._pinned()}) AS w USING (trace_id)) AS v"
        )

    def to_do(self) -> str:
        """SELECT verdicts, wishes, late: how many traces await each of the statements below."""
        return (
            f"SELECT (SELECT count() FROM verdicts) AS verdicts, ({self.wishes()}) AS wishes, ({self.late()}) AS late"
        )

    def wishes(self) -> str:
        """SELECT traces: how many were dropped and are wanted since the last round, or a little longer."""
        return f"SELECT count() AS traces FROM ({self._dropped('trace_id')})"

    def fill_rescued(self) -> str:
        """Traces that were dropped, and that somebody wants since: into `verdicts` as kept.

        They stand for none, not even for themselves: those of their kind that were kept already count for them.
        """
        self.params["since"] = 0  # they came at any time
        latest = self._dropped(
            "trace_id, min(d.first_arrival) AS first_arrival, argMax(d.randomness, round) AS randomness, "
            "argMax(d.spans, round) AS spans, argMax(d.bytes, round) AS bytes"
        )
        return (
            f"INSERT INTO verdicts SELECT d.trace_id, first_arrival, true, false, w.source, [w.source], {NEVER}, "
            f"randomness, spans, bytes, map(), toDateTime({END_OF_TIME_S}), [], [], [] FROM ({latest}) AS d "
            f"LEFT ANY JOIN ({self._pinned()}) AS w ON d.trace_id = w.trace_id"
        )

    def store_decisions(self) -> str:
        """`verdicts` to `decisions`."""
        columns = "keep, would_drop, policy, votes, threshold, randomness, spans, bytes, keys"
        return (
            f"INSERT INTO decisions{self.local} (tenant, trace_id, decided_at, first_arrival, round, {columns}) "
            f"{self._settings('decisions')} "
            f"SELECT {{tenant:String}}, trace_id, toDateTime(intDiv({{round:UInt64}}, 1000)), first_arrival, "
            f"{{round:UInt64}}, {columns} FROM verdicts ORDER BY trace_id"
        )

    def copy_kept(self, kept_bytes: int) -> list[str]:
        """The kept traces' spans to `spans`, in pieces of about PIECE_BYTES; a repeated round has the same ones."""
        pieces = 1 + kept_bytes // PIECE_BYTES
        last = "SELECT max(last_arrival) FROM verdicts WHERE keep"
        rows = f"{self._recent()} AND received_at >= toDateTime({{since:Int64}}) AND received_at <= ({last})"
        kept = "SELECT trace_id, policy, threshold, randomness FROM verdicts WHERE keep"
        if pieces == 1:
            return [self._copy("kept", rows, kept)]
        return [
            self._copy(f"kept {piece} of {pieces}", rows, f"{kept} AND cityHash64(trace_id) % {pieces} = {piece}")
            for piece in range(pieces)
        ]

    def copy_late(self) -> str:
        """Spans whose block came after their trace was kept."""
        return self._copy("late", f"{self._recent()} AND {self._new()}", self._kept_before())

    def enter_ledger(self) -> str:
        """What became of the cohort's spans, by policy and service."""
        forced = f"startsWith(policy, '{ON_DEMAND}')"
        verdict = f"multiIf({forced}, 'forced', would_drop, 'would_drop', keep, 'kept', 'dropped')"
        return self._enter("judged", SPANS_JUDGED, verdict)

    def enter_rescued(self) -> str:
        """Spans of traces of earlier rounds that are kept after all; apart those that only came in this one."""
        rescued = "SELECT trace_id, policy FROM verdicts WHERE empty(services)"
        rows = self._sized(self._recent(), rescued, "v.policy AS policy, s.is_new AS is_new")
        return self._enter("rescued", rows, "if(is_new, 'late_kept', 'rescued')")

    def enter_late(self) -> str:
        """What became of spans that came after their trace's verdict."""
        rows = self._sized(f"{self._recent()} AND {self._new()}", self._before(), "v.policy AS policy, v.keep AS keep")
        return self._enter("late", rows, "if(keep, 'late_kept', 'late_dropped')")

    def enter_charges(self) -> str:
        """What the round's budgets were asked for, and what was kept; a dry run enters what would have been kept."""
        steering = self.judged.steering
        names = ", ".join(self.bind(item.budget.name) for item in steering)
        owners = ", ".join(self.bind(item.budget.owner(self.judged.tenant)) for item in steering)
        kept = "keep AND NOT would_drop"
        return (
            f"INSERT INTO budget_demand{self.local} (owner, moment, tenant, budget, exempt, demand_spans, "
            f"demand_bytes, kept_traces, kept_spans, kept_bytes) {self._settings('budgets')} "
            f"SELECT [{owners}][charge.1 + 1] AS owner, toStartOfInterval(first_arrival, INTERVAL {SLOT_S} SECOND) AS "
            f"moment, {{tenant:String}}, [{names}][charge.1 + 1] AS budget, charge.2 AS exempt, "
            "sumIf(charge.3, charge.5), sumIf(charge.4, charge.5), "
            f"countIf({kept}), sumIf(charge.3, {kept}), sumIf(charge.4, {kept}) "
            "FROM verdicts ARRAY JOIN charges AS charge GROUP BY owner, moment, budget, exempt"
        )

    def late(self) -> str:
        """SELECT traces: how many have new spans and an earlier verdict."""
        return self._decisions("count() AS traces", self._has_new())

    def _copy(self, name: str, rows: str, verdicts: str) -> str:
        rv = "randomness" if self.policies.hash_salt else ""
        copied = ", ".join(f"s.{column}" for column in (*COPIED.split(", "), "trace_state"))
        judged = (
            f"SELECT {copied}, v.policy AS kept_by, v.randomness AS randomness, "
            f"{span_threshold('s.trace_state', 'v.threshold')} AS threshold "
            f"FROM (SELECT {COPIED}, trace_state FROM {rows} AND trace_id IN (SELECT trace_id FROM ({verdicts}))) AS s "
            f"LEFT ANY JOIN ({verdicts}) AS v ON s.trace_id = v.trace_id"
        )
        return (
            f"INSERT INTO spans{self.local} ({COPIED}, trace_state, kept_by, threshold) {self._settings(name)} "
            f"SELECT {COPIED}, {kept_trace_state('trace_state', 'threshold', rv)}, kept_by, threshold "
            f"FROM ({judged}) ORDER BY received_at"
        )

    def _enter(self, name: str, rows: str, verdict: str) -> str:
        """A late span's trace was counted when it was judged."""
        return (
            f"INSERT INTO sampling_ledger{self.local} (tenant, minute, policy, service, verdict, traces, spans, bytes) "
            f"{self._settings(f'ledger {name}')} "
            "SELECT {tenant:String}, toStartOfMinute(toDateTime(intDiv({round:UInt64}, 1000), 'UTC')), policy, "
            f"service, {verdict} AS verdict, if(startsWith(verdict, 'late'), 0, uniqExact(trace_id)), count(), "
            f"sum(size) FROM ({rows}) GROUP BY policy, service, verdict"
        )

    def _sized(self, spans: str, verdicts: str, columns: str) -> str:
        """SELECT those columns of the verdicts `v`, with the service and the bytes of each of their spans."""
        size = ESTIMATED_BYTES.replace("attribute_count", "attributes.size0")
        rows = (
            f"SELECT trace_id, service, _block_number > {self.from_block} AS is_new, {size} AS size "
            f"FROM {spans} AND trace_id IN (SELECT trace_id FROM ({verdicts}))"
        )
        return (
            f"SELECT s.trace_id AS trace_id, {columns}, s.service AS service, s.size AS size FROM ({rows}) AS s "
            f"LEFT ANY JOIN ({verdicts}) AS v ON s.trace_id = v.trace_id"
        )

    def _select_cohort(self, columns: str) -> str:
        rows = f"{self._recent()} AND received_at >= toDateTime({{since:Int64}}) AND trace_id IN cohort"
        return f"SELECT {columns} FROM {rows}"

    def _recent(self) -> str:
        """FROM and WHERE: the tenant's spans in blocks up to the round's last."""
        return f"spans_recent{self.local} WHERE tenant = {{tenant:String}} AND _block_number <= {self.to_block}"

    def _new(self) -> str:
        return f"received_at >= toDateTime({{new_from:Int64}}) AND _block_number > {self.from_block}"

    def _roots(self) -> list[str]:
        """A trace whose root is there may be due earlier."""
        wait, after_root = self.policies.decision_wait, self.policies.decision_wait_after_root_received
        if not 0 < after_root < wait:
            return []
        self.params["sooner"] = int(wait - after_root)
        moment = "toDateTime({{arrived_{}:Int64}} + {{sooner:Int64}})"
        return [
            f"parent_span_id = toFixedString('', 8) AND received_at > {moment.format('from')} "
            f"AND received_at <= {moment.format('to')}"
        ]

    def _decisions(self, columns: str, where: str) -> str:
        return (
            f"SELECT {columns} FROM decisions{self.local} WHERE tenant = {{tenant:String}} "
            f"AND round < {{round:UInt64}} AND {where}"
        )

    def _before(self) -> str:
        """The verdicts of earlier rounds on traces that have new spans, the newest of each."""
        verdicts = self._decisions("*", self._has_new())
        return (
            "SELECT trace_id, argMax(policy, round) AS policy, argMax(d.keep, round) AS keep, "
            "argMax(threshold, round) AS threshold, argMax(randomness, round) AS randomness "
            f"FROM ({verdicts}) AS d GROUP BY trace_id"
        )

    def _has_new(self) -> str:
        new = f"SELECT DISTINCT trace_id FROM {self._recent()} AND {self._new()}"
        return f"trace_id IN ({new}) AND trace_id NOT IN (SELECT trace_id FROM verdicts)"

    def _kept_before(self) -> str:
        return f"SELECT trace_id, policy, threshold, randomness FROM ({self._before()}) WHERE keep"

    def _dropped(self, columns: str) -> str:
        """Traces whose last verdict was to drop them, and that are wanted since the last round or a little longer."""
        newly = f"SELECT trace_id FROM ({self._pinned()}) WHERE newest > fromUnixTimestamp({{pins_from:Int64}})"
        decisions = self._decisions("*", f"trace_id IN ({newly})")
        return f"SELECT {columns} FROM ({decisions}) AS d GROUP BY trace_id HAVING NOT argMax(d.keep, round)"

    def _pinned(self) -> str:
        """SELECT trace_id, source, newest: the wanted traces; of marked ones the first of each minute, to a limit."""
        self.params["marked"] = self.policies.marked_traces_per_minute
        rows = (
            f"FROM kept_traces{self.local} WHERE tenant = {{tenant:String}} "
            "AND requested_at <= fromUnixTimestamp({pins_until:Int64})"
        )
        marked = (
            f"SELECT trace_id, '{MARKED}' AS source, min(requested_at) AS newest {rows} AND source = '{MARKED}' "
            "AND requested_at >= toStartOfMinute(fromUnixTimestamp({pins_from:Int64})) GROUP BY trace_id "
            "ORDER BY newest, trace_id LIMIT {marked:UInt32} BY toStartOfMinute(newest)"
        )
        others = f"SELECT trace_id, source, requested_at {rows} AND source != '{MARKED}'"
        return (
            f"SELECT trace_id, toString(min(source)) AS source, max(newest) AS newest "
            f"FROM (SELECT * FROM ({marked}) UNION ALL {others}) GROUP BY trace_id"
        )

    def _seen(self) -> str:
        """Combinations of service, operation and status that have a kept trace in their five minutes."""
        if not self.policies.guarantee:
            return ""
        return (
            "SELECT DISTINCT toStartOfInterval(received_at, INTERVAL 300 SECOND) AS window, service, name, status_code "
            f"FROM spans{self.local} WHERE tenant = {{tenant:String}} "
            f"AND received_at > toDateTime({{arrived_from:Int64}} - {SEEN_SECONDS})"
        )

    def _counts(self) -> str:
        """Moving averages of the traces of each key of the dynamic policies, from the verdicts of earlier rounds, and
        how many were kept in the interval that ends with this round.
        """
        dynamic = [(item.name, item.rule) for item in self.policies.walk() if isinstance(item.rule, Dynamic)]
        return " UNION ALL ".join(self._averages(name, rule) for name, rule in dynamic)

    def _averages(self, name: str, rule: Dynamic) -> str:
        bound, seconds = self.bind(name), rule.adjustment_interval
        since = f"toDateTime({{arrived_from:Int64}} - {round(AVERAGED_INTERVALS * seconds)})"
        rows = self._decisions(
            f"keys[{bound}] AS key, first_arrival, keep AND NOT would_drop AS was_kept",
            f"mapContains(keys, {bound}) AND first_arrival > {since} AND decided_at > {since}",
        )
        passed = "(max(max(first_arrival)) OVER () - min(min(first_arrival)) OVER ())"
        intervals = f"least({AVERAGED_INTERVALS}, 1 + intDiv({passed}, {round(seconds)}))"
        lately = f"first_arrival > toDateTime({{arrived_to:Int64}} - {round(seconds)})"
        return (
            f"SELECT {bound} AS policy, key, count() / {intervals} AS traces, "
            f"countIf(was_kept AND {lately}) AS kept FROM ({rows}) GROUP BY key"
        )

    def _settings(self, name: str) -> str:
        """One block, which a table that has it skips."""
        return insert_once(f"{self.judged.tenant} round {self.judged.number} {name}")


def last_block(blocks: Mapping[str, int], bindings: Bindings) -> str:
    """SQL: the last block of the row's partition; on a replicated table each partition counts for itself."""
    partitions = ", ".join(["''", *(bindings.bind(partition) for partition in blocks)])
    numbers = ", ".join(["0", *(str(int(number)) for number in blocks.values())])
    return f"transform(_partition_id, [{partitions}], [{numbers}]::Array(UInt64), toUInt64(0))"


def insert_once(token: str) -> str:
    """The settings of an INSERT SELECT of one block, which a table that has a block of this token skips."""
    return f"SETTINGS insert_deduplication_token = '{token.encode().hex()}', {ONE_BLOCK}"
