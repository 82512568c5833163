"""Targets: what discovery found, after relabelling, with everything that a scrape needs to know."""

import hashlib
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field

from traceo.scraping.config import ScrapeConfig
from traceo.scraping.discovery.groups import ADDRESS, Group, Labels
from traceo.scraping.relabel import relabel
from traceo.yamltree import parse_duration

SCHEME, PATH, PARAM = "__scheme__", "__metrics_path__", "__param_"
INTERVAL, TIMEOUT = "__scrape_interval__", "__scrape_timeout__"
INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint. `labels` go to its series, `discovered` are those before relabelling. Times in seconds."""

    url: str
    labels: Labels
    discovered: Labels = field(compare=False)
    interval_s: float
    timeout_s: float

    @property
    def key(self) -> int:
        """64 bits that stay the same as long as labels and URL do; they spread targets over time."""
        text = "\xff".join([self.url, *(f"{name}\xfe{value}" for name, value in sorted(self.labels.items()))])
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@dataclass(slots=True)
class Found:
    """What became of a job's groups: targets by key, labels of what relabelling dropped, and what is wrong."""

    targets: dict[int, Target] = field(default_factory=dict)
    dropped: list[Labels] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def make_targets(config: ScrapeConfig, groups: Iterable[Group]) -> Found:
    """Relabel all targets of a job; equal ones become one."""
    found = Found()
    for group in groups:
        for labels in group.targets:
            discovered = _with_defaults({**group.labels, **labels}, config)
            relabelled = relabel(discovered, config.relabel)
            if relabelled is None:
                found.dropped.append(discovered)
                continue
            try:
                target = _make_target(relabelled, discovered, config)
            except ValueError as error:
                found.problems.append(f"{group.source}: {error}")
                continue
            found.targets.setdefault(target.key, target)
    return found


def _with_defaults(labels: Labels, config: ScrapeConfig) -> Labels:
    """What the configuration says, where discovery says nothing."""
    defaults = {
        "job": config.job_name,
        INTERVAL: show_duration(config.interval_s),
        TIMEOUT: show_duration(config.timeout_s),
        PATH: config.metrics_path,
        SCHEME: config.scheme,
        **{PARAM + name: values[0] for name, values in config.params.items() if values},
    }
    return defaults | {name: value for name, value in labels.items() if value}


def _make_target(labels: Labels, discovered: Labels, config: ScrapeConfig) -> Target:
    """Raises ValueError when it cannot be scraped."""
    address = labels.get(ADDRESS, "")
    if not address:
        raise ValueError(f"no address: {discovered.get(ADDRESS, 'the target')} has lost its {ADDRESS}")
    if "/" in address:
        raise ValueError(f"{address!r} is not a valid hostname")
    interval, timeout = _seconds(labels, INTERVAL), _seconds(labels, TIMEOUT)
    if timeout > interval:
        raise ValueError(f"{address}: the scrape timeout is greater than the scrape interval")
    public = {name: value for name, value in labels.items() if not name.startswith("__")}
    public.setdefault(INSTANCE, address)
    return Target(_make_url(labels, address, config), public, discovered, interval, timeout)


def _seconds(labels: Labels, name: str) -> float:
    seconds = parse_duration(labels.get(name, ""))
    if not seconds:
        raise ValueError(f"{name} is {labels.get(name, '')!r}: expected a duration above 0")
    return seconds


def _make_url(labels: Labels, address: str, config: ScrapeConfig) -> str:
    params = {name: list(values) for name, values in config.params.items()}
    for name, value in labels.items():
        if name.startswith(PARAM):
            values = params.setdefault(name.removeprefix(PARAM), [""])
            values[:1] = [value]
    path, _, own_query = labels.get(PATH, "").partition("?")
    query = "&".join(filter(None, [own_query, urllib.parse.urlencode(params, doseq=True)]))
    path = path if path.startswith("/") or not path else f"/{path}"
    url = f"{labels.get(SCHEME, 'http')}://{address}{path}" + (f"?{query}" if query else "")
    if not urllib.parse.urlsplit(url).hostname:
        raise ValueError(f"{address!r} is not a valid hostname")
    return url


def show_duration(seconds: float) -> str:
    """As Prometheus writes it: `1m30s`."""
    rest, text = round(seconds * 1000), ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        if rest >= size:
            text += f"{rest // size}{unit}"
            rest %= size
    return text or "0s"
