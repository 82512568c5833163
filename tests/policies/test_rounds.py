"""The sampler's rounds, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from traceo.errors import StoreUnavailable
from traceo.policies.rounds import SamplingRounds
from traceo.sampling.budgets import Budget, Steering
from traceo.sampling.log_round import LogRound
from traceo.sampling.round import Round
from traceo.state.database import open_state

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROUND = Round(
    "a",
    "node:9000",
    1 << 45,
    {"1767265200": 1 << 40},
    {"1767265200": (1 << 62) + 1, "1767268800": 1},
    NOON,
    NOON + timedelta(seconds=5),
    None,
    False,
)


@pytest.fixture
def engine(state_url: str) -> Iterator[Engine]:
    engine = open_state(state_url)
    yield engine
    engine.dispose()


def test_last_round_of_each_tenant_and_node_is_read_back(engine: Engine) -> None:
    rounds = SamplingRounds(engine)
    assert rounds.read_round("a", "node:9000") is None
    others = [replace(ROUND, tenant="b"), replace(ROUND, host="other:9000", number=5)]
    for judged in (ROUND, *others):
        rounds.write_round(judged, None)
    steering = (
        Steering(Budget("m", money_per_month=1.5, team="a", exempt_ceiling=2, slow_ms=9), 1 / 3, 0.5, "team"),
        Steering(Budget("b", bytes_per_day=1 << 40, all_tenants=True), 1.0, 1e-9, "owner"),
    )
    done = replace(ROUND, done=True, policy_version=7, number=ROUND.number + 1, steering=steering)
    rounds.write_round(done, ROUND)
    assert SamplingRounds(engine).read_round("a", "node:9000") == done
    assert (rounds.read_steering("a"), rounds.read_steering("b")) == (steering, ())
    assert rounds.read_steering("nobody") == ()
    assert [rounds.read_round(judged.tenant, judged.host) for judged in others] == others


def test_replica_that_was_overtaken_writes_nothing(engine: Engine) -> None:
    rounds = SamplingRounds(engine)
    rounds.write_round(ROUND, None)
    done, following = replace(ROUND, done=True), replace(ROUND, number=ROUND.number + 1)
    rounds.write_round(done, ROUND)
    rounds.write_round(following, done)
    for judged, after in ((ROUND, None), (done, ROUND), (replace(following, number=ROUND.number + 2), done)):
        with pytest.raises(StoreUnavailable, match="another replica"):
            rounds.write_round(judged, after)
    assert rounds.read_round("a", "node:9000") == following


def test_rounds_over_log_records_are_apart(engine: Engine) -> None:
    rounds = SamplingRounds(engine)
    rounds.write_round(ROUND, None)
    assert rounds.read_log_round("a", "node:9000") is None
    covered = LogRound(
        "a", "node:9000", 1 << 45, {}, {"p": 1 << 40}, 0, 1 << 44, NOON, NOON + timedelta(seconds=5), False
    )
    done = replace(covered, done=True)
    for last, after in ((covered, None), (done, covered)):
        rounds.write_log_round(last, after)
        assert rounds.read_log_round("a", "node:9000") == last
    with pytest.raises(StoreUnavailable, match="another replica"):
        rounds.write_log_round(done, covered)
    assert rounds.read_round("a", "node:9000") == ROUND
