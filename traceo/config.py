"""Every setting of Traceo: one frozen tree, loaded once in `app.py` and passed in.

A setting is one line in a section below: its type says how text becomes a value, `setting()` carries the rest. Adding
one needs nothing else: its names in the file, the environment and the flags, the checks, `traceo config` and
`docs/reference/config.md` (`make docs`) follow. Order: defaults < `traceo.yaml` < `TRACEO_SECTION__FIELD` < flags.
"""

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from traceo.errors import ConfigError
from traceo.settings import (
    Bytes,
    Given,
    Seconds,
    Secret,
    Setting,
    Url,
    build_tree,
    check_known,
    dump_tree,
    flatten,
    setting,
    walk_settings,
)

MIB, GIB = 1 << 20, 1 << 30
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
DEFAULT_FILE, ENV_PREFIX = Path("traceo.yaml"), "TRACEO_"


def client_settings() -> tuple[str, str]:
    """TRACEO_URL and TRACEO_TOKEN, for `traceo query`."""
    return os.environ.get("TRACEO_URL", ""), os.environ.get("TRACEO_TOKEN", "")


def kubernetes_service() -> tuple[str, str]:
    """Host and port of the API server, as Kubernetes tells its pods; "" outside of one."""
    return os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/traceo`, or `~/.local/share/traceo`."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path("~/.local/share").expanduser()) / "traceo"


@dataclass(frozen=True, slots=True)
class Server:
    """Listeners."""

    host: str = setting("127.0.0.1", "Address that every listener binds.")
    http_port: int = setting(4000, "UI, own API and query protocols; 0 takes a free port.", minimum=0, maximum=65535)
    otlp_http_port: int = setting(4318, "OTLP over HTTP; 0 takes a free port.", minimum=0, maximum=65535)
    otlp_grpc_port: int = setting(4317, "OTLP over gRPC; 0 takes a free port.", minimum=0, maximum=65535)
    zipkin_port: int = setting(
        0, "Zipkin's own, 9411, with what the port of OTLP over HTTP takes; 0: none.", minimum=0, maximum=65535
    )
    shutdown_grace: Seconds = setting(10.0, "How long running requests may finish after SIGTERM.")


@dataclass(frozen=True, slots=True)
class S3Tier:
    """A bucket for parts that have become old; off while `endpoint` is empty."""

    endpoint: str = setting("", "Bucket URL with a path, as the engine takes it; empty: no bucket.")
    access_key_id: Secret = setting("", "Access key; empty: the machine's own role.", hidden=True)
    secret_access_key: Secret = setting("", "Secret key that belongs to `access_key_id`.", hidden=True)
    move_after: Seconds = setting(7 * DAY, "Age at which parts move to the bucket.", minimum=MINUTE)


@dataclass(frozen=True, slots=True)
class Store:
    """The telemetry engine."""

    url: Url = setting(
        "",
        "`chdb:///path` or `clickhouse://user:password@host:port/database`.",
        hidden=True,
        default_text="chdb://<data_dir>/store",
    )
    threads: int = setting(2, "Engine threads that one query may use.", unit="threads", minimum=1)
    connections: int = setting(4, "Connections that work in parallel.", unit="connections", minimum=1)
    max_memory: Bytes = setting(600 * MIB, "Memory that the engine may use in all.", minimum=64 * MIB)
    min_free_disk: Bytes = setting(1 * GIB, "Writes are refused when less than this is free.")
    s3_tier: S3Tier = field(default_factory=S3Tier)


@dataclass(frozen=True, slots=True)
class State:
    """The relational database for what is not telemetry."""

    url: Url = setting(
        "",
        "`sqlite:////path` or `postgresql://user:password@host:port/database`.",
        hidden=True,
        default_text="sqlite:///<data_dir>/state.db",
    )


@dataclass(frozen=True, slots=True)
class Ingest:
    """Receivers, and the group commit behind them."""

    max_body: Bytes = setting(16 * MIB, "Largest request as sent, compressed.", minimum=1)
    max_decompressed: Bytes = setting(64 * MIB, "Largest request after decompression.", minimum=1)
    batch_max_bytes: Bytes = setting(24 * MIB, "A batch of this size is committed.", minimum=1)
    batch_max_delay: Seconds = setting(0.5, "A batch waits at most this long for company.")
    buffer_max_bytes: Bytes = setting(256 * MIB, "Bytes held in memory before senders are told to wait.", minimum=1)
    request_timeout: Seconds = setting(30.0, "How long a request may wait for its commit.", minimum=0.001)


@dataclass(frozen=True, slots=True)
class Syslog:
    """Syslog receivers. It knows no credentials: its records are one tenant's (`docs/guides/log-receivers.md`)."""

    tcp: str = setting("", "Address that takes RFC 5424 and 3164, such as `0.0.0.0:1514`; empty: off.")
    udp: str = setting("", "The same over UDP, where what is lost is lost; empty: off.")
    tenant: str = setting("", "Whose the records are.", default_text="access.default_tenant")
    timezone: str = setting("UTC", "Of times without a zone (RFC 3164), such as `Europe/Berlin`.")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each kind of data is kept; a change applies to stored data as well."""

    recent_spans: Seconds = setting(HOUR, "All spans, before sampling decides, and logs to thin.", minimum=MINUTE)
    spans: Seconds = setting(30 * DAY, "Spans of the traces that sampling kept.", minimum=MINUTE)
    decisions: Seconds = setting(DAY, "Verdicts of sampling, which late spans follow.", minimum=MINUTE)
    logs: Seconds = setting(30 * DAY, "Log records.", minimum=MINUTE)
    metrics: Seconds = setting(90 * DAY, "Series, samples and exemplars.", minimum=MINUTE)
    rollups: Seconds = setting(400 * DAY, "Rate, error and duration roll-ups, service edges.", minimum=MINUTE)
    usage: Seconds = setting(400 * DAY, "The usage ledger.", minimum=MINUTE)


@dataclass(frozen=True, slots=True)
class Query:
    """Limits of one query, and of all together."""

    timeout: Seconds = setting(30.0, "A query is stopped after this.", minimum=0.001)
    max_result_rows: int = setting(100_000, "Largest result.", unit="rows", minimum=1)
    max_memory: Bytes = setting(1 * GIB, "Memory that one query may use.", minimum=1 * MIB)
    max_concurrent: int = setting(8, "Queries that run at once; more wait.", unit="queries", minimum=1)
    max_concurrent_per_tenant: int = setting(
        6, "Of these, those of one tenant, so that none keeps all others waiting.", unit="queries", minimum=1
    )
    kept_answers: Bytes = setting(
        32 * MIB, "Memory for PromQL answers of the past, for dashboards that ask again; 0: none are kept.", minimum=0
    )
    max_tails_per_tenant: int = setting(20, "Live tails that one tenant may have open.", unit="tails", minimum=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one tenant may have of series, as Prometheus counts them; what is beyond is refused, all else goes on."""

    max_series: int = setting(2_000_000, "Series a day; new ones beyond are refused.", unit="series", minimum=1)
    max_labels: int = setting(64, "Labels of a series, its name among them.", unit="labels", minimum=1)
    max_label_name: int = setting(1024, "Longest name of a label.", unit="bytes", minimum=1)
    max_label_value: int = setting(4096, "Longest value of a label.", unit="bytes", minimum=1)


@dataclass(frozen=True, slots=True)
class Promql:
    """PromQL, and the API of Prometheus; time and memory of a query are those of `query`."""

    lookback: Seconds = setting(5 * MINUTE, "How old a sample may be that still is a series' value.", minimum=0.001)
    max_samples: int = setting(50_000_000, "Samples that one query may look at.", unit="samples", minimum=1)
    cors_origin: str = setting(
        ".*", "Origins whose web pages may ask, a regular expression, as Prometheus' `web.cors.origin`; empty: none."
    )


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call, and as which tenant."""

    mode: Literal["auto", "open", "token", "gateway"] = setting(
        "auto", "`open`: no credential; `token`; `gateway`: a trusted gateway or a token; `auto`: open on loopback."
    )
    trusted_gateways: tuple[str, ...] = setting((), "Networks (CIDR) whose `X-Scope-OrgID` header is believed.")
    default_tenant: str = setting("default", "Tenant of a caller who names none, where that is allowed.")


@dataclass(frozen=True, slots=True)
class Metrics:
    """How OTLP metrics look to PromQL."""

    promote_resource_attributes: tuple[str, ...] = setting(
        (), "Resource attributes that become labels of every series, beside `job` and `instance`."
    )
    translation_strategy: Literal[
        "UnderscoreEscapingWithSuffixes",
        "NoUTF8EscapingWithSuffixes",
        "UnderscoreEscapingWithoutSuffixes",
        "NoTranslation",
    ] = setting("UnderscoreEscapingWithSuffixes", "How their names become Prometheus', as its `otlp` section has it.")


@dataclass(frozen=True, slots=True)
class Sampling:
    """Tail sampling. What is kept is no setting: policies come from a file or the API (`docs/guides/sampling.md`)."""

    policy_file: str = setting(
        "",
        "Policies of tenants without their own, read again when they change; `recommended`: Traceo's; empty: none.",
    )
    lease_ttl: Seconds = setting(5.0, "A replica that dies is replaced after this time.", minimum=1.0)
    team_attribute: str = setting("team", "Resource attribute that says whose a span is, for budgets of a team.")
    price_per_gib: float = setting(0.0, "Of a GiB that is kept, before compression, for budgets of money.", minimum=0)
    price_per_million_spans: float = setting(0.0, "Of a million spans that are kept, added to that.", minimum=0)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalogue of services (`docs/guides/services.md`)."""

    owners_file: str = setting(
        "", "Team, on-call, repository, runbook and tier of services, read again when it changes; empty: none."
    )


@dataclass(frozen=True, slots=True)
class Scrape:
    """The scraper: metrics are asked for as Prometheus does it (`docs/guides/scraping.md`)."""

    config_file: str = setting(
        "",
        "A configuration of Prometheus, read again when it changes; empty: nothing is scraped.",
    )
    tenant: str = setting("", "Whose the scraped metrics are.", default_text="access.default_tenant")
    lease_ttl: Seconds = setting(15.0, "A replica that dies is replaced after this time.", minimum=1.0)


@dataclass(frozen=True, slots=True)
class Log:
    """The server's own log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "Least severity that is written.")
    format: Literal["auto", "json", "console"] = setting("auto", "`auto`: console on a terminal, JSON elsewhere.")


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The server's own traces."""

    otlp_endpoint: str = setting("", "OTLP/HTTP base URL that receives them; empty: none are sent.")
    sample_ratio: float = setting(0.1, "Share of own traces that is sent.", minimum=0, maximum=1)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole tree. Build it with `load()`, or directly in a test: `Config(data_dir=tmp_path)`."""

    data_dir: Path = setting(
        default_data_dir, "Where everything that Traceo keeps on disk lies.", default_text="~/.local/share/traceo"
    )
    server: Server = field(default_factory=Server)
    store: Store = field(default_factory=Store)
    state: State = field(default_factory=State)
    ingest: Ingest = field(default_factory=Ingest)
    syslog: Syslog = field(default_factory=Syslog)
    retention: Retention = field(default_factory=Retention)
    query: Query = field(default_factory=Query)
    limits: Limits = field(default_factory=Limits)
    promql: Promql = field(default_factory=Promql)
    access: Access = field(default_factory=Access)
    metrics: Metrics = field(default_factory=Metrics)
    sampling: Sampling = field(default_factory=Sampling)
    catalog: Catalog = field(default_factory=Catalog)
    scrape: Scrape = field(default_factory=Scrape)
    log: Log = field(default_factory=Log)
    telemetry: Telemetry = field(default_factory=Telemetry)

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        for problem in _contradictions(self):
            raise ConfigError(problem)

    @property
    def store_url(self) -> str:
        """`store.url`, or the embedded engine under `data_dir`."""
        return self.store.url or f"chdb://{self.data_dir.absolute()}/store"

    @property
    def state_url(self) -> str:
        """`state.url`, or SQLite under `data_dir`."""
        return self.state.url or f"sqlite:///{self.data_dir.absolute()}/state.db"

    @property
    def access_mode(self) -> Literal["open", "token", "gateway"]:
        """`access.mode`, with `auto` decided by the address that is bound."""
        if self.access.mode == "auto":
            return "open" if is_loopback(self.server.host) else "token"
        return self.access.mode


def load(
    path: Path | None = None, env: Mapping[str, str] | None = None, flags: Mapping[str, object] | None = None
) -> Config:
    """The configuration from all layers. Raises ConfigError.

    `path`: a file that must exist; None takes `./traceo.yaml` if there is one. `env`: None takes the process's.
    `flags`: values by dotted path, such as {"server.http_port": 4001}; a None value counts as not given.
    """
    known = [row.path for row in describe()]
    given: dict[str, Given] = {}
    by_flag = {name: Given(value, "flags") for name, value in (flags or {}).items() if value is not None}
    for layer in (_read_file(path), _read_env(os.environ if env is None else env), by_flag):
        for name, value in layer.items():
            check_known(name, known, value.source)
        given.update(layer)
    return build_tree(Config, given)


def describe() -> list[Setting]:
    """Every setting, in order, for the reference and `traceo config`."""
    return list(walk_settings(Config))


def dump(config: Config) -> dict[str, object]:
    """The tree as nested plain values in the file's own notation; secrets are masked."""
    return dump_tree(config)


def env_name(path: str) -> str:
    """`store.min_free_disk` -> `TRACEO_STORE__MIN_FREE_DISK`."""
    return ENV_PREFIX + path.replace(".", "__").upper()


def is_loopback(host: str) -> bool:
    """Whether an address (or `localhost`) can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _read_file(path: Path | None) -> dict[str, Given]:
    if path is None and not DEFAULT_FILE.exists():
        return {}
    path = path or DEFAULT_FILE
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if tree is None:
        return {}
    if not isinstance(tree, Mapping):
        raise ConfigError(f"{path}: expected settings by section, got {tree!r}")
    sections = {row.path.rpartition(".")[0] for row in describe()}
    return {name: Given(value, path.name) for name, value in flatten(tree, sections) if value is not None}


def _read_env(env: Mapping[str, str]) -> dict[str, Given]:
    """Names with `__` MUST be settings. Others may be anything: Kubernetes sets TRACEO_SERVICE_HOST by itself."""
    top = {env_name(row.path) for row in describe()}
    names = [name for name in env if name.startswith(ENV_PREFIX) and (name in top or "__" in name)]
    return {
        name.removeprefix(ENV_PREFIX).lower().replace("__", "."): Given(env[name], f"environment ({name})")
        for name in names
    }


def _contradictions(config: Config) -> Iterator[str]:
    """What is wrong with settings that are valid one by one."""
    ingest, retention, access, s3 = config.ingest, config.retention, config.access, config.store.s3_tier
    if ingest.batch_max_bytes > ingest.buffer_max_bytes:
        yield "ingest.batch_max_bytes must not exceed ingest.buffer_max_bytes: such a batch would never fit"
    if ingest.max_decompressed > ingest.buffer_max_bytes:
        yield "ingest.max_decompressed must not exceed ingest.buffer_max_bytes: such a request would never fit"
    if retention.recent_spans > retention.spans:
        yield "retention.recent_spans must not exceed retention.spans"
    for network in access.trusted_gateways:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            yield f"access.trusted_gateways: {network!r} is not a network such as 10.0.0.0/8: {error}"
    if access.mode == "gateway" and not access.trusted_gateways:
        yield "access.mode is gateway, but access.trusted_gateways is empty: no gateway would be believed"
    if s3.endpoint and not s3.endpoint.startswith(("http://", "https://")):
        yield "store.s3_tier.endpoint must be a URL with the bucket's path, such as https://s3.example.com/bucket/traceo/"
    if problem := _regex_problem(config.promql.cors_origin):
        yield f"promql.cors_origin: {config.promql.cors_origin!r} is no regular expression: {problem}"
    yield from _syslog_problems(config.syslog)
    if bool(s3.access_key_id) != bool(s3.secret_access_key):
        yield "store.s3_tier needs both access_key_id and secret_access_key, or neither"


def _regex_problem(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return ""


def _syslog_problems(syslog: Syslog) -> Iterator[str]:
    for name in ("tcp", "udp"):
        address = getattr(syslog, name)
        host, _, port = address.rpartition(":")
        if address and not (host and port.isdecimal() and int(port) < 1 << 16):
            yield f"syslog.{name}: {address!r} is not host:port, such as 0.0.0.0:1514"
    if not _is_timezone(syslog.timezone):
        yield f"syslog.timezone: {syslog.timezone!r} is no time zone that this machine knows"


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
