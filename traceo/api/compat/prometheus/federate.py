"""`/federate`: the newest sample of each chosen series, for another Prometheus to scrape."""

import asyncio
import time

from fastapi import APIRouter, Request, Response

from traceo.api.compat.prometheus.answer import PrometheusRoute
from traceo.api.compat.prometheus.exposition import Sample, negotiate, write_samples
from traceo.api.compat.prometheus.labels import ParamsOf
from traceo.api.compat.prometheus.query import options_of
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, ServicesOf, Tenant
from traceo.errors import ParseError
from traceo.query.label_sets import NAME, parse_selector
from traceo.query.promql.evaluate import query_instant
from traceo.query.promql.options import Options
from traceo.query.promql.printer import write_promql
from traceo.query.promql.values import Series
from traceo.query.run import Queries

router = APIRouter(route_class=PrometheusRoute)


@router.get("/federate")
async def get_federated(
    request: Request, params: ParamsOf, services: ServicesOf, queries: QueriesOf, tenant: Tenant
) -> Response:
    """Samples not older than the lookback, with their own times. Series that became stale are left out."""
    try:
        selectors = [write_promql(parse_selector(text)) for text in params.all("match[]")]
    except ParseError as error:
        return Response(f"{error.message}\n", 400, media_type="text/plain; charset=utf-8")
    options = options_of(services.config)
    samples = await while_connected(request, _read_newest(queries, tenant, selectors, options))
    chosen = negotiate(request.headers.get("accept", ""))
    body = await asyncio.to_thread(write_samples, samples, chosen)
    return Response(body, headers={"Content-Type": chosen.content_type})


async def _read_newest(queries: Queries, tenant: str, selectors: list[str], options: Options) -> list[Sample]:
    """The newest samples within the lookback, of the series that an instant query finds alive."""
    now_ms = time.time_ns() // 10**6
    found: dict[tuple[tuple[str, str], ...], Sample] = {}
    for selector in selectors:
        alive = await query_instant(queries, tenant, selector, now_ms, options)
        samples = await query_instant(queries, tenant, f"{selector}[{options.lookback_ms}ms]", now_ms, options)
        keys = {tuple(sorted(one.labels.items())) for one in alive.series}
        for one in samples.series:
            key = tuple(sorted(one.labels.items()))
            if key in keys and one.labels.get(NAME):
                found[key] = _newest(one)
    return sorted(found.values(), key=lambda sample: (sample.metric, sorted(sample.labels.items())))


def _newest(series: Series) -> Sample:
    labels = {name: value for name, value in series.labels.items() if name != NAME}
    histogram = series.histograms[-1] if series.histograms else None
    return Sample(series.labels[NAME], labels, float(series.values[-1]), int(series.times_ms[-1]), histogram)
