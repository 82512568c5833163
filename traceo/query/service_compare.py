"""One service at two times, such as before and after a deploy: figures, operations, errors, and a verdict in words."""

import asyncio
from collections.abc import Iterable, Mapping

from traceo.errors import InvalidRequest
from traceo.query.analysis.errors import ErrorSearch, list_errors
from traceo.query.map_diff import MIN_MEASURED, find_changes, find_differences
from traceo.query.run import Queries, Row
from traceo.query.service_map import FIGURES, MIN_REQUESTS
from traceo.query.services import list_operations, list_services, observed_seconds
from traceo.query.sql import TimeRange

MAX_ERRORS = 500  # groups at either time
MAX_NEW_ERRORS = 20
NONE: Row = dict.fromkeys(FIGURES, 0)


async def compare_service(queries: Queries, tenant: str, service: str, before: TimeRange, after: TimeRange) -> Row:
    """`{"before", "after", "changes", "operations", "new_errors", "verdict", "reasons"}`.

    `verdict`: `worse`, `better`, `mixed`, `same`, or `unknown`: nothing was found, and either time has too few
    requests to find it.
    """
    if before == after:
        raise InvalidRequest("the two time ranges are the same")
    (old, new), seconds, (old_operations, new_operations), (old_errors, new_errors) = await asyncio.gather(
        asyncio.gather(*(_figures(queries, tenant, service, between) for between in (before, after))),
        asyncio.gather(*(observed_seconds(queries, tenant, between) for between in (before, after))),
        asyncio.gather(*(_operations(queries, tenant, service, between) for between in (before, after))),
        asyncio.gather(*(_errors(queries, tenant, service, between) for between in (before, after))),
    )
    operations = find_differences(old_operations, new_operations, seconds)
    errors = [error for key, error in new_errors.items() if key not in old_errors][:MAX_NEW_ERRORS]
    changes = find_changes(old, new, seconds)
    verdict, reasons = judge_change(old, new, changes, operations["changed"], errors)
    return {
        "service": service,
        "before": old,
        "after": new,
        "changes": changes,
        "operations": operations,
        "new_errors": errors,
        "verdict": verdict,
        "reasons": reasons,
    }


def judge_change(
    old: Row, new: Row, changes: Iterable[Row], operations: Iterable[Row], errors: Iterable[Row]
) -> tuple[str, list[str]]:
    """(verdict, why). More or fewer requests are told, and are neither worse nor better.

    What the service as a whole says holds; its operations and new errors speak where it says nothing.
    """
    fewest = min(old["requests"], new["requests"])
    reasons = [_tell(change) for change in changes]
    whole = {tone for change in changes if (tone := _tone(change))}
    parts = set()
    for row in operations:
        told = [change for change in row["changes"] if _tone(change)]
        reasons += [f"{row['after']['operation']}: {_tell(change)}" for change in told]
        parts |= {_tone(change) for change in told}
    for error in errors:
        reasons.append(f"new error, {error['count']:g} times: {error['type'] or error['message']}")
        if error["count"] >= MIN_REQUESTS:
            parts.add("worse")
    tones = whole or parts
    if tones:
        return "mixed" if len(tones) > 1 else tones.pop(), reasons
    if fewest < MIN_MEASURED:
        return "unknown", [f"{old['requests']} requests before and {new['requests']} after: too few to judge", *reasons]
    return "same", reasons or ["no figure changed beyond chance"]


def _tone(change: Row) -> str:
    if change["figure"] == "rate_per_s":
        return ""
    return "worse" if change["after"] > change["before"] else "better"


def _tell(change: Row) -> str:
    old, new = change["before"], change["after"]
    match change["figure"]:
        case "error_ratio":
            return f"errors {old:.2%}, now {new:.2%}"
        case "p95_ms":
            return f"p95 {old:.4g} ms, now {new:.4g} ms"
        case _:
            return f"{old:.3g} requests a second, now {new:.3g}"


async def _figures(queries: Queries, tenant: str, service: str, between: TimeRange) -> Row:
    rows = await list_services(queries, tenant, between, service)
    return next(({name: row[name] for name in FIGURES} for row in rows), NONE)


async def _operations(queries: Queries, tenant: str, service: str, between: TimeRange) -> dict[tuple[str, str], Row]:
    rows = await list_operations(queries, tenant, service, between)
    return {(row["operation"], row["kind"]): row for row in rows}


async def _errors(queries: Queries, tenant: str, service: str, between: TimeRange) -> Mapping[str, Row]:
    found = await list_errors(queries, tenant, ErrorSearch(between, service, limit=MAX_ERRORS, points=1))
    return {error["id"]: error for error in found["errors"]}
