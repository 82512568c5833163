"""For `make figures`, spans and lines of a thousand services over a day: `python -m benchmarks.data.fleet DIR`.

Written by SQL into an empty data folder, through the views that requests pass. Services call each other like the tree
of `web/e2e/fleet.ts`, under the same names; a trace is a request, a call, its other end and a query of a database.
"""

import argparse
import asyncio
import time
from pathlib import Path

from benchmarks.report import progress
from traceo.config import Config
from traceo.store.open import open_store

ITEMS, BLOCK, TENANT = 20_000_000, 250_000, "fleet"
SERVICES, SPANS_A_TRACE, DAY_S, BEFORE_NOW_S = 1000, 4, 86_400, 120
NAME = "concat('team-', toString({place} % 12), '-service-', toString({place}))"
RESOURCES = f"""
INSERT INTO resources_in (tenant, id, service, attributes)
SELECT '{TENANT}', number + 1, {NAME.format(place="number")} AS name, mapApply((key, value) -> (key, concat('\\n',
    char(length(value)), value)), map('service.name', name, 'service.namespace', concat('team-', toString(number % 12)),
    'service.version', '1.0.0', 'telemetry.sdk.language', 'go'))
FROM numbers({SERVICES})
"""
# `number` counts spans or lines; those of a trace have one `trace`, and its services `caller` and `called`.
TRACES = f"""
WITH intDiv(number, {SPANS_A_TRACE}) AS trace, number % {SPANS_A_TRACE} AS part, cityHash64(trace) AS dice,
    1 + dice % {SERVICES - 1} AS called, intDiv(called - 1, 3) AS caller, if(part < 2, caller, called) AS place,
    called % 41 = 7 AND intDiv(dice, 1000) % 8 = 0 AS failed,
    {{end_ns:Int64}} - intDiv({DAY_S} * 1000000000, {{items:UInt64}}) * toInt64({{items:UInt64}} - number) AS at_ns,
    reinterpretAsFixedString(sipHash128(trace, 'fleet')) AS trace_id
"""
SPANS = f"""
INSERT INTO spans_in (recent, keep, received_at, tenant, trace_id, span_id, parent_span_id, service, name, kind,
    start_time, duration_ns, status_code, resource_id, attributes)
{TRACES}
SELECT 0, 0, toDateTime(intDiv(at_ns, 1000000000)), '{TENANT}', trace_id, reinterpretAsFixedString(part + 1),
    if(part = 0, toFixedString('', 8), reinterpretAsFixedString(toUInt64(part))), {NAME.format(place="place")},
    [concat('GET /', toString(caller)), concat('call ', toString(called)), concat('GET /', toString(called)),
        'SELECT items'][part + 1], [2, 3, 2, 3][part + 1], fromUnixTimestamp64Nano(at_ns, 'UTC'),
    (5 + called % 90) * 1000000 * (4 - part) + dice % 3000000, if(failed, 2, 0), place + 1,
    if(part = 3, map('db.system', '\\n\\x0apostgresql'), map('http.request.method', '\\n\\x03GET',
        'http.route', concat('\\n', char(1 + length(toString(place))), '/', toString(place))))
FROM numbers({{first:UInt64}}, {{count:UInt64}})
"""
LINES = f"""
INSERT INTO logs_in (rests, tenant, received_at, time, trace_id, span_id, severity_number, severity_text, service, body,
    resource_id)
{TRACES}
SELECT false, '{TENANT}', toDateTime(intDiv(at_ns, 1000000000)), fromUnixTimestamp64Nano(at_ns, 'UTC'), trace_id,
    reinterpretAsFixedString(part + 1), if(failed, 17, 9), if(failed, 'ERROR', 'INFO'), {NAME.format(place="place")},
    multiIf(
        failed, concat('call to ', toString(called), ' failed: no answer after ', toString(dice % 900), 'ms'),
        part < 2, concat('GET /', toString(place), ' 200 in ', toString(dice % 900), 'ms user-', toString(dice % 9999)),
        part = 2, concat('cache lookup key=item:', toString(dice % 100000), ' hit took=', toString(dice % 900), 'us'),
        concat('SELECT items returned ', toString(dice % 100), ' rows in ', toString(dice % 90), 'ms')), place + 1
FROM numbers({{first:UInt64}}, {{count:UInt64}})
"""


async def fill(folder: Path, items: int) -> None:
    """So many spans and so many lines, the newest two minutes old."""
    store = await open_store(Config(data_dir=folder))
    await store.execute(RESOURCES)
    end_ns = (int(time.time()) - BEFORE_NOW_S) * 10**9
    for first in range(0, items, BLOCK):
        values = {"end_ns": end_ns, "items": items, "first": first, "count": min(BLOCK, items - first)}
        for statement in (SPANS, LINES):
            await store.execute(statement, values)
        progress(f"  {first + values['count']:,} of {items:,} spans and lines")
    await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--items", type=int, default=ITEMS)
    options = parser.parse_args()
    asyncio.run(fill(options.folder, options.items))
