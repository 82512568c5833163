"""The kinds of faults, what a request for one may say, and the record that each leaves as ground truth."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from shop.topology import DATABASE_SERVICES, POSTGRES, Operation, affected_by, dependencies_of, operations_of

Kind = Literal["latency", "errors", "slow_query", "leak", "stopped_dependency", "bad_deploy"]
KINDS: tuple[str, ...] = get_args(Kind)
PROCESS_KINDS = ("stopped_dependency", "bad_deploy")  # the supervisor does these; the others happen inside the service

# Each kind's parameters and their defaults; `operation` narrows latency and errors to one route.
DEFAULTS: dict[str, dict[str, Any]] = {
    "latency": {"ms": 500.0, "rate": 1.0, "operation": None},
    "errors": {"rate": 0.5, "operation": None},
    "slow_query": {"ms": 800.0, "rate": 1.0},
    "leak": {"kb_per_request": 256.0, "max_mb": 128.0},
    "stopped_dependency": {"dependency": None, "mode": "terminate"},
    "bad_deploy": {"version": "1.1.0", "regression": "errors", "rate": 0.5, "ms": 300.0},
}


class FaultRefused(ValueError):
    """The request for a fault names an unknown kind, parameter, dependency or operation."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what (kind, parameters), where (service), when (nanoseconds since the epoch), and whom it may hurt.

    `service` is the true place of the cause: for a stopped dependency that is the dependency, not the one that asked.
    """

    id: str
    kind: str
    service: str
    requested_on: str
    parameters: dict[str, Any]
    started_at: int
    affected: list[dict[str, str]]
    ended_at: int | None = None
    ended_by: str | None = None
    duration_s: float | None = None

    def ended(self, by: str) -> Fault:
        """Return the same fault, over since now; `by` says why: request, duration, shutdown or lost."""
        return replace(self, ended_at=time.time_ns(), ended_by=by)


def plan_fault(service: str, request: dict[str, Any]) -> Fault:
    """Check a request such as `{"kind": "latency", "ms": 300, "duration_s": 60}` and make it a fault that starts now.

    Raises FaultRefused with the reason.
    """
    wanted = dict(request)
    kind, duration_s = wanted.pop("kind", None), wanted.pop("duration_s", None)
    if kind not in KINDS:
        raise FaultRefused(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
    if duration_s is not None and not (isinstance(duration_s, int | float) and duration_s > 0):
        raise FaultRefused(f"duration_s must be a positive number, not {duration_s!r}")
    unknown = sorted(set(wanted) - set(DEFAULTS[kind]))
    if unknown:
        raise FaultRefused(f"{kind} has no parameter {unknown[0]!r}; it has: {', '.join(DEFAULTS[kind])}")
    parameters = {**DEFAULTS[kind], **wanted}
    _check_numbers(parameters)
    where = _place_fault(service, kind, parameters)
    return Fault(
        id=uuid.uuid4().hex[:12],
        kind=kind,
        service=where,
        requested_on=service,
        parameters=parameters,
        started_at=time.time_ns(),
        affected=[{"service": one.service, "operation": one.name} for one in _expected_affected(where, parameters)],
        duration_s=duration_s,
    )


def _check_numbers(parameters: dict[str, Any]) -> None:
    for name in ("ms", "rate", "kb_per_request", "max_mb"):
        value = parameters.get(name, 0)
        if not isinstance(value, int | float) or value < 0 or (name == "rate" and value > 1):
            raise FaultRefused(f"{name} must be a number of at least 0 (rate: 0 to 1), not {value!r}")


def _place_fault(service: str, kind: str, parameters: dict[str, Any]) -> str:
    """Return the service where the cause is, after the checks that depend on the kind."""
    if kind == "slow_query" and service not in DATABASE_SERVICES:
        raise FaultRefused(f"{service} has no database; slow_query is for: {', '.join(DATABASE_SERVICES)}")
    if kind == "bad_deploy" and parameters["regression"] not in ("errors", "latency"):
        raise FaultRefused("regression is 'errors' or 'latency'")
    operation = parameters.get("operation")
    if operation is not None and Operation(service, operation) not in operations_of([service]):
        raise FaultRefused(f"{service} has no operation {operation!r}")
    if kind != "stopped_dependency":
        return service
    choices = dependencies_of(service)
    dependency = parameters["dependency"] = parameters["dependency"] or (choices[0] if choices else None)
    if dependency not in choices:
        raise FaultRefused(
            f"{service} does not depend on {dependency!r}; it depends on: {', '.join(choices) or 'nothing'}"
        )
    if parameters["mode"] not in ("terminate", "freeze") or (parameters["mode"], dependency) == ("freeze", POSTGRES):
        raise FaultRefused("mode is 'terminate', or 'freeze' for a service (not for postgres)")
    return str(dependency)


def _expected_affected(where: str, parameters: dict[str, Any]) -> list[Operation]:
    sources = operations_of(DATABASE_SERVICES if where == POSTGRES else [where])
    wanted = parameters.get("operation")
    return affected_by(operation for operation in sources if wanted in (None, operation.name))


class Ledger:
    """The ground truth, `faults.jsonl`: a line when a fault starts, and one with the same id when it has ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        for fault in read_faults(path):
            if fault.ended_at is None:
                self.append(fault.ended("lost"))

    def append(self, fault: Fault) -> None:
        """Write the fault's present state as one line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(fault)) + "\n")


def read_faults(path: Path) -> list[Fault]:
    """Return every recorded fault in its last known state, in order of start."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    latest = {fault.id: fault for fault in (Fault(**json.loads(line)) for line in lines)}
    return sorted(latest.values(), key=lambda fault: fault.started_at)
