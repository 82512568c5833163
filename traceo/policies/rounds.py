"""Where the sampler writes down what a round covers, so that a crash or another replica repeats it."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, Row, Table, false, select

from traceo.errors import StoreUnavailable
from traceo.sampling.budgets import Steering
from traceo.sampling.log_round import LogRound
from traceo.sampling.round import Round
from traceo.state.database import begin, insert_into
from traceo.state.tables import log_rounds, sampling_rounds


class SamplingRounds:
    """The last round of each tenant and node, over spans and over log records. Threads may share it.

    A round is written in place of `after`, the last one as this replica knows it. All methods raise StoreUnavailable;
    those that write also when there is another one: then another replica holds the lease and has gone on.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read_round(self, tenant: str, host: str) -> Round | None:
        """The last round over spans, done or not."""
        row = self._read(sampling_rounds, tenant, host)
        return Round(**{**row._mapping, "steering": _read_steering(row.steering)}) if row else None

    def read_log_round(self, tenant: str, host: str) -> LogRound | None:
        """The last round over log records, done or not."""
        row = self._read(log_rounds, tenant, host)
        return LogRound(**row._mapping) if row else None

    def read_steering(self, tenant: str) -> tuple[Steering, ...]:
        """The budgets of the tenant's newest round on any node, with their factors."""
        mine = select(sampling_rounds.c.steering).where(sampling_rounds.c.tenant == tenant)
        with begin(self._engine) as connection:
            row = connection.execute(mine.order_by(sampling_rounds.c.number.desc()).limit(1)).first()
        return _read_steering(row.steering) if row else ()

    def write_round(self, judged: Round, after: Round | None) -> None:
        """It is committed when this returns."""
        self._write(sampling_rounds, judged, after)

    def write_log_round(self, covered: LogRound, after: LogRound | None) -> None:
        """It is committed when this returns."""
        self._write(log_rounds, covered, after)

    def _read(self, table: Table, tenant: str, host: str) -> Row[Any] | None:
        last = select(table).where(table.c.tenant == tenant, table.c.host == host)
        with begin(self._engine) as connection:
            return connection.execute(last).first()

    def _write(self, table: Table, last: Round | LogRound, after: Round | LogRound | None) -> None:
        row, key = asdict(last), (table.c.tenant, table.c.host)
        others = {name: value for name, value in row.items() if name not in ("tenant", "host")}
        known = (table.c.number == after.number) & (table.c.done == after.done) if after else false()
        write = insert_into(self._engine, table).values(row)
        write = write.on_conflict_do_update(index_elements=key, set_=others, where=known)
        with begin(self._engine) as connection:
            if connection.execute(write.returning(table.c.number)).first() is None:
                raise StoreUnavailable(f"another replica samples tenant {last.tenant} on {last.host} by now")


def _read_steering(plain: list[dict[str, Any]]) -> tuple[Steering, ...]:
    return tuple(Steering.from_plain(item) for item in plain)
