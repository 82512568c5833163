"""The search for traces, by TraceQL or by tags."""

from typing import Any

from fastapi import APIRouter, Request, Response

from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.compat.tempo.answer import TempoRoute, answer_json, key_values
from traceo.api.compat.tempo.params import MAX_LIMIT, query_of_tags, read_range, read_whole
from traceo.api.depends import QueriesOf, Tenant
from traceo.query.traceql.search import FoundTrace, SpanSet, search_traces

router = APIRouter(route_class=TempoRoute)


@router.get("/search")
async def get_search(request: Request, queries: QueriesOf, tenant: Tenant) -> Response:
    """Traces, newest first."""
    asked = request.query_params
    text = asked.get("q", "").strip() or query_of_tags(asked)
    limit, spans = read_whole(asked, "limit", 20, MAX_LIMIT), read_whole(asked, "spss", 3, 100)
    work = search_traces(queries, tenant, text, read_range(asked), limit=limit, spans_per_set=spans)
    found = await while_connected(request, work)
    return answer_json(
        {
            "traces": [_show(trace) for trace in found.traces],
            "metrics": {"inspectedTraces": found.candidates, "completedJobs": 1, "totalJobs": 1},
        }
    )


def _show(trace: FoundTrace) -> dict[str, Any]:
    sets = [_show_set(each) for each in trace.sets]
    return {
        "traceID": trace.trace_id.lstrip("0") or "0",
        "rootServiceName": trace.root_service,
        "rootTraceName": trace.root_name,
        "startTimeUnixNano": str(trace.start_ns),
        "durationMs": max(0, trace.duration_ns) // 10**6,
        "spanSet": sets[0] if sets else None,
        "spanSets": sets,
        "serviceStats": {
            name: {"spanCount": spans, **({"errorCount": failed} if failed else {})}
            for name, (spans, failed) in trace.services.items()
        },
    }


def _show_set(found: SpanSet) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "spans": [
            {
                "spanID": span.span_id,
                "name": span.name,
                "startTimeUnixNano": str(span.start_ns),
                "durationNanos": str(span.duration_ns),
                "attributes": key_values(span.attributes),
            }
            for span in found.spans
        ],
        "matched": found.matched,
    }
    return {**shown, "attributes": key_values(found.attributes)} if found.attributes else shown
