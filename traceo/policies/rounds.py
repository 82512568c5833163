"""Where the sampler writes down what a round covers, so that a crash or another replica repeats it: its `Rounds`."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, false, select

from traceo.errors import StoreUnavailable
from traceo.sampling.budgets import Steering
from traceo.sampling.round import Round
from traceo.state.database import begin, insert_into
from traceo.state.tables import sampling_rounds

KEY = (sampling_rounds.c.tenant, sampling_rounds.c.host)


class SamplingRounds:
    """The last round of each tenant and node. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read_round(self, tenant: str, host: str) -> Round | None:
        """The last round, done or not. Raises StoreUnavailable."""
        last = select(sampling_rounds).where(sampling_rounds.c.tenant == tenant, sampling_rounds.c.host == host)
        with begin(self._engine) as connection:
            row = connection.execute(last).first()
        return Round(**{**row._mapping, "steering": _read_steering(row.steering)}) if row else None

    def read_steering(self, tenant: str) -> tuple[Steering, ...]:
        """The budgets of the tenant's newest round on any node, with their factors. Raises StoreUnavailable."""
        mine = select(sampling_rounds.c.steering).where(sampling_rounds.c.tenant == tenant)
        with begin(self._engine) as connection:
            row = connection.execute(mine.order_by(sampling_rounds.c.number.desc()).limit(1)).first()
        return _read_steering(row.steering) if row else ()

    def write_round(self, judged: Round, after: Round | None) -> None:
        """In place of `after`, the last one as this replica knows it; it is committed when this returns.

        Raises StoreUnavailable, also when there is another one: then another replica holds the lease and has gone on.
        """
        row = asdict(judged)
        others = {name: value for name, value in row.items() if name not in {column.name for column in KEY}}
        write = insert_into(self._engine, sampling_rounds).values(row)
        last = sampling_rounds.c
        known = (last.number == after.number) & (last.done == after.done) if after else false()
        write = write.on_conflict_do_update(index_elements=KEY, set_=others, where=known)
        with begin(self._engine) as connection:
            if connection.execute(write.returning(last.number)).first() is None:
                raise StoreUnavailable(f"another replica samples tenant {judged.tenant} on {judged.host} by now")


def _read_steering(plain: list[dict[str, Any]]) -> tuple[Steering, ...]:
    return tuple(Steering.from_plain(item) for item in plain)
