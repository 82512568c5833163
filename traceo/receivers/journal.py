"""Requests on disk between their answer and their commit, so that senders need not wait for the engine.

A segment holds the requests of one batch, in the order of their arrival, under the batch's number and token, and in
the bytes that the engine reads: it is inserted from this file, so that nothing of it need stay in memory. It is deleted
when the batch is committed. What a crash leaves behind is inserted again at the next start, as the same blocks with the
same tokens: a table that has a block already skips it, one that has not takes it.

Safe against the death of the process, as the engine's own parts are; neither waits for the disk (fsync).
"""

import os
from collections.abc import Sequence
from pathlib import Path

from traceo.errors import DiskFull
from traceo.store.base import Batch, Request, Signal
from traceo.store.frame import frame_head, read_frames


class Segment:
    """The requests of one batch on disk."""

    def __init__(self, path: Path, signal: Signal, batch: Batch) -> None:
        self.path = path
        self.signal = signal
        self.batch = batch
        self.requests = 0  # that this process wrote, and their tenants
        self.tenants: set[str] = set()
        self._file: int | None = None
        self._size = 0

    def append(self, request: Request) -> None:
        """Write one request. Raises `DiskFull`; the segment then ends with the request before."""
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        head = frame_head(request, self.batch, self.requests)
        try:
            written = os.writev(self._file, (head, request.body))
        except OSError as error:
            written, reason = 0, error.strerror
        else:
            reason = "no space left"
        if written != len(head) + len(request.body):
            os.ftruncate(self._file, self._size)
            raise DiskFull(f"the request could not be kept on disk: {reason}; nothing was stored")
        self._size += written
        self.requests += 1
        self.tenants.add(request.tenant)

    def read(self) -> list[Request]:
        """Its requests; a torn end, which was never acknowledged, is left out."""
        return list(read_frames(self.path.read_bytes()))

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def remove(self) -> None:
        """The batch is committed."""
        self.close()
        self.path.unlink(missing_ok=True)

    def set_aside(self, requests: Sequence[Request]) -> Path:
        """Keep what the engine refused after it was acknowledged, for a person to look at. Raises `DiskFull`."""
        refused = Segment(self.path.with_suffix(".refused"), self.signal, self.batch)
        for request in requests:
            refused.append(request)
        refused.close()
        return refused.path


class Journal:
    """The folder of segments. One process at a time, which the engine's data path sees to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start_segment(self, signal: Signal) -> Segment:
        """A new segment; its file is made with its first request."""
        batch = Batch.new()
        return Segment(self._folder / f"{signal}-{batch.id:016x}-{batch.token}.segment", signal, batch)

    def left_behind(self) -> list[Segment]:
        """Segments of a process that was killed, oldest first."""
        found = []
        for path in self._folder.glob("*.segment"):
            signal, number, token = path.stem.split("-")
            found.append(Segment(path, Signal(signal), Batch(int(number, 16), token)))
        return sorted(found, key=lambda segment: segment.batch.id)
