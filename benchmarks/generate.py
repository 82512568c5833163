"""Makes the load and keeps it in files: `python -m benchmarks.generate spans 1000000` prints the file's path.

A file is a row of [u32, little endian: length][body of one request, as sent]; a .json beside it says what is in it.
"""

import argparse
import json
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.data import Keep
from benchmarks.data.logs import logs, loki
from benchmarks.data.metrics import STEP_NS, metrics
from benchmarks.data.samples import samples
from benchmarks.data.spans import spans
from benchmarks.report import progress

FOLDER = Path(tempfile.gettempdir()) / "traceo-benchmarks"
VERSION = 1  # part of the files' names: raise it when the load changes
MAX_AGE_S = 6 * 3600  # the load ends when it is made, as load does
WINDOW_NS = 600 * 10**9
MAX_SAMPLES = 5000
KINDS: dict[str, Callable[[int, int, int, int, Keep], Iterator[bytes]]] = {
    "spans": spans, "logs": logs, "loki": loki, "metrics": metrics, "samples": samples,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """A file of requests; `samples` are things in it that can be asked for."""

    path: str
    kind: str
    items: int
    requests: int
    bytes: int
    start_ns: int
    end_ns: int
    samples: list[list[str | int]]

    @property
    def description(self) -> str:
        """For RESULTS.md."""
        return (
            f"{self.items:,} {self.kind}, {self.requests:,} requests, {self.bytes / self.items:.0f} bytes each as sent"
        )


def make_load(kind: str, items: int, seed: int = 1) -> Load:
    """The load of a kind, from the cache if it is there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{kind}-{items}-{seed}-v{VERSION}.bin"
    about = path.with_suffix(".json")
    if about.exists() and time.time() - about.stat().st_mtime < MAX_AGE_S:
        return Load(**json.loads(about.read_text()))
    load = _write(path, kind, items, seed)
    about.write_text(json.dumps(asdict(load)))
    return load


def drop_load(load: Load) -> None:
    """Remove a load that will not be used again."""
    path = Path(load.path)
    path.unlink(missing_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)


def _write(path: Path, kind: str, items: int, seed: int) -> Load:
    end_ns = time.time_ns()
    kept: list[list[str | int]] = []
    requests = size = 0
    started = time.monotonic()
    with path.open("wb") as file:
        for body in KINDS[kind](items, end_ns - WINDOW_NS, end_ns, seed, kept.append):
            file.write(struct.pack("<I", len(body)))
            file.write(body)
            requests += 1
            size += len(body)
            if requests % 100 == 0:
                progress(f"generating {items:,} {kind}: {size >> 20} MiB, {time.monotonic() - started:.0f} s")
    progress(
        f"generated {items:,} {kind} in {time.monotonic() - started:.0f} s: {size / items:.0f} bytes each", end=True
    )
    step = max(1, len(kept) // MAX_SAMPLES)
    start_ns = end_ns - max(WINDOW_NS, items // 20_000 * STEP_NS if kind in ("metrics", "samples") else 0)
    return Load(str(path), kind, items, requests, size, start_ns, end_ns, kept[::step])


def main() -> None:
    """Make one file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("items", type=int)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(make_load(args.kind, args.items, args.seed).path)


if __name__ == "__main__":
    main()
