"""Where the sampler writes down what a round covers, so that a crash or another replica repeats it."""

from dataclasses import asdict

from sqlalchemy import Engine, Row, Table, select

from traceo.sampling.log_round import LogRound
from traceo.sampling.round import Round
from traceo.state.database import begin, insert_into
from traceo.state.tables import log_rounds, sampling_rounds


class SamplingRounds:
    """The last rounds of each tenant and node, over spans and over log records. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read_round(self, tenant: str, host: str) -> Round | None:
        """The last round over spans, done or not. Raises StoreUnavailable."""
        row = self._read(sampling_rounds, tenant, host)
        return Round(**row._mapping) if row else None

    def read_log_round(self, tenant: str, host: str) -> LogRound | None:
        """The last round over log records, done or not. Raises StoreUnavailable."""
        row = self._read(log_rounds, tenant, host)
        return LogRound(**row._mapping) if row else None

    def write_round(self, judged: Round) -> None:
        """In place of the last one; it is committed when this returns. Raises StoreUnavailable."""
        self._write(sampling_rounds, judged)

    def write_log_round(self, covered: LogRound) -> None:
        """In place of the last one; it is committed when this returns. Raises StoreUnavailable."""
        self._write(log_rounds, covered)

    def _read(self, table: Table, tenant: str, host: str) -> Row[tuple[object, ...]] | None:
        last = select(table).where(table.c.tenant == tenant, table.c.host == host)
        with begin(self._engine) as connection:
            return connection.execute(last).first()

    def _write(self, table: Table, last: Round | LogRound) -> None:
        row, key = asdict(last), (table.c.tenant, table.c.host)
        others = {name: value for name, value in row.items() if name not in ("tenant", "host")}
        write = insert_into(self._engine, table).values(row)
        with begin(self._engine) as connection:
            connection.execute(write.on_conflict_do_update(index_elements=key, set_=others))
