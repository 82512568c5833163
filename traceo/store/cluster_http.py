"""ClickHouse's HTTP interface over several hosts: one statement, and the walk over hosts until one serves it.

httpx and not clickhouse-connect carries the bytes: that client speaks to one host, asks it questions before it can be
built (so none exists while the host is away), and blocks a thread for each request; a store needs fail-over between
hosts, and a query that ends when its caller goes. Its rules for writing parameters are used: `bind_query`.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from clickhouse_connect.driver.binding import bind_query

from traceo.errors import StoreError, StoreUnavailable
from traceo.store.cluster_url import ClusterUrl, Host
from traceo.store.engine_errors import translate

CONNECT_TIMEOUT_S = 3.0
REQUEST_TIMEOUT_S = 120.0
# After a failure a host comes last for so long: an address that drops packets would cost every request its timeout.
REST_S = 10.0
BACK_OFF_S = 0.5
# Longer parameters travel as form fields: proxies refuse long addresses.
MAX_ADDRESS_BYTES = 4096
# What a proxy or load balancer answers for a node that is away.
GATEWAY_ERRORS = frozenset({502, 503, 504})


class Unreachable(StoreUnavailable):
    """A host did not answer. `sent`: it may have got the request, and may have done what it asks."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


def may_have_run(error: StoreError) -> bool:
    """Whether a host may have begun what it was asked."""
    return not isinstance(error, Unreachable) or error.sent


@dataclass(frozen=True, slots=True)
class Statement:
    """What a host is asked. `data` is an insert's payload; `repeatable`: it does no harm when it runs twice."""

    sql: str
    settings: Mapping[str, str | int | float] = field(default_factory=dict)
    params: Mapping[str, Any] | None = None
    data: bytes | None = None
    timeout_s: float = REQUEST_TIMEOUT_S
    repeatable: bool = True


Attempt = Callable[[Host, Statement], Awaitable[bytes]]


class ClusterHttp:
    """Requests to any of the hosts. Hosts take turns; one that failed rests."""

    def __init__(self, url: ClusterUrl, connections: int) -> None:
        self.url = url
        self._turns = itertools.count()
        self._rests_until: dict[Host, float] = {}
        # trust_env: a proxy variable must not divert what goes to the cluster. One request a connection, more wait.
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth(url.user, url.password),
            verify=url.tls(),
            trust_env=False,
            limits=httpx.Limits(max_connections=connections * len(url.hosts), keepalive_expiry=60),
        )

    async def send(self, statement: Statement, *, rounds: int = 1, attempt: Attempt | None = None) -> bytes:
        """The answer of the first host that can give one; raises the most telling error when none can.

        `attempt` may stand in for `send_to`. None begins after 1.5 times the statement's timeout.
        """
        started, failures = time.monotonic(), list[StoreUnavailable]()
        for done in range(rounds):
            await asyncio.sleep(BACK_OFF_S * done)
            for host in self._hosts_by_turn():
                if failures and time.monotonic() - started > 1.5 * statement.timeout_s:
                    break
                try:
                    return await (attempt or self.send_to)(host, statement)
                except StoreUnavailable as error:
                    if may_have_run(error) and not statement.repeatable:
                        raise
                    failures.append(error)
        # What a living host says about a shard tells more than the silence of a dead one.
        raise min(failures, key=lambda error: isinstance(error, Unreachable))

    async def send_to(self, host: Host, statement: Statement) -> bytes:
        """One host's answer. Raises `Unreachable` when there is none, or the engine's error."""
        try:
            response = await self._client.send(self._build(host, statement))
        except httpx.TransportError as error:
            self._let_rest(host)
            sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            reason = str(error) or type(error).__name__
            raise Unreachable(f"ClickHouse at {host} does not answer: {reason}", sent=sent) from error
        return self._read(host, response, inserting=statement.data is not None)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _hosts_by_turn(self) -> Sequence[Host]:
        """All hosts, beginning with another one each time; those that rest come last."""
        hosts = self.url.hosts
        first = next(self._turns) % len(hosts)
        now = time.monotonic()
        return sorted(hosts[first:] + hosts[:first], key=lambda host: self._rests_until.get(host, 0) > now)

    def _let_rest(self, host: Host) -> None:
        self._rests_until[host] = time.monotonic() + REST_S

    def _build(self, host: Host, statement: Statement) -> httpx.Request:
        bound = _bind(statement)
        address = {"database": self.url.database, **{name: str(value) for name, value in statement.settings.items()}}
        if statement.data is not None:
            address["query"] = statement.sql
            body: dict[str, Any] = {"content": statement.data}
        elif sum(map(len, bound.values())) > MAX_ADDRESS_BYTES:
            body = {"files": {name: (None, value) for name, value in {"query": statement.sql, **bound}.items()}}
            bound = {}
        else:
            body = {"content": statement.sql.encode()}
        timeout = httpx.Timeout(statement.timeout_s, connect=CONNECT_TIMEOUT_S, pool=statement.timeout_s)
        return self._client.build_request(
            "POST", self.url.base_url(host), params={**address, **bound}, timeout=timeout, **body
        )

    def _read(self, host: Host, response: httpx.Response, *, inserting: bool) -> bytes:
        if response.status_code == httpx.codes.OK:
            self._rests_until.pop(host, None)
            return response.content
        if response.status_code in GATEWAY_ERRORS and "X-ClickHouse-Exception-Code" not in response.headers:
            self._let_rest(host)
            raise Unreachable(f"ClickHouse at {host} is away: HTTP {response.status_code}", sent=True)
        raise translate(response.text.strip(), inserting=inserting)


def _bind(statement: Statement) -> dict[str, str]:
    """`param_<name>` -> the value as the engine reads it. Without a placeholder `bind_query` would format with `%`."""
    if not statement.params or "{" not in statement.sql:
        return {}
    return bind_query(statement.sql, dict(statement.params))[1]
