"""What the server says of itself."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from traceo import __version__
from traceo.api.compat.loki.answer import LokiRoute, answer_json
from traceo.api.compat.loki.fields import FIELDS
from traceo.api.compat.loki.params import MAX_LIMIT
from traceo.api.depends import QueriesOf, ServicesOf, Tenant
from traceo.settings import Seconds, show_value
from traceo.store.log_levels import LEVEL_NAMES, SERVICE_NAMES

# What clients may expect of the API: Grafana chooses its requests by it.
SPOKEN_VERSION = "3.5.0"
router = APIRouter(route_class=LokiRoute)
probes = APIRouter(route_class=LokiRoute)


@router.get("/status/buildinfo")
async def get_build(_: Tenant) -> Response:
    """The version of Loki whose API this is, and Traceo's own."""
    empty = dict.fromkeys(("branch", "buildUser", "buildDate", "goVersion"), "")
    return answer_json({"version": SPOKEN_VERSION, "revision": f"traceo {__version__}", **empty})


@router.get("/drilldown-limits")
async def get_limits(services: ServicesOf, _: Tenant) -> Response:
    """What Grafana's Logs Drilldown asks before anything else."""
    limits = {
        "discover_log_levels": True,
        "discover_service_name": list(SERVICE_NAMES),
        "log_level_fields": list(LEVEL_NAMES),
        "max_entries_limit_per_query": MAX_LIMIT,
        "query_timeout": show_value(Seconds, services.config.query.timeout),
        "retention_period": show_value(Seconds, services.config.retention.logs),
        "volume_enabled": True,
        "volume_max_series": 1000,
    }
    about = {"limits": limits, "pattern_ingester_enabled": True, "version": SPOKEN_VERSION}
    return answer_json({**about, "maxDetectedFields": FIELDS, "maxLines": MAX_LIMIT})


@probes.get("/ready")
async def get_ready(request: Request, queries: QueriesOf) -> Response:
    """`ready`, if the engine answers."""
    await queries.table("SELECT 1", {})
    return PlainTextResponse("ready\n")
