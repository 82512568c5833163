"""A real `traceo serve` in a process of its own, on free ports, around a test; and its tables, read after its end."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
from google.protobuf.message import Message

from tests.clickhouse import free_ports

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.02
PROTOBUF = "application/x-protobuf"


@dataclass(slots=True)
class RunningServer:
    """A started server. Requests go out as the tenant that they name: the peer is loopback, the mode is `open`."""

    data_dir: Path
    process: subprocess.Popen[bytes]
    http_port: int
    otlp_http_port: int
    otlp_grpc_port: int
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))

    @property
    def api_url(self) -> str:
        """The API and the probes."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def otlp_url(self) -> str:
        """OTLP over HTTP."""
        return f"http://127.0.0.1:{self.otlp_http_port}"

    @property
    def grpc_address(self) -> str:
        """OTLP over gRPC."""
        return f"127.0.0.1:{self.otlp_grpc_port}"

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def terminate(self) -> None:
        """SIGTERM: it MUST commit what it took, and exit with 0."""
        self.process.terminate()
        code = self.process.wait(STOP_TIMEOUT_S)
        assert code == 0, f"exit code {code}\n{self.log()}"

    def log(self) -> str:
        """The end of what it wrote to its output."""
        return _log_of(self.data_dir).read_text(errors="replace")[-4000:]

    def post(self, signal: str, body: Message | bytes, tenant: str = "default", **headers: str) -> httpx.Response:
        """One OTLP/HTTP request; `content_encoding="gzip"` becomes a header."""
        content = body if isinstance(body, bytes) else body.SerializeToString()
        sent = {"content-type": PROTOBUF, "x-scope-orgid": tenant}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"{self.otlp_url}/v1/{signal}", content=content, headers=sent)

    def send(self, signal: str, body: Message | bytes, tenant: str = "default") -> None:
        """Post what MUST be stored whole, and wait until readers see it."""
        answer = self.post(signal, body, tenant)
        assert (answer.status_code, answer.content) == (200, b""), answer.text
        self.settle()

    def settle(self) -> None:
        """Wait until all that was acknowledged is in the tables."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.get("status")["buffered_bytes"]:
            assert time.monotonic() < deadline, f"the buffer does not empty\n{self.log()}"
            time.sleep(POLL_S)

    def get(self, path: str, tenant: str = "default", **params: Any) -> Any:
        """The JSON of an API route, which MUST succeed."""
        headers = {"x-scope-orgid": tenant}
        answer = self.client.get(f"{self.api_url}/api/v1/{path}", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def sql(self, query: str, tenant: str = "default", **params: Any) -> list[dict[str, Any]]:
        """Rows of a tenant's views."""
        answer = self.client.post(
            f"{self.api_url}/api/v1/sql",
            json={"query": query, "params": params},
            headers={"x-scope-orgid": tenant},
        )
        assert answer.status_code == 200, answer.text
        result = answer.json()
        names = [column["name"] for column in result["columns"]]
        return [dict(zip(names, row, strict=True)) for row in result["rows"]]

    def count(self, view: str, tenant: str = "default") -> int:
        """Rows of one view."""
        number: int = self.sql(f"SELECT count() AS n FROM {view}", tenant)[0]["n"]
        return number


@contextmanager
def running_server(data_dir: Path, **settings: object) -> Iterator[RunningServer]:
    """Start it and wait until it is ready; at the end it is killed if it still runs.

    Settings by path, with `__` for the dot: `store__min_free_disk="1GiB"`.
    """
    server = start_server(data_dir, **settings)
    try:
        yield server
    finally:
        server.client.close()
        if server.process.poll() is None:
            server.kill()


def start_server(data_dir: Path, *, ready: int = 200, **settings: object) -> RunningServer:
    """As `running_server`; the caller ends it. `ready` is the status of /readyz that means that it has started."""
    ports = free_ports(3)
    names = ("server__http_port", "server__otlp_http_port", "server__otlp_grpc_port")
    settings = {"data_dir": data_dir, "store__min_free_disk": 0, **dict(zip(names, ports, strict=True)), **settings}
    ports = [int(str(settings[name])) for name in names]
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with _log_of(data_dir).open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "traceo.cli", "serve"],
            cwd=data_dir.parent,
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    server = RunningServer(data_dir, process, *ports)
    try:
        _wait_until(server, ready)
    except BaseException:
        server.client.close()
        process.kill()
        process.wait()
        raise
    return server


def read_tables(data_dir: Path, queries: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Rows of the tables themselves, by the queries' names; texts are bytes. The server MUST have ended."""
    reader = subprocess.run(
        [sys.executable, "-m", "tests.e2e.reader", str(data_dir / "store")],
        cwd=Path(__file__).parents[2],
        input=json.dumps(list(queries.values())).encode(),
        capture_output=True,
        check=False,
        timeout=STOP_TIMEOUT_S,
    )
    assert reader.returncode == 0, reader.stderr.decode(errors="replace")
    output = io.BytesIO(reader.stdout)
    return {name: pa.ipc.open_stream(output).read_all().to_pylist(maps_as_pydicts="strict") for name in queries}


def _wait_until(server: RunningServer, ready: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server does not start:\n{server.log()}")
        try:
            if server.client.get(f"{server.api_url}/readyz").status_code == ready:
                return
        except httpx.TransportError:
            pass
        time.sleep(POLL_S)


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACEO_")}
    return {**kept, **{f"TRACEO_{name.upper()}": str(value) for name, value in settings.items()}}


def _log_of(data_dir: Path) -> Path:
    return data_dir.parent / f"{data_dir.name}.log"
