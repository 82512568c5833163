"""The scraper as a whole: its file, its lease, jobs that come and go, and what it tells of its targets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.scraping.received import STALE, Received, read_requests
from tests.scraping.targets import always, answer, run_target, wait_for
from traceo.errors import ConfigError
from traceo.scraping import pools, scraper
from traceo.scraping.check import find_targets
from traceo.scraping.config import load_file
from traceo.scraping.scraper import Scraper
from traceo.scraping.status import describe_metadata, describe_pools, describe_targets, make_metadata_view


class Running:
    """A scraper at work, what it wrote, and whether it holds the lease."""

    def __init__(self, folder: Path, address: str) -> None:
        self.path = folder / "prometheus.yml"
        self.address = address
        self.written: list[bytes] = []
        self.held = True
        self.configure(JOB)
        self.scraper = Scraper(str(self.path), self._write, lambda: self.held)
        self.scraper.load()

    async def _write(self, body: bytes) -> None:
        self.written.append(body)

    def configure(self, jobs: str) -> None:
        text = "global: {scrape_interval: 250ms, scrape_timeout: 250ms}\nscrape_configs:\n" + jobs
        self.path.with_suffix(".new").write_text(text.replace("ADDRESS", self.address))
        self.path.with_suffix(".new").rename(self.path)

    @property
    def received(self) -> Received:
        return read_requests(self.written)

    def seen(self, series: str, value: Any = 1) -> bool:
        return any(name.startswith(series) and found == value for name, found, _ in self.received.samples)

    def ended(self, series: str) -> bool:
        """Whether a series became stale although its target answered: a busy machine may let a scrape time out."""
        samples = self.received.samples
        failed = {time for name, value, time in samples if name.startswith("up{") and value == 0}
        return any(name.startswith(series) and v == STALE and t not in failed for name, v, t in samples)

    def targets(self, **asked: str) -> Any:
        return describe_targets(self.scraper, **asked)


JOB = "- {job_name: a, scrape_timeout: 250ms, static_configs: [{targets: [ADDRESS]}]}\n"
OTHER = JOB.replace("job_name: a", "job_name: b")


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    async with run_target(always(answer("# HELP m M.\n# TYPE m gauge\nm 1\nn 2\n"))) as address:
        found = Running(folder, address)
        task = asyncio.create_task(found.scraper.run_forever())
        try:
            yield found
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraper, "LOOK_EVERY_S", 0.005)
    monkeypatch.setattr(pools, "PAUSE_S", 0.005)


def test_targets_are_scraped_and_described(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as found:
            await wait_for(lambda: found.seen("m{"))
            await wait_for(lambda: found.targets()["activeTargets"][0]["health"] != "unknown")
            (target,) = found.targets()["activeTargets"]
            assert target["labels"] == {"job": "a", "instance": found.address}
            assert target["scrapeUrl"] == target["globalUrl"] == f"http://{found.address}/metrics"
            assert (target["scrapePool"], target["scrapeInterval"], target["scrapeTimeout"]) == ("a", "250ms", "250ms")
            assert target["discoveredLabels"]["__address__"] == found.address
            assert target["lastScrape"].endswith("Z") and target.keys() >= {"lastError", "lastScrapeDuration"}
            assert describe_pools(found.scraper) == ["a"]
            target_labels = {"target": target["labels"]}
            row = {"type": "gauge", "help": "M.", "unit": ""}
            assert list(describe_metadata(found.scraper, "m")) == [target_labels | row]
            assert list(make_metadata_view(found.scraper, "a")("a", "")) == [target_labels | {"metric": "m"} | row]
            assert list(make_metadata_view(found.scraper, "a")("b", "")) == []

    asyncio.run(run())


def test_connections_of_a_removed_job_are_closed_when_nobody_waits_for_its_end(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as found:
            await wait_for(lambda: found.seen("m{"))
            (client,) = found.scraper.pools["a"]._clients
            found.configure(OTHER)
            await wait_for(lambda: "a" not in found.scraper.pools)
            assert not client.is_closed
        assert client.is_closed

    asyncio.run(run())


def test_job_that_is_added_starts_and_one_that_is_removed_becomes_stale(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as found:
            await wait_for(lambda: found.seen("m{") and found.seen("up{"))
            found.configure(OTHER)
            await wait_for(lambda: found.seen(f'm{{instance="{found.address}",job="b"}}'))
            await wait_for(lambda: found.seen(f'm{{instance="{found.address}",job="a"}}', STALE))
            await wait_for(lambda: found.seen(f'up{{instance="{found.address}",job="a"}}', STALE))
            assert not found.ended(f'm{{instance="{found.address}",job="b"}}')

    asyncio.run(run())


def test_job_that_changes_goes_on_and_only_what_it_drops_becomes_stale(tmp_path: Path) -> None:
    rule = "metric_relabel_configs: [{source_labels: [__name__], regex: n, action: drop}], static_configs"

    async def run() -> None:
        async with running(tmp_path) as found:
            await wait_for(lambda: found.seen("n{", 2))
            found.configure(JOB.replace("static_configs", rule))
            await wait_for(lambda: found.seen("n{", STALE))
            assert not found.ended("m{") and not found.ended("up{")

    asyncio.run(run())


def test_file_that_becomes_wrong_is_told_and_the_old_one_goes_on(tmp_path: Path, caplog: Any) -> None:
    async def run() -> None:
        async with running(tmp_path) as found:
            await wait_for(lambda: found.seen("m{"))
            found.configure("- {job: a}")
            await wait_for(lambda: "the new configuration is wrong" in caplog.text)
            before = len(found.written)
            await wait_for(lambda: len(found.written) > before)
            assert "unknown field, did you mean" in caplog.text or "job_name is missing" in caplog.text

    asyncio.run(run())


def test_replica_without_the_lease_does_not_scrape(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(tmp_path) as found:
            await wait_for(lambda: found.seen("m{"))
            found.held = False
            await wait_for(lambda: not found.scraper.pools)
            found.written.clear()
            found.held = True
            await wait_for(lambda: found.seen("m{"))
            assert not found.ended("m{")

    asyncio.run(run())


def test_end_of_the_server_makes_nothing_stale(tmp_path: Path) -> None:
    async def run() -> Running:
        async with running(tmp_path) as found:
            await wait_for(lambda: found.seen("m{"))
        return found

    assert not asyncio.run(run()).ended("m{")


def test_dropped_targets_are_described_and_the_limit_of_targets_fails_all(tmp_path: Path) -> None:
    many = "{targets: [ADDRESS, 'localhost:1', 'drop:1', 'drop:2']}"
    rules = (
        "keep_dropped_targets: 1, target_limit: 1, relabel_configs: [{source_labels: [__address__], regex: 'drop:.*',"
    )
    job = JOB.replace("{targets: [ADDRESS]}", many).replace(
        "static_configs", f"{rules} action: drop}}], static_configs"
    )

    async def run() -> None:
        async with running(tmp_path) as found:
            found.configure(job)
            await wait_for(lambda: len(found.targets()["activeTargets"]) == 2)
            await wait_for(lambda: all(t["health"] == "down" for t in found.targets()["activeTargets"]))
            assert {t["lastError"] for t in found.targets()["activeTargets"]} == {
                "target_limit exceeded: 2 targets, limit 1"
            }
            dropped = found.targets(state="dropped")
            assert dropped["activeTargets"] == [] and dropped["droppedTargetCounts"] == {"a": 2}
            assert [t["discoveredLabels"]["__address__"] for t in dropped["droppedTargets"]] == ["drop:1"]
            assert found.targets(state="active")["droppedTargets"] == []

    asyncio.run(run())


def test_wrong_file_stops_the_start(tmp_path: Path) -> None:
    async def write(body: bytes) -> None:
        raise AssertionError

    with pytest.raises(ConfigError, match="cannot be read"):
        Scraper(str(tmp_path / "none.yml"), write, lambda: True).load()


def test_check_finds_targets_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("""
scrape_configs:
  - job_name: a
    params: {module: [x, y], q: [z]}
    static_configs:
      - {targets: ["a:1", "a:1", "b/c:2", "c:3", "[::1]:4"], labels: {__param_module: own, __scheme__: https}}
    relabel_configs:
      - {source_labels: [__address__], regex: "c:3", target_label: __address__, replacement: ""}
      - {source_labels: [__address__], regex: "(.*):1", target_label: instance}
""")
    (checked,) = asyncio.run(find_targets(load_file(tmp_path / "p.yml").configs, 1))
    found = [(target.url, target.labels["instance"]) for target in checked.found.targets.values()]
    query = "/metrics?module=own&module=y&q=z"
    assert found == [(f"https://a:1{query}", "a"), (f"https://[::1]:4{query}", "[::1]:4")]
    assert [problem.split(": ", 1)[1] for problem in checked.found.problems] == [
        "'b/c:2' is not a valid hostname", "no address: c:3 has lost its __address__",
    ]  # fmt: skip
