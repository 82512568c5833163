"""One process of the shop, kept alive: started, restarted when it dies, frozen, stopped without leaving anything."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable
from pathlib import Path

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 4.0
RESTART_PAUSE_S = 1.0
_PR_SET_PDEATHSIG = 1


def say(name: str, event: str) -> None:
    """Print one event of one process as one line."""
    print(f"{time.strftime('%H:%M:%S')}  {name:<12} {event}", flush=True)


def die_with_parent(variable: str) -> None:
    """Let the kernel kill this process when its parent, whose pid is in `variable`, ends in any way, even by SIGKILL.

    Without the variable (started by hand) nothing is asked of the kernel.
    """
    if variable not in os.environ:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ[variable]):
        sys.exit("the parent has ended")


class Child:
    """A process in a group of its own; its output goes to `log`."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        log: Path,
        is_ready: Callable[[], Awaitable[bool]],
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.environment = environment
        self.on_restart: Callable[[str], Awaitable[None]] | None = None
        self._command, self._log, self._is_ready, self._stop_signal = command, log, is_ready, stop_signal
        self._process: Process | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process, wait until it is ready, and keep it alive from then on."""
        await self._spawn()
        self._watcher = asyncio.create_task(self._keep_alive())

    async def stop(self) -> None:
        """End the process: politely, and after STOP_TIMEOUT_S by force."""
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._signal(signal.SIGCONT)
        self._signal(self._stop_signal)
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await process.wait()
        say(self.name, "stopped")

    def freeze(self) -> None:
        """Stop the process in its tracks (SIGSTOP): its callers see time-outs."""
        self._signal(signal.SIGSTOP)
        say(self.name, "frozen")

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self._signal(signal.SIGCONT)
        say(self.name, "goes on")

    async def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self.environment, stdin=DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await self._is_ready():
            if self._process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start; see {self._log}")
            await asyncio.sleep(0.1)
        say(self.name, f"ready (pid {self._process.pid})")

    async def _keep_alive(self) -> None:
        while self._process is not None:
            code = await self._process.wait()
            say(self.name, f"died with {code}; restarting")
            await asyncio.sleep(RESTART_PAUSE_S)
            try:
                await self._spawn()
            except RuntimeError as error:
                say(self.name, str(error))
                continue
            if self.on_restart is not None:
                await self.on_restart(self.name)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, number)
