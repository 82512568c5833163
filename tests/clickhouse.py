"""A ClickHouse cluster of two shards, each a real server process out of the chdb wheel: nothing to install.

A node is `clickhouse-local` told to listen on HTTP and TCP. It has no interserver port and no Keeper: `ON CLUSTER` and
replication cannot be tried here, everything else of a cluster can. Run as a script, this module is one node.
"""

import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CLUSTER = "traceo"
DATABASE = "traceo"
START_TIMEOUT_S = 60.0
POLL_S = 0.05
LISTEN = (
    "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; "
    "SELECT sleepEachRow(1) FROM system.numbers SETTINGS max_block_size=1 FORMAT Null"
)
# Small caches: two nodes and the tests share a small machine.
CONFIG = """\
<clickhouse>
  <logger><level>warning</level><log>{folder}/server.log</log><console>0</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{http_port}</http_port>
  <tcp_port>{tcp_port}</tcp_port>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <remote_servers><{cluster}>{shards}</{cluster}></remote_servers>
  <macros><cluster>{cluster}</cluster><shard>{shard}</shard><replica>r{shard}</replica></macros>
</clickhouse>
"""
SHARD = "<shard><replica><host>127.0.0.1</host><port>{}</port></replica></shard>"


@dataclass(slots=True)
class Cluster:
    """Two running nodes. `url` names both; a node keeps its ports and its data over `stop` and `start`."""

    folder: Path
    http_ports: tuple[int, ...]
    tcp_ports: tuple[int, ...]
    _nodes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The store URL, as in `store.url`."""
        return self.url_of(*range(len(self.http_ports)))

    def url_of(self, *shards: int, database: str = DATABASE) -> str:
        """A store URL that names only these shards, in this order."""
        hosts = ",".join(f"127.0.0.1:{self.http_ports[shard]}" for shard in shards)
        return f"clickhouse://default:@{hosts}/{database}?cluster={CLUSTER}"

    def start(self, shard: int) -> None:
        """Start a node and wait until it answers."""
        node = self._spawn(shard)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(self.http_ports[shard]):
            if node.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"shard {shard} does not start:\n{self.log(shard)}")
            time.sleep(POLL_S)

    def stop(self, shard: int) -> None:
        """Kill a node as a power cut would (SIGKILL)."""
        node = self._nodes.pop(shard)
        node.kill()
        node.communicate()

    def pause(self, shard: int) -> None:
        """Freeze a node: its connections stay open and nothing answers."""
        self._nodes[shard].send_signal(signal.SIGSTOP)

    def resume(self, shard: int) -> None:
        """Let a frozen node go on."""
        self._nodes[shard].send_signal(signal.SIGCONT)

    def restore(self) -> None:
        """Both nodes run and answer, whatever a test did to them."""
        for shard in range(len(self.http_ports)):
            if shard in self._nodes and self._nodes[shard].poll() is None:
                self.resume(shard)
            else:
                self.start(shard)

    def log(self, shard: int) -> str:
        """The end of what a node wrote to its output and its log."""
        files = (self.folder / f"shard{shard}" / name for name in ("output.txt", "server.log"))
        return "\n".join(file.read_text(errors="replace")[-3000:] for file in files if file.exists())

    def close(self) -> None:
        """End all nodes."""
        for shard in list(self._nodes):
            self.stop(shard)

    def _spawn(self, shard: int) -> subprocess.Popen[bytes]:
        folder = self.folder / f"shard{shard}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.xml").write_text(self._config(shard, folder))
        with (folder / "output.txt").open("ab") as output:
            self._nodes[shard] = subprocess.Popen(
                [sys.executable, __file__, str(folder / "data")],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
            )
        return self._nodes[shard]

    def _config(self, shard: int, folder: Path) -> str:
        shards = "".join(SHARD.format(port) for port in self.tcp_ports)
        http_port, tcp_port = self.http_ports[shard], self.tcp_ports[shard]
        return CONFIG.format(
            folder=folder, http_port=http_port, tcp_port=tcp_port, cluster=CLUSTER, shards=shards, shard=shard
        )


@contextmanager
def two_shards(folder: Path) -> Iterator[Cluster]:
    """Start a cluster of two shards with its data under `folder`; end it on leaving."""
    ports = free_ports(4)
    cluster = Cluster(folder, (ports[0], ports[1]), (ports[2], ports[3]))
    try:
        cluster.restore()
        yield cluster
    finally:
        cluster.close()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback device that nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()


def answers(port: int) -> bool:
    """Whether the node on this HTTP port runs queries."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def run_node(data: str) -> None:
    """Be a server with its data under `data` until killed, or until the parent process ends."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    load_engine().query(LISTEN, path=data)


def end_with_parent() -> None:
    """Standard input closes with the parent; PR_SET_PDEATHSIG would fire with the thread that started this node."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)


def load_engine() -> types.ModuleType:
    """The wheel's compiled module without the package's `__init__`, which opens an engine of its own."""
    spec = importlib.util.find_spec("chdb")
    assert spec is not None and spec.submodule_search_locations is not None
    package = types.ModuleType("chdb")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["chdb"] = package
    return importlib.import_module("chdb._chdb")


if __name__ == "__main__":
    run_node(sys.argv[1])
