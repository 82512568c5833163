"""`traceo serve`, `demo`, `migrate` and `config`: what runs in this process, from the settings."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traceo.config import Config

Commands = Any  # argparse's own type for subparsers is private

# A flag of `serve` and the setting that it overrides.
FLAGS = {
    "data_dir": ("--data-dir", "DIR", "where everything on disk lies"),
    "server.host": ("--host", "ADDRESS", "address that every listener binds"),
    "server.http_port": ("--http-port", "N", "port of the UI and the API (4000)"),
    "server.otlp_http_port": ("--otlp-http-port", "N", "port of OTLP over HTTP (4318)"),
    "server.otlp_grpc_port": ("--otlp-grpc-port", "N", "port of OTLP over gRPC (4317)"),
    "server.zipkin_port": ("--zipkin-port", "N", "port of Zipkin, 9411 by custom (none)"),
    "sampling.policy_file": ("--sampling-policies", "FILE", "what is kept of traces; `recommended`: Traceo's own"),
}


def add_commands(commands: Commands) -> None:
    """Add to the parser."""
    serve = commands.add_parser("serve", help="run the server in the foreground", description=_serve.__doc__)
    add_settings(serve)
    serve.set_defaults(run=_serve)
    demo = commands.add_parser("demo", help="a shop under load, watched by Traceo", description=_demo.__doc__)
    add_settings(demo)
    demo.add_argument("--rate", type=float, default=10.0, metavar="N", help="the shop's requests per second (10)")
    demo.set_defaults(run=_demo)
    migrate = commands.add_parser("migrate", help="bring tables to this version", description=_migrate.__doc__)
    add_settings(migrate)
    migrate.add_argument("--json", action="store_true", help="print JSON")
    migrate.set_defaults(run=_migrate)
    config = commands.add_parser("config", help="show the settings in force", description=_config.__doc__)
    add_settings(config)
    config.add_argument("--json", action="store_true", help="print JSON instead of YAML")
    config.set_defaults(run=_config)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Flags that override settings; all others come from the file and the environment."""
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings file (./traceo.yaml)")
    for path, (flag, metavar, text) in FLAGS.items():
        parser.add_argument(flag, dest=path, metavar=metavar, help=text)


def load_config(args: argparse.Namespace) -> "Config":
    """The settings of a command's flags, the environment and the file."""
    from traceo.config import load

    return load(args.config, flags={path: getattr(args, path) for path in FLAGS})


def _serve(args: argparse.Namespace) -> None:
    """Run the server in the foreground. SIGTERM and Ctrl-C drain and end it with 0."""
    config = load_config(args)
    from traceo.app import serve

    serve(config)


def _demo(args: argparse.Namespace) -> None:
    """Run the example shop under load with a Traceo that watches it."""
    config = load_config(args)
    from traceo.demo import run

    run(config, args.rate)


def _migrate(args: argparse.Namespace) -> None:
    """Bring the telemetry tables and the state database to this version. `serve` does it by itself, too."""
    config = load_config(args)
    import asyncio

    from traceo.state.database import open_state
    from traceo.store.open import open_store

    async def work() -> None:
        config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        open_state(config.state_url).dispose()
        await (await open_store(config)).close()

    asyncio.run(work())
    print(json.dumps({"migrated": True}) if args.json else "the tables are at this version")


def _config(args: argparse.Namespace) -> None:
    """Print every setting in force, secrets masked."""
    from traceo.config import dump

    tree = dump(load_config(args))
    if args.json:
        print(json.dumps(tree, indent=2, default=str))
        return
    import yaml

    yaml.safe_dump(tree, sys.stdout, sort_keys=False, allow_unicode=True)
