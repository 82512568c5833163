"""The services' side of PostgreSQL: a few traced connections and one way to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import Any

import psycopg
from anyio import CapacityLimiter, to_thread
from opentelemetry.instrumentation.dbapi import DatabaseApiIntegration, trace_integration
from psycopg.rows import dict_row

CONNECTIONS = 4

# Makes any statement a slow one inside the database, so that the delay is seen where a bad plan would be seen.
SLOW_QUERY = "WITH answer AS ({sql}) SELECT answer.* FROM answer WHERE (SELECT pg_sleep(%s)) IS NOT NULL"


class _ShopIntegration(DatabaseApiIntegration):
    """Names the peer: the unix socket's directory would tell a service graph nothing."""

    def get_connection_attributes(self, connection: object) -> None:
        super().get_connection_attributes(connection)
        self.span_attributes["peer.service"] = "postgres"


def trace_queries() -> None:
    """Instrument psycopg: each statement becomes a client span."""
    attributes = {"database": "info.dbname", "user": "info.user"}
    module: Any = psycopg  # typed as a callable there, used as a module
    trace_integration(module, "connect", "postgresql", attributes, db_api_integration_factory=_ShopIntegration)


class Database:
    """Up to four connections to one service's database; `query_delay_s` is asked before each statement."""

    def __init__(self, dsn: str, query_delay_s: Callable[[], float]) -> None:
        self._dsn = dsn
        self._query_delay_s = query_delay_s
        self._idle: LifoQueue[Any] = LifoQueue()
        self._limiter = CapacityLimiter(CONNECTIONS)

    async def fetch(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Run one statement with bound values and return its rows."""
        delay_s = self._query_delay_s()
        if delay_s > 0:
            sql, values = SLOW_QUERY.format(sql=sql), (*values, delay_s)
        return await to_thread.run_sync(self._fetch, sql, values, limiter=self._limiter)

    def _fetch(self, sql: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
        with self._connection() as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[dict[str, Any]] = cursor.fetchall()
            return rows

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """Lend a connection; one that broke is closed instead of going back."""
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = psycopg.connect(self._dsn, autocommit=True, row_factory=dict_row, connect_timeout=2)
        try:
            yield connection
        except psycopg.OperationalError:
            connection.close()
            raise
        except BaseException:
            self._idle.put(connection)
            raise
        else:
            self._idle.put(connection)
