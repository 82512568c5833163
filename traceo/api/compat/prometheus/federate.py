"""`/federate`: the newest sample of each chosen series as text, for another Prometheus to scrape."""

import asyncio
import itertools
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from traceo.api.compat.prometheus.answer import PrometheusRoute
from traceo.api.compat.prometheus.labels import ParamsOf
from traceo.api.compat.prometheus.numbers import format_float, format_time
from traceo.api.compat.prometheus.query import options_of
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, ServicesOf, Tenant
from traceo.errors import ParseError
from traceo.query.label_sets import NAME, parse_selector
from traceo.query.promql.evaluate import query_instant
from traceo.query.promql.options import Options
from traceo.query.promql.printer import write_promql
from traceo.query.run import Queries

TEXT = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_:]|^(?=[0-9])")

router = APIRouter(route_class=PrometheusRoute)


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest of a series."""

    metric: str
    labels: dict[str, str]
    value: float
    time_ms: int


@router.get("/federate")
async def get_federated(
    request: Request, params: ParamsOf, services: ServicesOf, queries: QueriesOf, tenant: Tenant
) -> Response:
    """Float samples not older than the lookback, with their own times. Series that became stale are left out."""
    try:
        selectors = [write_promql(parse_selector(text)) for text in params.all("match[]")]
    except ParseError as error:
        return Response(f"{error.message}\n", 400, media_type="text/plain; charset=utf-8")
    options = options_of(services.config)
    samples = await while_connected(request, _read_newest(queries, tenant, selectors, options))
    is_open = "application/openmetrics-text" in request.headers.get("accept", "")
    text = await asyncio.to_thread(lambda: "".join(_write_families(samples, is_open)))
    return Response(text, headers={"Content-Type": OPENMETRICS if is_open else TEXT})


async def _read_newest(queries: Queries, tenant: str, selectors: list[str], options: Options) -> list[Sample]:
    """The newest samples within the lookback, of the series that an instant query finds alive."""
    now_ms = time.time_ns() // 10**6
    found: dict[tuple[tuple[str, str], ...], Sample] = {}
    for selector in selectors:
        alive = await query_instant(queries, tenant, selector, now_ms, options)
        samples = await query_instant(queries, tenant, f"{selector}[{options.lookback_ms}ms]", now_ms, options)
        keys = {tuple(sorted(one.labels.items())) for one in alive.series if not (one.histograms and one.histograms[0])}
        for one in samples.series:
            key = tuple(sorted(one.labels.items()))
            if key in keys and one.labels.get(NAME):
                labels = {name: value for name, value in key if name != NAME}
                found[key] = Sample(one.labels[NAME], labels, float(one.values[-1]), int(one.times_ms[-1]))
    return [found[key] for key in sorted(found, key=lambda key: (found[key].metric, key))]


def _write_families(samples: Iterable[Sample], is_open: bool) -> Iterator[str]:
    """Lines, by metric. A series without `instance` says so, or the scraper would put its own address there."""
    for metric, group in itertools.groupby(samples, key=lambda sample: _legacy_name(sample.metric)):
        yield f"# TYPE {metric} {'unknown' if is_open else 'untyped'}\n"
        for sample in group:
            labels = {"instance": "", **sample.labels} if "instance" not in sample.labels else sample.labels
            pairs = ",".join(
                f'{_legacy_name(name)}="{value.translate(ESCAPES)}"' for name, value in sorted(labels.items())
            )
            moment = format_time(sample.time_ms) if is_open else sample.time_ms
            yield f"{metric}{{{pairs}}} {format_float(sample.value)} {moment}\n"
    if is_open:
        yield "# EOF\n"


def _legacy_name(name: str) -> str:
    """The formats know no other names."""
    return NOT_IN_NAMES.sub("_", name)
