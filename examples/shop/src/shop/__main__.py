"""The command line: `python -m shop run`, `python -m shop fault start|stop|list`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from shop.faults import KINDS
from shop.topology import SERVICES, control_port, port_of


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 1 when the shop refused it or could not start."""
    options = build_parser().parse_args(arguments)
    result: int = options.command(options)
    return result


def build_parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    parser = argparse.ArgumentParser(prog="shop", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="start the database, the services and the load; stop with Ctrl-C")
    run.add_argument("--data-dir", type=Path, required=True, help="database, logs and faults.jsonl")
    run.add_argument("--otlp", help="OTLP/HTTP endpoint (else OTEL_EXPORTER_OTLP_ENDPOINT, else http://127.0.0.1:4318)")
    run.set_defaults(command=_run)
    load = commands.add_parser("load", help="only the load generator (started by run)")
    load.set_defaults(command=_load)
    for one in (run, load):
        one.add_argument("--rate", type=float, default=10.0, help="pages per second, averaged over a day; 0: no load")
        one.add_argument("--time-scale", type=float, default=1.0, help="288 makes a day pass in five minutes")
    serve = commands.add_parser("serve", help="only one service (started by run)")
    serve.add_argument("service", choices=SERVICES)
    serve.set_defaults(command=_serve)
    for one in (run, load, serve, *_add_fault_commands(commands.add_parser("fault", help="switch faults"))):
        one.add_argument("--base-port", type=int, default=8100, help="first of the shop's ports")
    return parser


def _add_fault_commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    commands = parser.add_subparsers(required=True)
    start = commands.add_parser("start", help="fault start payment latency ms=800 rate=0.5 --duration 60")
    start.add_argument("service", choices=SERVICES)
    start.add_argument("kind", choices=KINDS)
    start.add_argument("parameters", nargs="*", metavar="name=value")
    start.add_argument("--duration", type=float, metavar="SECONDS")
    start.set_defaults(command=_start_fault)
    stop = commands.add_parser("stop", help="end one fault, or all of them")
    stop.add_argument("fault_id", nargs="?")
    stop.set_defaults(command=_stop_fault)
    listing = commands.add_parser("list", help="show the faults that are on")
    listing.set_defaults(command=_list_faults)
    return [start, stop, listing]


def _run(options: argparse.Namespace) -> int:
    from shop.child import die_with_parent
    from shop.postgres import PostgresUnavailable
    from shop.supervisor import ShopConfig, Supervisor

    die_with_parent("SHOP_SUPERVISOR_PARENT")
    config = ShopConfig(options.data_dir, options.otlp, options.base_port, options.rate, options.time_scale)

    async def run() -> None:
        await Supervisor(config).run()

    try:
        asyncio.run(run())
    except (PostgresUnavailable, RuntimeError) as error:
        print(f"shop: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(options: argparse.Namespace) -> int:
    from shop.child import die_with_parent
    from shop.process import serve

    die_with_parent("SHOP_SUPERVISOR_PID")
    serve(options.service, options.base_port)
    return 0


def _load(options: argparse.Namespace) -> int:
    from shop.child import die_with_parent
    from shop.loadgen import generate_load

    die_with_parent("SHOP_SUPERVISOR_PID")
    generate_load(options.base_port, options.rate, options.time_scale)
    return 0


def _start_fault(options: argparse.Namespace) -> int:
    request: dict[str, Any] = {"kind": options.kind}
    for parameter in options.parameters:
        name, _, value = parameter.partition("=")
        request[name] = _read_value(value)
    if options.duration is not None:
        request["duration_s"] = options.duration
    return _ask("POST", f"http://127.0.0.1:{port_of(options.service, options.base_port)}/_faults", request)


def _stop_fault(options: argparse.Namespace) -> int:
    path = f"/faults/{options.fault_id}" if options.fault_id else "/faults"
    return _ask("DELETE", f"http://127.0.0.1:{control_port(options.base_port)}{path}")


def _list_faults(options: argparse.Namespace) -> int:
    return _ask("GET", f"http://127.0.0.1:{control_port(options.base_port)}/faults")


def _read_value(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _ask(method: str, url: str, body: dict[str, Any] | None = None) -> int:
    import httpx

    try:
        answer = httpx.request(method, url, json=body, timeout=15, trust_env=False)
    except httpx.HTTPError as error:
        print(f"shop: nothing answers at {url}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer.json(), indent=2))
    return 0 if answer.is_success else 1


if __name__ == "__main__":
    sys.exit(main())
