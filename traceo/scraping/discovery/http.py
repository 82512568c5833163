"""`http_sd_configs`: groups of targets from a URL, as JSON."""

from dataclasses import dataclass

import httpx

from traceo.errors import ConfigError
from traceo.scraping.discovery.groups import Put, parse_groups, refresh_forever
from traceo.scraping.http_client import HttpConfig, extensions_of, is_url, make_client, take_http_config
from traceo.yamltree import Fields, read_text

MAX_BYTES = 64 << 20
PROBLEMS = (httpx.HTTPError, OSError, ValueError, ConfigError)


@dataclass(frozen=True, slots=True)
class HttpTargets:
    """One URL, asked every `refresh_s` seconds."""

    url: str
    refresh_s: float
    http: HttpConfig

    async def run(self, put: Put) -> None:
        """An answer that is not one leaves the groups as they are."""
        async with make_client(self.http) as client:
            await refresh_forever(self.url, self.refresh_s, lambda: self._look(client, put), problems=PROBLEMS)

    async def _look(self, client: httpx.AsyncClient, put: Put) -> None:
        headers = {"Accept": "application/json", "X-Prometheus-Refresh-Interval-Seconds": f"{self.refresh_s:g}"}
        async with client.stream("GET", self.url, headers=headers, extensions=extensions_of(self.http)) as answer:
            if answer.status_code != 200:
                raise ValueError(f"server returned HTTP status {answer.status_code}")
            kind = answer.headers.get("content-type", "")
            if kind.split(";")[0].strip().lower() != "application/json":
                raise ValueError(f"unsupported content type {kind!r}: expected application/json")
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise ValueError(f"more than {MAX_BYTES >> 20} MiB")
        put(parse_groups(body.decode(), self.url, {"__meta_url": self.url}, is_json=True))


def read_http(fields: Fields) -> HttpTargets:
    """Raises ConfigError."""
    url = fields.need("url", read_text)
    found = HttpTargets(url, fields.duration("refresh_interval", 60.0), take_http_config(fields))
    fields.finish()
    if not is_url(url):
        fields.fail(f"url: expected an absolute URL of http or https, got {url!r}")
    return found
