"""What a benchmark found: printed as a table, and kept as its section of RESULTS.md."""

import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
PREFACE = """# Benchmark results

Written by `make bench`; each section by the benchmark of its name (see docs/guides/benchmarks.md). A run replaces its
own section and no other; a `--quick` run never replaces a full one. "Peers" are figures from the same profile of load
on 2 cores of AMD EPYC Zen 4, 2026-11-23, single node.
"""
HEADINGS = ("measure", "value", "unit", "target", "peers")
SECTION = re.compile(r"^## (\S+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
QUICK = "**Quick run**"
LOOPS = 10_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `target`: an upper bound in the same unit, None where there is none."""

    measure: str
    value: float
    unit: str
    target: float | None = None
    peers: str = ""

    def cells(self) -> tuple[str, ...]:
        """For both kinds of table; a missed target is marked."""
        missed = self.target is not None and self.value > self.target
        target = "" if self.target is None else f"{self.target:g}{' MISSED' if missed else ''}"
        return (self.measure, _number(self.value), self.unit, target, self.peers)


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found, on what data; `notes` are sentences."""

    name: str
    data: str
    rows: list[Row]
    quick: bool = False
    notes: tuple[str, ...] = ()


def publish(result: Result, load_before: float) -> None:
    """Print the table and write the section."""
    cells = [HEADINGS, *(row.cells() for row in result.rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(HEADINGS))]
    print(f"\n{result.name}: {result.data}")
    for row in cells:
        print("  ".join(_pad(text, width, at == 1) for at, (text, width) in enumerate(zip(row, widths, strict=True))))
    for note in result.notes:
        print(note)
    print(flush=True)
    write_section(result.name, _section(result, load_before), result.quick)


def write_section(name: str, text: str, quick: bool) -> None:
    """Put a section in its place; the others stay, in alphabetical order."""
    known = dict(SECTION.findall(RESULTS.read_text())) if RESULTS.exists() else {}
    if quick and name in known and QUICK not in known[name]:
        print(f"RESULTS.md keeps the full run of {name}")
        return
    known[name] = text
    body = "".join(f"## {key}\n\n{known[key].strip()}\n\n" for key in sorted(known))
    RESULTS.write_text(f"{PREFACE}\n{body.rstrip()}\n")


def progress(text: str, end: bool = False) -> None:
    """One line on standard error that the next one replaces; elsewhere than on a terminal, only what ends."""
    if sys.stderr.isatty():
        print(f"\r\033[K  {text}", end="\n" if end else "", file=sys.stderr, flush=True)
    elif end:
        print(f"  {text}", file=sys.stderr, flush=True)


def load_average() -> float:
    """Of the last minute: above 0.3 before a run, others use the cores."""
    return os.getloadavg()[0]


def describe_machine() -> str:
    """Processor, cores, memory, kernel."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory_kib = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    gib = int(memory_kib[1]) / (1 << 20) if memory_kib else 0
    return f"{os.cpu_count()} x {cpu[1] if cpu else platform.machine()}, {gib:.0f} GiB, Linux {platform.release()}"


def describe_speed() -> str:
    """What the same work costs here and now: virtual machines of one name differ by a factor of two."""
    started, total = time.process_time(), 0
    for number in range(LOOPS):
        total += number * number
    return f"a loop of {LOOPS:,} in Python took {time.process_time() - started:.2f} CPU-s"


def describe_versions() -> str:
    """Traceo with its commit, Python, engine."""
    changed = " with uncommitted changes" if _git("status", "--porcelain", ".") else ""
    commit = f"{_git('rev-parse', '--short', 'HEAD') or 'no commit'}{changed}"
    engine, python = version("chdb-core"), platform.python_version()
    return f"Traceo {version('traceo')} ({commit}), chdb-core {engine}, Python {python}"


def _git(*command: str) -> str:
    """What git says about the package that is measured; empty without git."""
    spec = find_spec("traceo")
    folder = Path(spec.origin).parent if spec and spec.origin else Path.cwd()
    try:
        done = subprocess.run(["git", *command], capture_output=True, text=True, cwd=folder)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def _section(result: Result, load_before: float) -> str:
    cells = [HEADINGS, ("---", "--:", "---", "---", "---"), *(row.cells() for row in result.rows)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in cells)
    lines = [f"{QUICK}: less data and shorter waits.\n"] if result.quick else []
    lines += [table, "", f"- Data: {result.data}", f"- Machine: {describe_machine()}"]
    lines.append(f"- Load average when it began: {load_before:.2f}; when it ended: {load_average():.2f}")
    lines.append(f"- Speed: {describe_speed()}")
    lines += [f"- Versions: {describe_versions()}", f"- Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"]
    lines.append(f"- Command: `{_command()}`")
    lines += [f"- {note}" for note in result.notes]
    return "\n".join(lines) + "\n"


def _command() -> str:
    module = Path(sys.argv[0]).stem
    name = "benchmarks" if module == "__main__" else f"benchmarks.{module}"
    return " ".join([".venv/bin/python -m", name, *sys.argv[1:]])


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _pad(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
