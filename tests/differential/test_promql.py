"""Random queries to a real Prometheus (Debian's, 2.42) and a real Traceo, written the same: the same answers.

`--queries 5000 --seed 7` asks more, and others.

Where version 3, which Traceo follows, differs from 2.42, and what keeps it out of the comparison:

- windows and lookback leave out their beginning:
  no sample and no step of a subquery lies on the edge of a window.
- rates are extrapolated to zero after the half interval was chosen, not before:
  counters begin far from zero.
- names are dropped late:
  names are neither matched by patterns, nor grouped by, nor replaced.
- atan2 drops the name:
  its result is multiplied by 1.
- stddev and stdvar of one NaN or infinity are NaN, not 0:
  they are asked of finite series only.
- several series of a side are refused even where a comparison leaves one:
  `comparison.NOT_ONE_TO_ONE` is let pass.
- a range with @ stays where it is if other arguments change:
  functions that have some get ranges without @.
- sums are compensated, so last digits differ:
  1e-9; `count_values`, which shows them, is asked of stored values.
- holt_winters is double_exponential_smoothing:
  `RENAMED`.
- numbers beyond 64 bits as dates: the processor decides in Go:
  calendar functions get what lies within 1e10.
- which of several equal series topk keeps:
  values are compared, not labels.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cramjam
import httpx
import pytest

from tests.differential.comparison import difference
from tests.differential.metrics import requests
from tests.differential.queries import Asked, Generator
from tests.e2e.prometheus import needs_prometheus, running_prometheus
from tests.e2e.server import running_server

pytestmark = needs_prometheus

WRITE = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
RENAMED = {"holt_winters": "double_exponential_smoothing"}
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Pair:
    """The bases of both APIs, and the connections to them."""

    prometheus: str
    traceo: str
    client: httpx.Client

    def difference(self, asked: Asked) -> str:
        """What differs in the answers; empty: nothing."""
        text = asked.text
        for old, new in RENAMED.items():
            text = text.replace(old, new)
        theirs, ours = self._ask(self.prometheus, asked.text, asked), self._ask(self.traceo, text, asked)
        return difference(theirs, ours, ties=asked.ties, ordered=asked.text.startswith("sort"))

    def _ask(self, base: str, text: str, asked: Asked) -> Any:
        params: dict[str, Any] = {"query": text, "time": asked.end_s}
        if asked.step_s:
            params = {"query": text, "start": asked.start_s, "end": asked.end_s, "step": asked.step_s}
        path = "query_range" if asked.step_s else "query"
        answer = self.client.post(f"{base}/api/v1/{path}", data=params)
        assert answer.status_code < 500, (asked, answer.text)
        return answer.json()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("differential")
    with (
        running_prometheus(folder / "prometheus", {}) as prometheus,
        running_server(folder / "traceo") as traceo,
        httpx.Client(timeout=60) as client,
    ):
        made = Pair(f"http://127.0.0.1:{prometheus.port}", f"{traceo.api_url}/prometheus", client)
        for body in requests():
            content = bytes(cramjam.snappy.compress_raw(body))
            for base in (made.prometheus, made.traceo):
                answer = client.post(f"{base}/api/v1/write", content=content, headers=WRITE)
                assert answer.is_success, answer.text
        traceo.settle()
        yield made
        traceo.terminate()


def test_random_queries_have_the_same_answers(pair: Pair, request: pytest.FixtureRequest) -> None:
    generator = Generator(request.config.getoption("--seed"))
    asked = [generator.next() for _ in range(request.config.getoption("--queries"))]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(pair.difference, asked))
    wrong = [f"{one}\n    {problem}" for one, problem in zip(asked, found, strict=True) if problem]
    assert not wrong, f"{len(wrong)} of {len(asked)} differ:\n" + "\n".join(wrong[:SHOWN])
