"""Prometheus and VictoriaMetrics of Debian, each in a process of its own with a fresh folder, if they are installed."""

import http.client
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import POLL_S, START_TIMEOUT_S, TICKS, end_process, free_ports

OUT_OF_ORDER = "storage: {tsdb: {out_of_order_time_window: 30m}}\n"  # several connections do not keep the order


@dataclass(frozen=True, slots=True)
class Peer:
    """A product: its program and flags (`{port}`, `{folder}`), and where it takes and answers."""

    name: str
    program: str
    flags: tuple[str, ...]
    ready: str
    write: str
    api: str

    @property
    def is_installed(self) -> bool:
        """Whether its program is on PATH."""
        return shutil.which(self.program) is not None


PEERS = (
    Peer(
        "Prometheus", "prometheus",
        ("--config.file={folder}/prometheus.yml", "--storage.tsdb.path={folder}/data", "--log.level=error",
         "--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"),
        "/-/ready", "/api/v1/write", "/api/v1",
    ),
    Peer(
        "VictoriaMetrics", "victoria-metrics",
        ("-storageDataPath={folder}/data", "-httpListenAddr=127.0.0.1:{port}", "-loggerLevel=ERROR",
         "-search.latencyOffset=0s", "-search.disableCache"),
        "/health", "/api/v1/write", "/api/v1",
    ),
)  # fmt: skip


class PeerServer:
    """Use as a context manager: it runs inside, and its folder is removed at the end. `config`: Prometheus' YAML."""

    def __init__(self, peer: Peer, config: str = OUT_OF_ORDER) -> None:
        self.peer = peer
        self.folder = Path(tempfile.mkdtemp(prefix="traceo-bench-peer-"))
        (self.http_port,) = free_ports(1)
        (self.folder / "prometheus.yml").write_text(config.replace("{own_port}", str(self.http_port)))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "PeerServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it over its folder, and wait until it is ready."""
        flags = [flag.format(port=self.http_port, folder=self.folder) for flag in self.peer.flags]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([self.peer.program, *flags], stdout=log, stderr=log)
        started = time.monotonic()
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() - started > START_TIMEOUT_S:
                raise RuntimeError(f"{self.peer.name} did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """SIGTERM, and wait for the orderly end."""
        process, self._process = self._process, None
        if process:
            end_process(process)

    def cpu_s(self) -> float:
        """CPU-seconds of the process since its start."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def disk_bytes(self) -> int:
        """Of all files."""
        sizes = 0
        for folder, _, names in os.walk(self.folder / "data"):
            sizes += sum((Path(folder) / name).stat().st_size for name in names if (Path(folder) / name).exists())
        return sizes

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        try:
            connection.request("GET", self.peer.ready)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
