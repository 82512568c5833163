"""Starts the shop, keeps it running, switches faults on and off, and stops everything."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from shop.child import Child, say
from shop.control import serve_control
from shop.faults import PROCESS_KINDS, Fault, Ledger, plan_fault
from shop.postgres import Postgres
from shop.telemetry_environment import ENVIRONMENT
from shop.topology import DATABASE_SERVICES, INITIAL_VERSION, LOADGEN, POSTGRES, SERVICES, control_port, port_of


@dataclass(frozen=True, slots=True)
class ShopConfig:
    """What `shop run` was asked for; `rate` is page requests per second, `time_scale` how fast a day passes."""

    data_dir: Path
    otlp: str | None = None
    base_port: int = 8100
    rate: float = 10.0
    time_scale: float = 1.0


class Supervisor:
    """Owns every process and the ledger of faults."""

    def __init__(self, config: ShopConfig) -> None:
        self._config = config
        (config.data_dir / "logs").mkdir(parents=True, exist_ok=True)
        self._ledger = Ledger(config.data_dir / "faults.jsonl")
        self._faults: dict[str, Fault] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._actions: set[asyncio.Task[None]] = set()
        self._acting = asyncio.Lock()  # restarts and stops happen one after the other
        self._postgres = Postgres(config.data_dir)
        self._http = httpx.AsyncClient(timeout=2, trust_env=False)
        self._children = {POSTGRES: self._postgres_child()}
        self._children.update({name: self._service_child(name) for name in SERVICES})

    async def run(self) -> None:
        """Run the shop until SIGTERM or SIGINT."""
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        starting = asyncio.create_task(self._start())
        waiting = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            await waiting
        finally:
            starting.cancel()
            await self._stop()

    async def _start(self) -> None:
        await asyncio.to_thread(self._postgres.initialise)
        await self._children[POSTGRES].start()
        await asyncio.to_thread(self._postgres.seed)
        await asyncio.gather(*(self._children[name].start() for name in SERVICES))
        await serve_control(self, control_port(self._config.base_port))
        if self._config.rate > 0:
            self._children[LOADGEN] = self._loadgen_child()
            await self._children[LOADGEN].start()
        say("shop", f"open at http://127.0.0.1:{port_of('storefront', self._config.base_port)}")

    async def _stop(self) -> None:
        say("shop", "closing")
        for task in (*self._timers.values(), *self._actions):
            task.cancel()
        for fault in self._faults.values():
            self._ledger.append(fault.ended("shutdown"))
        callers_first = [child for name, child in self._children.items() if name != POSTGRES]
        await asyncio.gather(*(child.stop() for child in callers_first))
        await self._children[POSTGRES].stop()
        self._postgres.remove_sockets()
        await self._http.aclose()
        say("shop", "closed")

    def active_faults(self, service: str | None = None) -> list[Fault]:
        """Return the faults that are on: all, or those asked for on one service or placed in it."""
        return [fault for fault in self._faults.values() if service in (None, fault.service, fault.requested_on)]

    async def start_fault(self, service: str, request: dict[str, Any]) -> Fault:
        """Switch a fault on and record it. Raises FaultRefused."""
        fault = plan_fault(service, request)
        self._faults[fault.id] = fault
        self._ledger.append(fault)
        say(fault.service, f"fault {fault.id} {fault.kind} on {fault.parameters}")
        await self._change(fault, active=True)
        if fault.duration_s is not None:
            self._timers[fault.id] = asyncio.create_task(self._end_later(fault.id, fault.duration_s))
        return fault

    async def end_fault(self, fault_id: str, by: str = "request") -> Fault | None:
        """Switch a fault off and record it; None if it is not on."""
        fault = self._faults.pop(fault_id, None)
        if fault is None:
            return None
        if by == "request" and (timer := self._timers.pop(fault_id, None)):
            timer.cancel()
        ended = fault.ended(by)
        self._ledger.append(ended)
        say(fault.service, f"fault {fault.id} {fault.kind} off")
        await self._change(fault, active=False)
        return ended

    async def _end_later(self, fault_id: str, duration_s: float) -> None:
        await asyncio.sleep(duration_s)
        self._timers.pop(fault_id, None)
        await self.end_fault(fault_id, "duration")

    async def _change(self, fault: Fault, active: bool) -> None:
        """Apply a fault or its end. Restarts go on in the background: the asking service may be the one restarted."""
        if fault.kind not in PROCESS_KINDS:
            await self._apply_effects(fault.service)
            return
        change = self._change_dependency if fault.kind == "stopped_dependency" else self._change_version
        action = asyncio.create_task(change(fault, active))
        self._actions.add(action)
        action.add_done_callback(self._actions.discard)

    async def _apply_effects(self, service: str) -> None:
        """Tell a service which in-process faults it has now; a stopped one is told when it is back."""
        if service not in SERVICES:
            return
        own = [fault for fault in self._faults.values() if fault.service == service and fault.kind not in PROCESS_KINDS]
        try:
            await self._http.put(self._url(service, "/_faults/active"), json=[asdict(fault) for fault in own])
        except httpx.HTTPError as error:
            say(service, f"could not be told its faults: {type(error).__name__}")

    async def _change_dependency(self, fault: Fault, active: bool) -> None:
        child, mode = self._children[fault.service], fault.parameters["mode"]
        async with self._acting:
            if mode == "freeze":
                (child.freeze if active else child.thaw)()
            elif active:
                await child.stop()
            else:
                await child.start()
        await self._apply_effects(fault.service)

    async def _change_version(self, fault: Fault, active: bool) -> None:
        child, wanted = self._children[fault.service], fault.parameters
        child.environment["SHOP_VERSION"] = wanted["version"] if active else INITIAL_VERSION
        child.environment["SHOP_REGRESSION"] = (
            f"{wanted['regression']} {wanted['rate']} {wanted['ms']}" if active else ""
        )
        async with self._acting:
            say(fault.service, f"deploying {child.environment['SHOP_VERSION']}")
            await child.stop()
            await child.start()
        await self._apply_effects(fault.service)

    def _postgres_child(self) -> Child:
        async def is_ready() -> bool:
            return await asyncio.to_thread(self._postgres.is_ready)

        return Child(
            POSTGRES, self._postgres.command, self._environment(), self._log(POSTGRES), is_ready, signal.SIGINT
        )

    def _service_child(self, name: str) -> Child:
        async def is_ready() -> bool:
            try:
                return (await self._http.get(self._url(name, "/healthz"))).is_success
            except httpx.HTTPError:
                return False

        environment = self._environment()
        if name in DATABASE_SERVICES:
            environment["SHOP_DATABASE"] = self._postgres.dsn(name)
        command = [sys.executable, "-m", "shop", "serve", name, "--base-port", str(self._config.base_port)]
        child = Child(name, command, environment, self._log(name), is_ready)
        child.on_restart = self._apply_effects
        return child

    def _loadgen_child(self) -> Child:
        async def is_ready() -> bool:
            return True

        numbers = {
            "--rate": self._config.rate,
            "--time-scale": self._config.time_scale,
            "--base-port": self._config.base_port,
        }
        flags = [word for flag, number in numbers.items() for word in (flag, str(number))]
        return Child(
            LOADGEN, [sys.executable, "-m", "shop", "load", *flags], self._environment(), self._log(LOADGEN), is_ready
        )

    def _environment(self) -> dict[str, str]:
        """The children's environment: ours, with the SDK's settings where the user has set none."""
        environment = {**ENVIRONMENT, **os.environ, "SHOP_VERSION": INITIAL_VERSION, "SHOP_REGRESSION": ""}
        environment["SHOP_SUPERVISOR_PID"] = str(os.getpid())
        environment["SHOP_DATA_DIR"] = str(self._config.data_dir)  # tells one shop's processes from another's
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")])
        )
        if self._config.otlp:
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = self._config.otlp
        return environment

    def _log(self, name: str) -> Path:
        return self._config.data_dir / "logs" / f"{name}.log"

    def _url(self, service: str, path: str) -> str:
        return f"http://127.0.0.1:{port_of(service, self._config.base_port)}{path}"
