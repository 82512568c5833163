"""The command line that all benchmarks share."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.report import Result, load_average, publish


@dataclass(frozen=True, slots=True)
class Options:
    """`items`, `spans` and `minutes`: 0 means the benchmark's own default."""

    quick: bool = False
    items: int = 0
    spans: int = 0
    minutes: float = 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """The flags of `Options`."""
    parser.add_argument("--quick", action="store_true", help="less data, shorter waits: to see that it works")
    parser.add_argument("--items", type=int, default=0, help="ingest_*, logql: how many items")
    parser.add_argument("--spans", type=int, default=0, help="queries: how many spans, such as 20000000")
    parser.add_argument("--minutes", type=float, default=0, help="memory_flat, promql_panels: how long")


def read_options(args: argparse.Namespace) -> Options:
    """The options of parsed flags."""
    return Options(args.quick, args.items, args.spans, args.minutes)


def run_and_publish(run: Callable[[Options], Result], options: Options) -> None:
    """Run one benchmark and keep what it found."""
    before = load_average()
    publish(run(options), before)


def main(run: Callable[[Options], Result], text: str | None, argv: Sequence[str] | None = None) -> None:
    """The command line of a single benchmark."""
    parser = argparse.ArgumentParser(description=text)
    add_options(parser)
    run_and_publish(run, read_options(parser.parse_args(argv)))
