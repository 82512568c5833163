"""The wiring: settings -> state and store -> services -> servers, and their orderly end. Nothing else builds these."""

import asyncio
import contextlib
import ctypes
import gc
import logging
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import uvloop

from traceo.access.service import AccessService
from traceo.api.app import ApiServices, make_api
from traceo.background import Background, make_background, run_background
from traceo.cardinality.limits import SeriesGuard
from traceo.cardinality.usage import MetricUsage
from traceo.catalog.owner_file import OwnerFile
from traceo.catalog.owners import OwnerService
from traceo.config import Config
from traceo.dashboards.service import DashboardService
from traceo.disk import DiskGuard
from traceo.intake import make_ingest, replay_journal
from traceo.listeners import QuietServer, check_ports, make_http_server, until_started
from traceo.policies.service import PolicyService
from traceo.receivers.elastic import with_elastic
from traceo.receivers.http import AsgiApp
from traceo.receivers.ingest import Ingest
from traceo.receivers.loki import with_loki_push
from traceo.receivers.ndjson import with_ndjson
from traceo.receivers.otlp_grpc import serve_otlp_grpc
from traceo.receivers.otlp_http import make_otlp_http_app
from traceo.receivers.remote_write import with_remote_write
from traceo.receivers.scraped import make_scrape_writer
from traceo.receivers.span_bodies import with_spans
from traceo.receivers.syslog import serve_syslog
from traceo.sampling.budgets import Terms
from traceo.saved.queries import SavedQueries
from traceo.scraping.status import make_metadata_view, make_targets_view
from traceo.state.database import open_state
from traceo.store.base import Store
from traceo.store.open import open_store
from traceo.telemetry import Metrics, configure_logging, configure_tracing, make_metrics

logger = logging.getLogger(__name__)

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h


@dataclass(frozen=True, slots=True)
class Services:
    """What the servers stand on."""

    config: Config
    store: Store
    access: AccessService
    policies: PolicyService
    owners: OwnerService
    dashboards: DashboardService
    saved: SavedQueries
    usage: MetricUsage
    background: Background
    metrics: Metrics
    disk: DiskGuard
    ingest: Ingest


def serve(config: Config) -> None:
    """Run in the foreground until SIGTERM or SIGINT; returns when everything acknowledged is committed and closed."""
    _keep_freed_memory()
    configure_logging(config.log.level, config.log.format)
    configure_tracing(config.telemetry.otlp_endpoint, config.telemetry.sample_ratio)
    check_ports(config.server)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config))


def _keep_freed_memory() -> None:
    """Else glibc maps each large block anew and gives it back when freed: half the cost of checking a request."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(M_TRIM_THRESHOLD, 64 << 20)


async def _serve(config: Config) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with open_services(config) as services, run_servers(services):
        loop.add_signal_handler(signal.SIGHUP, services.background.scraper.reload)
        gc.freeze()  # what is there now stays: to look through it each time would stop all requests for 100 ms
        logger.info("ready", extra={"fields": _addresses(config)})
        await stopping.wait()
        logger.info("stopping: committing what was received")


@contextlib.asynccontextmanager
async def open_services(config: Config) -> AsyncIterator[Services]:
    """Everything but the servers; closes the store at the end."""
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    state = open_state(config.state_url)
    access = AccessService(state, config)
    terms = Terms.of(config.sampling)
    policies = PolicyService(state, max_wait_s=config.retention.recent_spans / 2, terms=terms)
    usage = MetricUsage(state)
    owner_file = OwnerFile(config.catalog.owners_file)
    owners = OwnerService(state, owner_file)
    store = await open_store(config)
    try:
        metrics = make_metrics()
        disk = DiskGuard(store, config.store.min_free_disk)
        metrics.free_disk_bytes.set_function(lambda: disk.free_bytes)
        await disk.look()
        guard = SeriesGuard(store, config.limits)
        await guard.begin()
        ingest = make_ingest(config, store, access, policies, metrics, disk, guard)
        write = make_scrape_writer(ingest, _scrape_tenant(config))
        background = make_background(config, state, store, disk, policies, owner_file, write, usage, guard, metrics)
        await replay_journal(config, ingest)
        kept = DashboardService(state), SavedQueries(state)
        yield Services(config, store, access, policies, owners, *kept, usage, background, metrics, disk, ingest)
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def run_servers(services: Services) -> AsyncIterator[None]:
    """HTTP and gRPC servers and background work; at the end: no new requests, then every batch committed."""
    config = services.config.server
    api = _with_receivers(make_api(_api_services(services)), services.ingest)
    receivers = with_spans(make_otlp_http_app(services.ingest), services.ingest)
    apps = [(api, config.http_port), (receivers, config.otlp_http_port)]
    apps += [(receivers, config.zipkin_port)] if config.zipkin_port else []
    http = [make_http_server(app, config.host, port) for app, port in apps]
    tasks = [asyncio.create_task(server.serve()) for server in http]
    grpc_server = await serve_otlp_grpc(services.ingest, config.host, config.otlp_grpc_port)
    async with run_background(services.background):
        try:
            await until_started(http, tasks)
            tenant = services.config.syslog.tenant or services.config.access.default_tenant
            async with serve_syslog(services.ingest, services.config.syslog, tenant):
                yield
        finally:
            await _stop(http, tasks, grpc_server, services, config.shutdown_grace)


def _with_receivers(app: AsgiApp, ingest: Ingest) -> AsgiApp:
    for wrap in (with_remote_write, with_loki_push, with_elastic, with_ndjson, with_spans):
        app = wrap(app, ingest)
    return app


async def _stop(
    http: list[QuietServer],
    tasks: list[asyncio.Task[None]],
    grpc_server: grpc.aio.Server,
    services: Services,
    grace_s: float,
) -> None:
    """Requests under way are answered: batches commit while the servers wait for their last answers."""
    for server in http:
        server.should_exit = True
    drains = [batcher.drain() for batcher in services.ingest.batchers.values()]
    await asyncio.gather(grpc_server.stop(grace_s), *drains, *tasks, return_exceptions=True)


def _api_services(services: Services) -> ApiServices:
    return ApiServices(
        store=services.store,
        config=services.config,
        authenticate=services.access.authenticate,
        registry=services.metrics.registry,
        request_seconds=services.metrics.api_request_seconds,
        status=lambda: {
            "free_disk_bytes": services.disk.free_bytes,
            "buffered_bytes": services.ingest.budget.used,
        },
        policies=services.policies,
        owners=services.owners,
        dashboards=services.dashboards,
        usage=services.usage,
        saved=services.saved,
        targets=make_targets_view(services.background.scraper, _scrape_tenant(services.config)),
        target_metadata=make_metadata_view(services.background.scraper, _scrape_tenant(services.config)),
    )


def _scrape_tenant(config: Config) -> str:
    return config.scrape.tenant or config.access.default_tenant


def _addresses(config: Config) -> dict[str, str]:
    host = config.server.host
    return {
        "api": f"http://{host}:{config.server.http_port}",
        "otlp_http": f"http://{host}:{config.server.otlp_http_port}",
        "otlp_grpc": f"{host}:{config.server.otlp_grpc_port}",
        "access": config.access_mode,
    }
