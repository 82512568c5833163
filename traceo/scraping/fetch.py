"""One request to a target: what is asked for, and how much of an answer is read."""

import httpx

from traceo.scraping.config import PROTOBUF, ScrapeConfig
from traceo.scraping.exposition import ExpositionError
from traceo.scraping.http_client import extensions_of
from traceo.scraping.series import LimitReached
from traceo.scraping.target import Target

ACCEPTED = {
    PROTOBUF: "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
    "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
    "PrometheusText1.0.0": "text/plain;version=1.0.0",
    "PrometheusText0.0.4": "text/plain;version=0.0.4",
}
ESCAPED = (PROTOBUF, "OpenMetricsText1.0.0", "PrometheusText1.0.0")  # these know the parameter `escaping`
OPENMETRICS, TEXT = "openmetrics", "text"
FORMATS = {
    "application/vnd.google.protobuf": PROTOBUF,
    "application/openmetrics-text": OPENMETRICS,
    "text/plain": TEXT,
}
# No answer may be larger, whatever the configuration says: it is held in memory.
MAX_BODY = 256 << 20


def accept_header(config: ScrapeConfig) -> str:
    """What `scrape_protocols` ask for, the first most of all."""
    offers = []
    for place, name in enumerate(config.protocols):
        escaping = f";escaping={config.escaping}" if name in ESCAPED else ""
        offers.append(f"{ACCEPTED[name]}{escaping};q=0.{len(config.protocols) - place + 1}")
    return ",".join([*offers, "*/*;q=0.1"])


async def fetch(client: httpx.AsyncClient, config: ScrapeConfig, target: Target) -> tuple[bytes, str]:
    """The answer's body, decompressed, and its format: PROTOBUF, OPENMETRICS or TEXT.

    Raises httpx.HTTPError and OSError; ExpositionError for an answer that is none; LimitReached for one too large.
    """
    headers = {
        "Accept": accept_header(config),
        "Accept-Encoding": "gzip" if config.enable_compression else "identity",
        "X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout_s:g}",
    }
    limit = min(config.body_size_limit or MAX_BODY, MAX_BODY)
    async with client.stream("GET", target.url, headers=headers, extensions=extensions_of(config.http)) as answer:
        if answer.status_code != 200:
            raise ExpositionError(f"server returned HTTP status {answer.status_code} {answer.reason_phrase}")
        pieces, size = [], 0
        async for piece in answer.aiter_bytes():
            size += len(piece)
            if size > limit:
                raise LimitReached(f"body size limit exceeded: more than {limit} bytes")
            pieces.append(piece)
    return b"".join(pieces), choose_format(answer.headers.get("content-type", ""), config.fallback_protocol)


def choose_format(content_type: str, fallback: str) -> str:
    """By an answer's content type, else by `fallback_scrape_protocol`. Raises ExpositionError."""
    found = FORMATS.get(content_type.split(";")[0].strip().lower())
    if found:
        return found
    if fallback:
        return FORMATS[ACCEPTED[fallback].split(";")[0]]
    shown = f"the content type {content_type!r}, which is not one of metrics," if content_type else "no content type"
    raise ExpositionError(f"the target sends {shown} and there is no fallback_scrape_protocol")
