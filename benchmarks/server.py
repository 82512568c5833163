"""A real `traceo serve` in a process of its own, on free ports and a fresh data directory, read through /proc."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from benchmarks.disk import active_bytes

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.005


def end_process(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and wait for the orderly end; SIGKILL where it does not come."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass(frozen=True, slots=True)
class Memory:
    """Of the server's process, in MiB: resident, the part of it that is no file's, and the most it ever was."""

    resident: float
    anonymous: float
    peak: float


class Server:
    """Use as a context manager: it runs inside, and its data directory is removed at the end.

    `ready_s`: from the start of the process until /readyz said yes. `policies`: YAML that all tenants are sampled by;
    `settings`: YAML of its settings.
    """

    def __init__(self, policies: str = "", settings: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="traceo-bench-"))
        (self.folder / "policies.yaml").write_text(policies)
        self._settings = settings
        if policies:
            self._settings += f"\nsampling: {{policy_file: {self.folder / 'policies.yaml'}}}\n"
        self.http_port, self.otlp_http_port, self.otlp_grpc_port = free_ports(3)
        self.ready_s = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self) -> Path:
        """Standard error of all starts."""
        return self.folder / "serve.log"

    def start(self) -> None:
        """Start, and wait until it is ready."""
        command = [sys.executable, "-m", "traceo.cli", "serve", "--data-dir", str(self.folder / "data")]
        for name in ("http_port", "otlp_http_port", "otlp_grpc_port"):
            command += [f"--{name.replace('_', '-')}", str(getattr(self, name))]
        if self._settings:
            file = self.folder / "traceo.yaml"
            file.write_text(self._settings)
            command += ["--config", str(file)]
        env = {name: value for name, value in os.environ.items() if not name.startswith("TRACEO_")}
        started = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log, stdout=log, env=env)
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() - started > START_TIMEOUT_S:
                raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(POLL_S)
        self.ready_s = time.monotonic() - started

    def stop(self) -> None:
        """SIGTERM, and wait for the orderly end."""
        process, self._process = self._process, None
        if process:
            end_process(process)

    def kill(self) -> None:
        """SIGKILL: what a power cut does to the process."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()

    def cpu_s(self) -> float:
        """CPU-seconds of the process since its start, user and system."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> Memory:
        """As it is now."""
        kib = dict(re.findall(r"^(\w+):\s+(\d+) kB$", self._proc("status"), re.MULTILINE))
        return Memory(*(int(kib[name]) * 1024 / MIB for name in ("VmRSS", "RssAnon", "VmHWM")))

    def pending_bytes(self) -> int:
        """Bytes of requests that are answered, or about to be, and not in the engine yet."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=10) as answer:
            found = re.search(r"^traceo_ingest_buffered_bytes (\S+)$", answer.read().decode(), re.MULTILINE)
        if not found:
            raise RuntimeError("the server's metrics do not show traceo_ingest_buffered_bytes")
        return int(float(found[1]))

    def disk(self) -> dict[str, int]:
        """Bytes of active parts by table."""
        return active_bytes(self.folder / "data" / "store")

    def _proc(self, name: str) -> str:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the server has died:\n{self.log.read_text()[-2000:]}")
        return Path(f"/proc/{self._process.pid}/{name}").read_text()

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def free_ports(count: int) -> list[int]:
    """Free at this moment; held open together, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports
