"""Sends a file of requests from a process of its own: `python -m benchmarks.sender FILE PORT SIGNAL [--grpc]`.

Over HTTP: a thread for each keep-alive connection, which waits in the kernel most of the time. Over gRPC: as many calls
at once, over up to 8 channels. A refusal that may be repeated (429, 503) is repeated after a pause. Prints JSON.
"""

import argparse
import asyncio
import itertools
import json
import mmap
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

import grpc
import grpc.aio
import numpy as np

GRPC_METHODS = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
HTTP_PATHS = {signal: f"/v1/{signal}" for signal in GRPC_METHODS} | {
    "remote_write": "/prometheus/api/v1/write",
    "loki": "/loki/api/v1/push",
}
ENCODINGS = {"remote_write": "snappy", "loki": "snappy"}  # of signals whose file holds compressed bodies
CHANNELS = 8
RETRY_PAUSE_S = 0.05
Export: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"
RETRYABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


@dataclass(slots=True)
class Sent:
    """What became of a file. `latencies_s` are of accepted requests, from the first byte out to the answer."""

    accepted: int = 0
    failed: int = 0
    retries: int = 0
    seconds: float = 0
    cpu_s: float = 0
    error: str = ""
    latencies_s: list[float] = field(default_factory=list)


def start_sending(path: str, port: int, signal: str, connections: int, *options: str) -> "subprocess.Popen[str]":
    """The sender's process; `finish_sending` waits for what it says."""
    command = [sys.executable, "-m", "benchmarks.sender", path, str(port), signal, "--connections", str(connections)]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)


def finish_sending(process: "subprocess.Popen[str]") -> Sent:
    """Raises RuntimeError when a request was not accepted: figures of refused data would be worth nothing."""
    answer, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the sender ended with {process.returncode}")
    sent = Sent(**json.loads(answer))
    if sent.failed or not sent.accepted:
        raise RuntimeError(f"{sent.failed} requests failed, {sent.accepted} were accepted: {sent.error}")
    return sent


def read_traces(path: str, times: int) -> Iterator[memoryview]:
    """The bodies of a file of spans, so many times, each time with other trace ids."""
    content = np.fromfile(path, np.uint8)
    # Of a span: field 1 with 16 bytes, field 2 with 8.
    heads = (content[:-20] == 0x0A) & (content[1:-19] == 0x10) & (content[18:-2] == 0x12) & (content[19:-1] == 0x08)
    ids = (np.flatnonzero(heads) + 2)[:, None] + np.arange(16)
    for number in range(times):
        copy = content.copy()
        copy[ids] ^= np.frombuffer(random.Random(f"copy {number}").randbytes(16), np.uint8)
        yield from _bodies_of(memoryview(copy))


def read_bodies(path: str, seconds: float) -> Iterator[memoryview]:
    """The file's bodies: once, or again and again until `seconds` have passed."""
    with open(path, "rb") as file:
        content = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    until = time.monotonic() + seconds
    while True:
        for body in _bodies_of(content):
            yield body
            if seconds and time.monotonic() > until:
                return
        if not seconds:
            return


def _bodies_of(content: memoryview) -> Iterator[memoryview]:
    at = 0
    while at < len(content):
        (size,) = struct.unpack_from("<I", content, at)
        yield content[at + 4 : at + 4 + size]
        at += 4 + size


class HttpSender:
    """One target, many connections, one stock of bodies."""

    def __init__(self, port: int, signal: str, bodies: Iterator[memoryview], path: str = "") -> None:
        self.sent = Sent()
        self._address = ("127.0.0.1", port)
        encoding = f"Content-Encoding: {ENCODINGS[signal]}\r\n" if signal in ENCODINGS else ""
        head = f"POST {path or HTTP_PATHS[signal]} HTTP/1.1\r\nHost: 127.0.0.1\r\n{encoding}"
        self._head = f"{head}Content-Type: application/x-protobuf\r\n"
        self._bodies = bodies
        self._lock = threading.Lock()

    def run(self, connections: int) -> None:
        """Send everything."""
        threads = [threading.Thread(target=self._work) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self) -> None:
        connection = socket.create_connection(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with self._lock:
                body = next(self._bodies, None)
            if body is None:
                return
            self._deliver(connection, body)

    def _deliver(self, connection: socket.socket, body: memoryview) -> None:
        head = f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode()
        while True:
            started = time.monotonic()
            written = connection.sendmsg([head, body])
            if written < len(head) + len(body):
                connection.sendall(body[max(0, written - len(head)) :])
            status, answer = _read_answer(connection)
            if status not in (429, 503):
                break
            self.sent.retries += 1
            time.sleep(RETRY_PAUSE_S)
        with self._lock:
            self._note(status, answer, time.monotonic() - started)

    def _note(self, status: int, answer: bytes, seconds: float) -> None:
        if status in (200, 204):
            self.sent.accepted += 1
            self.sent.latencies_s.append(seconds)
        else:
            self.sent.failed += 1
            self.sent.error = f"{status}: {answer[:300]!r}"


def _read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of an answer with a Content-Length."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the server closed the connection")
        data += piece
    head = data[:end].lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
    while len(data) < end + 4 + length:
        data += connection.recv(65536)
    return int(data[9:12]), data[end + 4 :]


async def send_grpc(port: int, signal: str, bodies: Iterator[memoryview], calls: int) -> Sent:
    """The same over gRPC, `calls` at once."""
    sent = Sent()
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) for _ in range(min(calls, CHANNELS))]
    exports: list[Export] = [channel.unary_unary(GRPC_METHODS[signal]) for channel in channels]

    async def work(export: Export) -> None:
        for body in bodies:
            started = time.monotonic()
            await _call(export, bytes(body), sent)
            sent.latencies_s.append(time.monotonic() - started)

    await asyncio.gather(*(work(export) for export in itertools.islice(itertools.cycle(exports), calls)))
    for channel in channels:
        await channel.close()
    return sent


async def _call(export: Export, body: bytes, sent: Sent) -> None:
    while True:
        try:
            await export(body)
        except grpc.aio.AioRpcError as error:
            if error.code() not in RETRYABLE:
                sent.failed += 1
                sent.error = f"{error.code().name}: {error.details()}"
                return
            sent.retries += 1
            await asyncio.sleep(RETRY_PAUSE_S)
        else:
            sent.accepted += 1
            return


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("port", type=int)
    parser.add_argument("signal", choices=HTTP_PATHS)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--grpc", action="store_true")
    parser.add_argument("--path", default="", help="instead of Traceo's own")
    parser.add_argument("--seconds", type=float, default=0, help="repeat the file for so long")
    parser.add_argument("--times", type=int, default=0, help="send a file of spans so often, always with new trace ids")
    args = parser.parse_args()
    bodies = read_traces(args.file, args.times) if args.times else read_bodies(args.file, args.seconds)
    started = time.monotonic()
    if args.grpc:
        sent = asyncio.run(send_grpc(args.port, args.signal, bodies, args.connections))
    else:
        sender = HttpSender(args.port, args.signal, bodies, args.path)
        sender.run(args.connections)
        sent = sender.sent
    sent.seconds = time.monotonic() - started
    sent.cpu_s = time.process_time()
    sent.latencies_s = sorted(sent.latencies_s)[:: max(1, len(sent.latencies_s) // 1000)]
    print(json.dumps(asdict(sent)))


if __name__ == "__main__":
    main()
