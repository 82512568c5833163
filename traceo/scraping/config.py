"""Prometheus' configuration file, as far as it is about scraping: `global`, `scrape_configs`, `scrape_config_files`.

Each field of Prometheus 3 is either taken or refused by its name; the sections of the file that are not about scraping
are left alone and noted.
"""

import contextlib
import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from traceo.errors import ConfigError
from traceo.scraping.discovery.providers import UNSUPPORTED, Provider, take_providers
from traceo.scraping.http_client import HttpConfig, take_http_config
from traceo.scraping.relabel import Rule, read_rules
from traceo.yamltree import (
    TEXTS,
    Fields,
    parse_document,
    read_choice,
    read_count,
    read_list,
    read_map,
    read_size,
    read_text,
)

OTHER_SECTIONS = ("rule_files", "alerting", "remote_write", "remote_read", "storage", "tracing", "otlp", "runtime")
OTHER_GLOBALS = ("evaluation_interval", "rule_query_offset", "query_log_file", "runtime", "external_labels")
PROTOBUF = "PrometheusProto"
TEXT_PROTOCOLS = ("OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4")
LIMITS = ("sample_limit", "target_limit", "label_limit", "label_name_length_limit", "label_value_length_limit")
INHERITED_FLAGS = ("scrape_native_histograms", "always_scrape_classic_histograms", "extra_scrape_metrics")
LEGACY, UTF8 = "legacy", "utf8"
ESCAPING = ("allow-utf-8", "underscores", "dots", "values")
NOT_YET = {
    "scrape_failure_log_file": "failures are in the server's log and in /prometheus/api/v1/targets",
    "convert_classic_histograms_to_nhcb": "classic histograms are stored as they are",
    "native_histogram_bucket_limit": "native histograms are stored without loss",
    "native_histogram_min_bucket_factor": "native histograms are stored without loss",
    "scrape_classic_histograms": "this is now always_scrape_classic_histograms",
}


@dataclass(frozen=True, slots=True)
class ScrapeConfig:
    """One job. Times in seconds, sizes in bytes; a limit of 0 is none."""

    job_name: str
    interval_s: float = 60.0
    timeout_s: float = 10.0
    protocols: tuple[str, ...] = TEXT_PROTOCOLS
    fallback_protocol: str = ""
    metrics_path: str = "/metrics"
    scheme: str = "http"
    params: dict[str, tuple[str, ...]] = field(default_factory=dict)
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    enable_compression: bool = True
    flags: dict[str, bool] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    body_size_limit: int = 0
    keep_dropped_targets: int = 0
    validation: str = UTF8
    escaping: str = "allow-utf-8"
    http: HttpConfig = field(default_factory=HttpConfig)
    providers: tuple[Provider, ...] = ()
    relabel: tuple[Rule, ...] = ()
    metric_relabel: tuple[Rule, ...] = ()

    def limit(self, name: str) -> int:
        """One of LIMITS; 0: none."""
        return self.limits.get(name, 0)

    def flag(self, name: str) -> bool:
        """One of INHERITED_FLAGS."""
        return self.flags.get(name, False)


@dataclass(frozen=True, slots=True)
class ScrapeFile:
    """A configuration file. `notes`: what in it has no effect here, for people."""

    configs: tuple[ScrapeConfig, ...] = ()
    notes: tuple[str, ...] = ()


def load_file(path: Path) -> ScrapeFile:
    """Read and check a file, and those it includes. Raises ConfigError, which names file, line and field."""
    fields = _open(path)
    if fields is None:
        return ScrapeFile()
    with _named(path):
        defaults = fields.take("global", lambda node, at: _read_global(Fields(node, at, path.parent)), DEFAULTS)
        configs = list(_take_configs(fields, defaults))
        patterns = fields.texts("scrape_config_files")
        notes = [f"{name} has no effect here" for name in OTHER_SECTIONS if fields.has(name)]
        fields.ignore(*OTHER_SECTIONS)
        fields.finish()
    if defaults.external_labels:
        notes.append("global.external_labels are not added to what is scraped, as in Prometheus' own storage")
    for pattern in patterns:
        configs += _read_included(path.parent / pattern, defaults)
    _check_names(path, configs)
    return ScrapeFile(tuple(configs), tuple(notes))


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Puts the file's name before a ConfigError."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}") from error


def _open(path: Path) -> Fields | None:
    with _named(path):
        try:
            root = parse_document(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read: {error}") from error
        return None if root is None else Fields(root, "", path.parent)


def _read_included(pattern: Path, defaults: "Defaults") -> list[ScrapeConfig]:
    found: list[ScrapeConfig] = []
    for name in sorted(glob.glob(str(pattern))):
        fields = _open(Path(name))
        with _named(Path(name)):
            if fields is not None:
                found += _take_configs(fields, defaults)
                fields.finish()
    return found


def _check_names(path: Path, configs: Sequence[ScrapeConfig]) -> None:
    names = [config.job_name for config in configs]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path}: found multiple scrape configs with job name {name!r}")


@dataclass(frozen=True, slots=True)
class Defaults:
    """`global`: what a scrape configuration takes where it says nothing."""

    interval_s: float = 60.0
    timeout_s: float = 0.0
    protocols: tuple[str, ...] = ()
    limits: dict[str, int] = field(default_factory=dict)
    flags: dict[str, bool] = field(default_factory=dict)
    body_size_limit: int = 0
    keep_dropped_targets: int = 0
    validation: str = UTF8
    escaping: str = ""
    external_labels: bool = False


DEFAULTS = Defaults()


def _read_global(fields: Fields) -> Defaults:
    found = Defaults(
        interval_s=fields.duration("scrape_interval", 60.0) or 60.0,
        timeout_s=fields.duration("scrape_timeout"),
        protocols=_take_protocols(fields, ()),
        limits={name: fields.take(name, read_count, 0) for name in LIMITS},
        flags={name: fields.flag(name) for name in INHERITED_FLAGS},
        body_size_limit=fields.take("body_size_limit", read_size, 0),
        keep_dropped_targets=fields.take("keep_dropped_targets", read_count, 0),
        validation=fields.take("metric_name_validation_scheme", read_choice(UTF8, LEGACY), UTF8),
        escaping=fields.take("metric_name_escaping_scheme", read_choice(*ESCAPING), ""),
        external_labels=fields.has("external_labels"),
    )
    fields.ignore(*OTHER_GLOBALS)
    fields.finish(NOT_YET)
    if found.timeout_s > found.interval_s:
        fields.fail("scrape_timeout is longer than scrape_interval")
    return found


def _take_protocols(fields: Fields, default: tuple[str, ...]) -> tuple[str, ...]:
    found = fields.take("scrape_protocols", read_list(read_choice(PROTOBUF, *TEXT_PROTOCOLS)), default)
    if len(set(found)) < len(found):
        fields.fail("scrape_protocols has a protocol twice")
    return found


def _take_configs(fields: Fields, defaults: Defaults) -> tuple[ScrapeConfig, ...]:
    base = fields.base
    read = read_list(lambda node, at: _read_config(Fields(node, at, base), defaults))
    return fields.take("scrape_configs", read, ())


def _read_config(fields: Fields, defaults: Defaults) -> ScrapeConfig:
    interval = fields.duration("scrape_interval") or defaults.interval_s
    flags = {name: fields.flag(name, defaults.flags.get(name, False)) for name in INHERITED_FLAGS}
    native = flags["scrape_native_histograms"]
    protocols = _take_protocols(fields, defaults.protocols) or (PROTOBUF, *TEXT_PROTOCOLS)[not native :]
    validation = fields.take("metric_name_validation_scheme", read_choice(UTF8, LEGACY), defaults.validation)
    rules = read_rules(fields.base, validation == UTF8)
    config = ScrapeConfig(
        job_name=fields.need("job_name", read_text),
        interval_s=interval,
        timeout_s=fields.duration("scrape_timeout") or _default_timeout(defaults, interval),
        protocols=protocols,
        fallback_protocol=fields.take("fallback_scrape_protocol", read_choice(PROTOBUF, *TEXT_PROTOCOLS), ""),
        metrics_path=fields.text("metrics_path", "/metrics"),
        scheme=fields.take("scheme", read_choice("http", "https"), "http"),
        params=fields.take("params", read_map(TEXTS), {}),
        honor_labels=fields.flag("honor_labels"),
        honor_timestamps=fields.flag("honor_timestamps", True),
        track_timestamps_staleness=fields.flag("track_timestamps_staleness"),
        enable_compression=fields.flag("enable_compression", True),
        flags=flags,
        limits={name: fields.take(name, read_count, 0) or defaults.limits.get(name, 0) for name in LIMITS},
        body_size_limit=fields.take("body_size_limit", read_size, 0) or defaults.body_size_limit,
        keep_dropped_targets=fields.take("keep_dropped_targets", read_count, 0) or defaults.keep_dropped_targets,
        validation=validation,
        escaping=_take_escaping(fields, defaults, validation),
        http=take_http_config(fields),
        providers=take_providers(fields),
        relabel=fields.take("relabel_configs", rules, ()),
        metric_relabel=fields.take("metric_relabel_configs", rules, ()),
    )
    fields.finish(NOT_YET | UNSUPPORTED)
    _check(fields, config)
    return config


def _default_timeout(defaults: Defaults, interval_s: float) -> float:
    """The global timeout (10 s if it is not set either), but never more than the interval."""
    return min(defaults.timeout_s or 10.0, interval_s)


def _take_escaping(fields: Fields, defaults: Defaults, validation: str) -> str:
    found = fields.take("metric_name_escaping_scheme", read_choice(*ESCAPING), "") or defaults.escaping
    if validation == LEGACY and found == "allow-utf-8":
        fields.fail("metric_name_escaping_scheme allow-utf-8 needs metric_name_validation_scheme utf8")
    return found or ("underscores" if validation == LEGACY else "allow-utf-8")


def _check(fields: Fields, config: ScrapeConfig) -> None:
    if not config.job_name:
        fields.fail("job_name is empty")
    if config.timeout_s > config.interval_s:
        fields.fail(f"scrape_timeout is longer than scrape_interval, of job {config.job_name!r}")
