"""The HTTP application: every router, the error handler, OpenAPI."""

import time

from fastapi import FastAPI

from traceo import __version__
from traceo.api import ui
from traceo.api.compat.jaeger.router import router as jaeger
from traceo.api.compat.loki.router import router as loki
from traceo.api.compat.prometheus import web
from traceo.api.compat.prometheus.router import router as prometheus
from traceo.api.compat.tempo.router import router as tempo
from traceo.api.errors import ERROR_RESPONSES, install_error_handler
from traceo.api.measure import MeasureRequests
from traceo.api.routes import (
    analysis,
    budgets,
    cardinality,
    catalog,
    dashboards,
    hindsight,
    live,
    log_context,
    logs,
    map,
    metrics,
    owners,
    patterns,
    policies,
    remote_read,
    saved_queries,
    services,
    sql,
    status,
    stream,
    traces,
)
from traceo.api.services import ApiServices
from traceo.live.changes import Changes
from traceo.live.follow import Live
from traceo.query.run import Queries

__all__ = ["ApiServices", "make_api"]

PREFIX = "/api/v1"
ROUTERS = (
    services.router,
    map.router,
    catalog.router,
    owners.router,
    traces.router,
    analysis.router,
    logs.router,
    patterns.router,
    log_context.router,
    metrics.router,
    sql.router,
    policies.router,
    hindsight.router,
    budgets.router,
    dashboards.router,
    cardinality.router,
    saved_queries.router,
    stream.router,
    live.router,
    status.router,
)


def make_api(services: ApiServices) -> FastAPI:
    """The application over these services. Make it in the event loop that will serve it."""
    app = FastAPI(
        title="Traceo", version=__version__, openapi_url=f"{PREFIX}/openapi.json", docs_url=None, redoc_url=None
    )
    app.state.services = services
    app.state.queries = Queries(services.store, services.config.query)
    app.state.live = Live(app.state.queries, max_per_tenant=services.config.query.max_tails_per_tenant)
    app.state.changes = Changes(app.state.queries)
    app.state.started = time.monotonic()
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, responses=ERROR_RESPONSES)
    app.include_router(status.probes)
    app.include_router(prometheus)
    app.include_router(loki)
    app.include_router(tempo)
    app.include_router(jaeger)
    app.include_router(remote_read.router, responses=ERROR_RESPONSES)
    app.include_router(ui.router)
    install_error_handler(app, {web.PREFIX: web.answer_no_route, "/": ui.answer_no_route})
    app.add_middleware(web.AllowOrigins, pattern=services.config.promql.cors_origin)
    app.add_middleware(MeasureRequests, seconds=services.request_seconds, prefix=PREFIX)
    return app
