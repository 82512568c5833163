"""Leases on SQLite and PostgreSQL: one holder at a time, and a dead one is replaced."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event

import pytest
from sqlalchemy import Engine, select

from traceo.errors import StoreUnavailable
from traceo.state.database import begin, connect, open_state
from traceo.state.leases import Lease
from traceo.state.tables import leases

SHORT_S, LONG_S = 0.3, 60.0


@pytest.fixture
def engine(state_url: str) -> Iterator[Engine]:
    engine = open_state(state_url)
    yield engine
    engine.dispose()


def wait_until(holds: Callable[[], bool], within_s: float = 10.0) -> float:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < within_s, "it never came true"
        time.sleep(0.01)
    return time.monotonic() - begun


def expiry(engine: Engine) -> datetime:
    """Of the only lease."""
    with begin(engine) as connection:
        expires_at: datetime = connection.execute(select(leases.c.expires_at)).scalar_one()
    return expires_at


def test_one_holder_at_a_time(engine: Engine) -> None:
    first, second = Lease(engine, "sampling", "a", LONG_S), Lease(engine, "sampling", "b", LONG_S)
    assert (first.acquire(), second.acquire(), first.acquire()) == (True, False, True)
    assert (first.is_held(), second.is_held()) == (True, False)


def test_names_are_independent(engine: Engine) -> None:
    assert Lease(engine, "sampling", "a", LONG_S).acquire()
    assert Lease(engine, "rules", "b", LONG_S).acquire()


def test_released_lease_is_free_at_once(engine: Engine) -> None:
    first, second = Lease(engine, "sampling", "a", LONG_S), Lease(engine, "sampling", "b", LONG_S)
    assert first.acquire()
    first.release()
    assert not first.is_held()
    assert second.acquire()


def test_release_leaves_the_lease_of_another(engine: Engine) -> None:
    first, second = Lease(engine, "sampling", "a", LONG_S), Lease(engine, "sampling", "b", LONG_S)
    assert first.acquire()
    second.release()
    assert not second.acquire()


def test_dead_holder_is_replaced_after_the_ttl_and_not_before(engine: Engine) -> None:
    dead, heir = Lease(engine, "sampling", "a", SHORT_S), Lease(engine, "sampling", "b", LONG_S)
    begun = time.monotonic()
    assert dead.acquire()
    wait_until(heir.acquire)
    assert SHORT_S * 0.9 <= time.monotonic() - begun < SHORT_S + 5
    assert not dead.is_held()
    assert not dead.acquire()


def test_lease_runs_by_the_clock_of_the_database(engine: Engine) -> None:
    assert Lease(engine, "sampling", "a", LONG_S).acquire()
    expires_at = expiry(engine)
    assert abs(expires_at - datetime.now(UTC) - timedelta(seconds=LONG_S)) < timedelta(seconds=10)


def test_of_holders_that_race_one_wins(state_url: str) -> None:
    engines = [open_state(state_url) for _ in range(6)]
    for round_number in range(5):
        barrier = Barrier(len(engines))

        def claim(number: int, barrier: Barrier = barrier, name: str = f"job {round_number}") -> bool:
            barrier.wait()
            return Lease(engines[number], name, f"holder {number}", LONG_S).acquire()

        with ThreadPoolExecutor(len(engines)) as pool:
            assert sum(pool.map(claim, range(len(engines)))) == 1
    for engine in engines:
        engine.dispose()


def test_of_heirs_that_race_one_wins(state_url: str) -> None:
    engines = [open_state(state_url) for _ in range(4)]
    assert Lease(engines[0], "sampling", "dead", SHORT_S).acquire()
    heirs = [Lease(engine, "sampling", f"heir {number}", LONG_S) for number, engine in enumerate(engines)]

    won = Event()

    def claim(heir: Lease) -> bool:
        while not won.is_set():
            if heir.acquire():
                won.set()
                return True
        return heir.acquire()

    with ThreadPoolExecutor(len(heirs)) as pool:
        assert sum(pool.map(claim, heirs)) == 1
    for engine in engines:
        engine.dispose()


def test_renewing_keeps_the_lease_beyond_its_ttl(engine: Engine) -> None:
    async def work() -> None:
        ttl_s = 6 * SHORT_S  # a busy machine renews late, but not by this much
        mine, other = Lease(engine, "sampling", "a", ttl_s), Lease(engine, "sampling", "b", ttl_s)
        assert mine.acquire()
        first = expiry(engine)
        task = asyncio.create_task(mine.renew_forever())
        await asyncio.to_thread(wait_until, lambda: expiry(engine) > first + timedelta(seconds=ttl_s))
        assert not await asyncio.to_thread(other.acquire)
        assert mine.is_held()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(mine.release)

    asyncio.run(work())


def test_unreachable_database_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        Lease(connect("postgresql://user:secret@127.0.0.1:1/none"), "sampling", "a", LONG_S).acquire()
