"""Syslog over TCP (RFC 6587: octets counted, or a line each) and UDP (RFC 5426).

Syslog has no answer: over TCP the sender is held back by not reading on while nothing can be stored; over UDP what
finds the buffer full is dropped and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from zoneinfo import ZoneInfo

from traceo.config import Syslog
from traceo.errors import ConfigError, LimitExceeded, Overloaded, StoreUnavailable, TraceoError
from traceo.receivers.ingest import Ingest
from traceo.receivers.log_records import MAX_LINE, Record, encode_request
from traceo.receivers.status import to_failure
from traceo.receivers.syslog_message import make_reader
from traceo.store.base import Signal

logger = logging.getLogger(__name__)

TCP, UDP, SCOPE = "syslog_tcp", "syslog_udp", "syslog"
READ_BYTES = 256 << 10
COUNTED = re.compile(rb"([1-9]\d{0,7}) (?=<)")
COUNT_BYTES = 9
UDP_PENDING_BYTES, UDP_DELAY_S = 8 << 20, 0.1
RETRY_S = 1.0
END_S = 2.0  # for what is on its way when the server stops
MAX_CONNECTIONS = 1000
NOT_NOW = (Overloaded, StoreUnavailable, LimitExceeded)


@contextlib.asynccontextmanager
async def serve_syslog(ingest: Ingest, settings: Syslog, tenant: str) -> AsyncIterator[dict[str, int]]:
    """Listen where the settings say: the ports, by `tcp` and `udp`. Raises ConfigError when one cannot be had."""
    receiver = _Receiver(ingest, tenant, make_reader(ZoneInfo(settings.timezone)))
    ports: dict[str, int] = {}
    async with contextlib.AsyncExitStack() as stack:
        if settings.tcp:
            with _named("tcp", settings.tcp):
                server = await asyncio.start_server(receiver.on_connection, *_address(settings.tcp), limit=READ_BYTES)
            stack.push_async_callback(receiver.end_tcp, server)
            ports["tcp"] = server.sockets[0].getsockname()[1]
        if settings.udp:
            loop = asyncio.get_running_loop()
            with _named("udp", settings.udp):
                transport, _ = await loop.create_datagram_endpoint(
                    partial(_Datagrams, receiver), local_addr=_address(settings.udp)
                )
            stack.push_async_callback(receiver.end_udp, transport)
            ports["udp"] = transport.get_extra_info("sockname")[1]
        yield ports


class _Receiver:
    """Messages to the batcher. Belongs to one event loop."""

    def __init__(self, ingest: Ingest, tenant: str, read: Callable[[bytes], Record]) -> None:
        self._ingest = ingest
        self._tenant = tenant
        self._read = read
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._flush: asyncio.Task[None] | None = None

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One sender, until it goes."""
        task = asyncio.current_task()
        assert task
        self._connections[task] = writer
        try:
            if len(self._connections) <= MAX_CONNECTIONS:
                await self._read_stream(reader)
        except (ConnectionError, ValueError) as error:
            logger.warning("a syslog connection has ended: %s", error)
        finally:
            del self._connections[task]
            writer.close()

    async def _read_stream(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while data := await reader.read(READ_BYTES):
            messages, rest = split_frames(rest + data)
            await self._store_surely(TCP, messages)
        await self._store_surely(TCP, [rest] if rest.strip() else [])

    def on_datagram(self, message: bytes) -> None:
        """One message; what does not fit is lost, as UDP has it."""
        if self._pending_bytes + len(message) > UDP_PENDING_BYTES:
            self._ingest.metrics.rejected_items.labels(Signal.LOGS).inc()
            return
        self._pending.append(message.rstrip(b"\r\n\0"))
        self._pending_bytes += len(message)
        if self._flush is None:
            self._flush = asyncio.create_task(self._flush_datagrams())

    async def _flush_datagrams(self) -> None:
        await asyncio.sleep(UDP_DELAY_S)
        while self._pending:
            messages, self._pending, self._pending_bytes = self._pending, [], 0
            await self._store_surely(UDP, messages)
        self._flush = None

    async def _store_surely(self, transport: str, messages: list[bytes]) -> None:
        """Until it is stored, or known that it never will be."""
        if not messages:
            return
        self._ingest.metrics.received_bytes.labels(Signal.LOGS, transport).inc(sum(map(len, messages)))
        body = encode_request(SCOPE, map(self._read, messages))
        while True:
            try:
                await self._ingest.commit(Signal.LOGS, self._tenant, body)
            except TraceoError as error:
                self._ingest.count(Signal.LOGS, transport, str(to_failure(error).http), error)
                if not isinstance(error, NOT_NOW):
                    logger.warning("%d syslog messages were refused: %s", len(messages), error)
                    return
                await asyncio.sleep(getattr(error, "retry_after_s", None) or RETRY_S)
            else:
                self._ingest.count(Signal.LOGS, transport, "200", None)
                return

    async def end_tcp(self, server: asyncio.Server) -> None:
        """No new senders; what has been read is stored."""
        server.close()
        for writer in self._connections.values():
            writer.close()
        if self._connections:
            _, late = await asyncio.wait([*self._connections], timeout=END_S)
            for task in late:
                task.cancel()

    async def end_udp(self, transport: asyncio.DatagramTransport) -> None:
        """No new messages; those that are here are stored."""
        transport.close()
        if self._flush is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._flush, END_S)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, receiver: _Receiver) -> None:
        self._receiver = receiver

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._receiver.on_datagram(data)


def split_frames(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole messages, and the beginning of the next one. Raises ValueError for one that is longer than MAX_LINE.

    A message that begins with its length and a `<` is counted (RFC 6587 3.4.1); any other ends with its line.
    """
    messages: list[bytes] = []
    at = 0
    while at < len(data):
        counted = COUNTED.match(data, at)
        if counted:
            size = int(counted[1])
            if size > MAX_LINE:
                raise ValueError(f"a message of {size} bytes is longer than {MAX_LINE}")
            end = counted.end() + size
            if end > len(data):
                break
            message = data[counted.end() : end]
        else:
            if data[at : at + 1].isdigit() and len(data) - at <= COUNT_BYTES and b"\n" not in data[at:]:
                break  # perhaps a length that is not here yet
            end = data.find(b"\n", at) + 1
            if not end:
                if len(data) - at > MAX_LINE:
                    raise ValueError(f"a line is longer than {MAX_LINE} bytes")
                break
            message = data[at : end - 1]
        at = end
        message = message.rstrip(b"\r\n\0")
        if message:
            messages.append(message)
    return messages, data[at:]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def _named(name: str, address: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"syslog.{name}: cannot listen on {address}: {error.strerror or error}") from error
