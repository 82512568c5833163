"""The command line: `traceo <command>`. It parses, hands over, and turns errors into one line and an exit code.

Exit codes: 0 done, 1 it failed, 2 it was asked wrongly.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence

from traceo import __version__
from traceo.commands import analyze, cardinality, dashboards, query, sampling, scrape, server, services, tail, token
from traceo.errors import ConfigError, InvalidRequest, QueryError, TraceoError

RELATIVE_TIME = re.compile(r"-[0-9].*")
WRONGLY_ASKED = (ConfigError, InvalidRequest, QueryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    args = parse_arguments(sys.argv[1:] if argv is None else argv)
    try:
        return int(args.run(args) or 0)
    except TraceoError as error:
        print(f"traceo: {error.message}", file=sys.stderr)
        hint = getattr(error, "hint", None)
        if hint:
            print(f"hint: {hint}", file=sys.stderr)
        return 2 if isinstance(error, WRONGLY_ASKED) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"traceo: {error}", file=sys.stderr)
        return 1


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The words of a command line; `run` is the function that does it. Ends the process when they are wrong."""
    return make_parser().parse_args(_join_times(argv))


def _join_times(argv: Sequence[str]) -> list[str]:
    """`--start -1h` as `--start=-1h`: argparse takes a word that begins with a minus for a flag."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] in ("--start", "--end", "--since") and RELATIVE_TIME.fullmatch(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def make_parser() -> argparse.ArgumentParser:
    """The whole grammar of the command line."""
    parser = argparse.ArgumentParser(prog="traceo", description="An observability platform: traces, metrics, logs.")
    parser.add_argument("--version", action="version", version=f"traceo {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (server, token, query, tail, sampling, scrape, cardinality, services, dashboards, analyze):
        module.add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
