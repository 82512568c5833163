"""A caller of the API over one keep-alive connection, and percentiles of how long it waits."""

import http.client
import json
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

JSON = {"Content-Type": "application/json"}


class Client:
    """Belongs to one thread."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(self, path: str, **params: str | int) -> Any:
        """The answer; raises RuntimeError for any status but 200."""
        status, answer = self.call("GET", f"{path}?{urlencode(params)}" if params else path)
        return _read(status, answer)

    def sql(self, query: str) -> list[list[Any]]:
        """The rows of a query over the tenant's views."""
        status, answer = self.call("POST", "/api/v1/sql", json.dumps({"query": query}).encode(), JSON)
        rows: list[list[Any]] = _read(status, answer)["rows"]
        return rows

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body."""
        self._connection.request(method, path, body, headers or {})
        response = self._connection.getresponse()
        return response.status, response.read()


class Stopwatch:
    """Collects durations: `with watch: ...`."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._seconds.append(time.monotonic() - self._started)

    def percentile_ms(self, share: float) -> float:
        """Milliseconds that `share` of all did not exceed."""
        return percentile(self._seconds, share) * 1000


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest-rank percentile of at least one value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _read(status: int, answer: bytes) -> Any:
    if status != 200:
        raise RuntimeError(f"{status}: {answer[:500]!r}")
    return json.loads(answer)
