"""Series over time from spans."""

import math
from typing import Any

from fastapi import APIRouter, Request, Response

from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.compat.tempo.answer import TempoRoute, answer_json, key_values
from traceo.api.compat.tempo.params import read_count, read_range, read_step
from traceo.api.depends import QueriesOf, Tenant
from traceo.query.traceql.metrics import MAX_EXEMPLARS, query_metrics
from traceo.query.traceql.series import Exemplar, MetricSeries

router = APIRouter(route_class=TempoRoute)


@router.get("/metrics/query_range")
async def get_range(request: Request, queries: QueriesOf, tenant: Tenant) -> Response:
    """A value for each step."""
    asked = request.query_params
    between = read_range(asked)
    exemplars = read_count(asked, "exemplars", 0, MAX_EXEMPLARS)
    work = query_metrics(queries, tenant, asked.get("q", ""), between, read_step(asked, between), exemplars)
    answer = await while_connected(request, work)
    series = []
    for each in answer.series:
        samples = [
            {"timestampMs": str(at), "value": value}
            for at, value in zip(answer.times_ms.tolist(), each.values.tolist(), strict=True)
            if not math.isnan(value)
        ]
        series.append({**_labels(each), "samples": samples, "exemplars": [_exemplar(one) for one in each.exemplars]})
    return answer_json({"series": series, "metrics": {"completedJobs": 1, "totalJobs": 1}})


@router.get("/metrics/query")
async def get_instant(request: Request, queries: QueriesOf, tenant: Tenant) -> Response:
    """One value for the whole range."""
    asked = request.query_params
    between = read_range(asked)
    work = query_metrics(queries, tenant, asked.get("q", ""), between, between.end_ns - between.start_ns)
    answer = await while_connected(request, work)
    series = [
        {**_labels(each), "value": float(each.values[0])} for each in answer.series if not math.isnan(each.values[0])
    ]
    return answer_json({"series": series, "metrics": {"completedJobs": 1, "totalJobs": 1}})


def _labels(series: MetricSeries) -> dict[str, Any]:
    texts = ", ".join(f'{name}="{value}"' for name, value in series.labels.items())
    return {"labels": key_values(series.labels), "promLabels": f"{{{texts}}}"}


def _exemplar(one: Exemplar) -> dict[str, Any]:
    labels = {"trace:id": one.trace_id, "span:id": one.span_id}
    return {"labels": key_values(labels), "value": one.value, "timestampMs": str(one.at_ns // 10**6)}
