"""A full disk stops writes with a clear answer, never reads, and not for longer than it is full."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.e2e.load import Sent, make_request, new_ids, wait_for
from tests.e2e.server import RunningServer, running_server, start_server
from tests.e2e.test_crash import check_stored

MIB = 1 << 20
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)], capture_output=True)
    if mount.returncode:
        pytest.skip(f"cannot mount a tmpfs: {mount.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def leave_free(folder: Path, wanted_bytes: int) -> Path:
    """Fill the disk up but for so many bytes; the file that does it."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("ab") as file:
        while (stat := os.statvfs(folder)).f_bavail * stat.f_frsize > wanted_bytes:
            file.write(bytes(min(MIB, max(4096, stat.f_bavail * stat.f_frsize - wanted_bytes))))
            file.flush()
    return ballast


def send(server: RunningServer, signal: str, sent: Sent) -> int:
    """One request of five items; its status."""
    ids = new_ids(5)
    sent.sent[signal].update(ids)
    answer = server.post(signal, make_request(signal, ids))
    if answer.status_code == 200:
        sent.acknowledged[signal].update(ids)
    return answer.status_code


def refuses(server: RunningServer, signal: str, sent: Sent, folder: Path) -> bool:
    """Whether a write fails on the disk once that is filled up: the engine frees space in between."""
    leave_free(folder, 0)
    return send(server, signal, sent) == 503


def test_server_with_too_little_disk_reads_and_says_why_it_does_not_write(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", ready=507, store__min_free_disk="1000TiB")
    try:
        answer = server.post("traces", make_request("traces", new_ids(1)))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert b"store.min_free_disk" in answer.content
        with grpc.insecure_channel(server.grpc_address) as channel:
            export = channel.unary_unary(EXPORT)
            with pytest.raises(grpc.RpcError) as refused:
                export(make_request("traces", new_ids(1)).SerializeToString())
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "store.min_free_disk" in server.client.get(f"{server.api_url}/readyz").text
        assert server.count("spans") == 0
        assert server.client.get(f"{server.api_url}/healthz").status_code == 200
    finally:
        server.client.close()
        server.kill()


def test_writes_stop_at_the_floor_and_go_on_above_it(small_disk: Path) -> None:
    sent = Sent()
    with running_server(small_disk / "data", store__min_free_disk="64MiB") as server:
        assert send(server, "traces", sent) == 200
        ballast = leave_free(small_disk, 60 * MIB)
        wait_for(lambda: send(server, "traces", sent) == 503)
        assert "store.min_free_disk" in server.client.get(f"{server.api_url}/readyz").text
        server.settle()
        assert server.count("spans") == len(sent.acknowledged["traces"])
        ballast.unlink()
        wait_for(lambda: send(server, "traces", sent) == 200)
        assert server.client.get(f"{server.api_url}/readyz").status_code == 200
        server.settle()
        assert server.count("spans") == len(sent.acknowledged["traces"])
        server.terminate()


def test_engine_survives_a_disk_without_a_single_free_byte(small_disk: Path) -> None:
    sent = Sent()
    with running_server(small_disk / "data") as server:
        assert [send(server, signal, sent) for signal in sent.sent] == [200, 200, 200]
        server.settle()
        for signal in sent.sent:
            wait_for(lambda: refuses(server, signal, sent, small_disk))  # noqa: B023
        assert server.count("spans") >= 5
        ballast = leave_free(small_disk, 0)
        ballast.unlink()
        for signal in sent.sent:
            wait_for(lambda: send(server, signal, sent) == 200)  # noqa: B023
        server.terminate()
    check_stored(small_disk / "data", sent)
