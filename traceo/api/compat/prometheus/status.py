"""What the server says of itself, its targets and its rules."""

import itertools
import os
import socket
import time
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from traceo import __version__
from traceo.api.compat.prometheus.answer import PrometheusRoute, answer_json
from traceo.api.compat.prometheus.labels import ParamsOf
from traceo.api.compat.prometheus.params import invalid_parameter, quote
from traceo.api.depends import QueriesOf, ServicesOf, Tenant
from traceo.errors import InvalidRequest, ParseError
from traceo.query.cardinality import NAME, read_labels
from traceo.query.label_sets import parse_selector
from traceo.query.promql.ast import Matcher
from traceo.query.promql.selectors import matches
from traceo.query.run import Row
from traceo.settings import Seconds, show_value

# What clients may expect of the API: Grafana chooses its requests by it.
SPOKEN_VERSION = "3.5.0"
RULE_TYPES = ("", "alert", "record")
MAX_TOP = 10_000

router = APIRouter(route_class=PrometheusRoute)
probes = APIRouter(route_class=PrometheusRoute)


@router.get("/status/buildinfo")
async def get_build(_: Tenant) -> Response:
    """The version of Prometheus whose API this is, and Traceo's own."""
    empty = dict.fromkeys(("branch", "buildUser", "buildDate", "goVersion"), "")
    return answer_json(
        {"version": SPOKEN_VERSION, "revision": f"traceo {__version__}", **empty, "application": "Traceo"}
    )


@router.get("/status/runtimeinfo")
async def get_runtime(request: Request, services: ServicesOf, _: Tenant) -> Response:
    """When the server was started, and how long metrics are kept."""
    now = datetime.now(UTC)
    started = now - timedelta(seconds=time.monotonic() - request.app.state.started)
    return answer_json(
        {
            "startTime": started.isoformat().replace("+00:00", "Z"),
            "CWD": os.getcwd(),
            "hostname": socket.gethostname(),
            "serverTime": now.isoformat().replace("+00:00", "Z"),
            "reloadConfigSuccess": True,
            "lastConfigTime": started.isoformat().replace("+00:00", "Z"),
            "corruptionCount": 0,
            "goroutineCount": 0,
            "GOMAXPROCS": os.cpu_count(),
            "GOMEMLIMIT": 0,
            "GOGC": "",
            "GODEBUG": "",
            "storageRetention": show_value(Seconds, services.config.retention.metrics),
        }
    )


@router.get("/status/config")
async def get_config(_: Tenant) -> Response:
    """Prometheus' own configuration, of which Traceo has none: `traceo config` shows what is in force."""
    return answer_json({"yaml": "global: {}\n"})


@router.get("/status/flags")
async def get_flags(services: ServicesOf, _: Tenant) -> Response:
    """The settings that Prometheus has as flags."""
    config = services.config
    return answer_json(
        {
            "query.lookback-delta": show_value(Seconds, config.promql.lookback),
            "query.max-concurrency": str(config.query.max_concurrent),
            "query.max-samples": str(config.promql.max_samples),
            "query.timeout": show_value(Seconds, config.query.timeout),
            "storage.tsdb.retention.time": show_value(Seconds, config.retention.metrics),
        }
    )


@router.get("/status/walreplay")
async def get_replay(_: Tenant) -> Response:
    """The journal was replayed before the server began to listen."""
    return answer_json({"min": 0, "max": 0, "current": 0, "state": "done"})


@router.get("/status/tsdb")
async def get_head(params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Which metrics and labels have most series today."""
    top = params.limit() if params.get("limit") else 10
    if top < 1:
        raise InvalidRequest("limit must be a positive number")
    if top > MAX_TOP:
        raise invalid_parameter("limit", f"limit must not exceed {MAX_TOP}")
    return answer_json(_show_head(await read_labels(queries, tenant, top), top))


def _show_head(labels: list[Row], top: int) -> Row:
    midnight_ms = int(time.time()) // 86400 * 86_400_000
    series = next((row["series"] for row in labels if row["label"] == NAME), 0)
    metrics = [item for row in labels if row["label"] == NAME for item in row["top"]]
    pairs = [
        {"value": f"{row['label']}={item['value']}", "series": item["series"]} for row in labels for item in row["top"]
    ]
    return {
        "headStats": {
            "numSeries": series,
            "numLabelPairs": sum(row["values"] for row in labels),
            "chunkCount": series,
            "minTime": midnight_ms,
            "maxTime": time.time_ns() // 10**6,
        },
        "seriesCountByMetricName": _largest(metrics, "value", "series", top),
        "labelValueCountByLabelName": _largest(labels, "label", "values", top),
        "memoryInBytesByLabelName": _largest(labels, "label", "bytes", top),
        "seriesCountByLabelValuePair": _largest(pairs, "value", "series", top),
    }


def _largest(rows: list[Row], name: str, value: str, top: int) -> list[Row]:
    chosen = sorted(rows, key=lambda row: -row[value])[:top]
    return [{"name": row[name], "value": row[value]} for row in chosen]


@router.get("/targets")
async def get_targets(params: ParamsOf, services: ServicesOf, tenant: Tenant) -> Response:
    """What the scraper scrapes."""
    state, pool = params.get("state").lower(), params.get("scrapePool")
    return answer_json(services.targets(tenant, state, pool))


@router.get("/targets/metadata")
async def get_targets_metadata(params: ParamsOf, services: ServicesOf, tenant: Tenant) -> Response:
    """Type, help and unit of metrics (`metric`), as each target (`match_target`) exposed them last."""
    matchers: tuple[Matcher, ...] = ()
    if params.get("match_target"):
        try:
            matchers = parse_selector(params.get("match_target")).matchers
        except ParseError as error:
            raise invalid_parameter("match_target", error.message) from error
    rows = (
        row
        for row in services.target_metadata(tenant, params.get("metric"))
        if all(matches(matcher, row["target"].get(matcher.name, "")) for matcher in matchers)
    )
    return answer_json(list(itertools.islice(rows, params.count("limit"))))


@router.get("/scrape_pools")
async def get_scrape_pools(services: ServicesOf, tenant: Tenant) -> Response:
    """Names of scrape configurations."""
    active = services.targets(tenant, "active", "")["activeTargets"]
    return answer_json({"scrapePools": sorted({target["scrapePool"] for target in active})})


@router.get("/rules")
async def get_rules(params: ParamsOf, _: Tenant) -> Response:
    """Recording and alerting rules: none yet."""
    kind = params.get("type").lower()
    if kind not in RULE_TYPES:
        raise invalid_parameter("type", f"not supported value {quote(kind)}")
    return answer_json({"groups": []})


@router.get("/alerts")
async def get_alerts(_: Tenant) -> Response:
    """Active alerts: none without rules."""
    return answer_json({"alerts": []})


@router.get("/alertmanagers")
async def get_alertmanagers(_: Tenant) -> Response:
    """Where alerts are sent: Traceo notifies by itself."""
    return answer_json({"activeAlertmanagers": [], "droppedAlertmanagers": []})


@probes.get("/")
async def get_root() -> Response:
    """Clients look here for a living server, where Prometheus has its UI."""
    return PlainTextResponse("The API of Prometheus, by Traceo: see /prometheus/api/v1\n")


@probes.api_route("/-/healthy", methods=["GET", "HEAD"])
async def get_health() -> Response:
    """The process answers."""
    return PlainTextResponse("Prometheus Server is Healthy.\n")


@probes.api_route("/-/ready", methods=["GET", "HEAD"])
async def get_readiness() -> Response:
    """The server answers queries: it listens once its tables and its journal are there."""
    return PlainTextResponse("Prometheus Server is Ready.\n")
