"""`clickhouse://user:password@host1:8123,host2/database?cluster=name&secure=true`: where a ClickHouse cluster is."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import parse_qsl, unquote, urlsplit

from traceo.errors import ConfigError

SCHEME = "clickhouse"
DEFAULT_DATABASE = "traceo"
HTTP_PORT, HTTPS_PORT = 8123, 8443
OPTIONS = ("cluster", "secure", "verify", "ca_cert")
TRUTH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Host:
    """One HTTP endpoint of a node."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class ClusterUrl:
    """A parsed store URL. `cluster` is empty for a single server; `verify` and `ca_cert` matter when `secure`."""

    hosts: tuple[Host, ...]
    database: str = DEFAULT_DATABASE
    user: str = "default"
    password: str = field(default="", repr=False)
    cluster: str = ""
    secure: bool = False
    verify: bool = True
    ca_cert: str = ""

    @property
    def default_port(self) -> int:
        """The port of a host that names none."""
        return HTTPS_PORT if self.secure else HTTP_PORT

    def base_url(self, host: Host) -> str:
        """Where a node's HTTP interface listens."""
        return f"{'https' if self.secure else 'http'}://{host}/"

    def tls(self) -> ssl.SSLContext | bool:
        """How the server's certificate is checked. Raises ConfigError for a `ca_cert` that cannot be read."""
        if not self.secure:
            return False
        try:
            context = ssl.create_default_context(cafile=self.ca_cert or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"store.url: ca_cert {self.ca_cert!r} cannot be read: {error}") from error
        if not self.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


def parse_cluster_url(url: str) -> ClusterUrl:
    """Read a store URL. Raises ConfigError, which never shows the password."""
    parts = urlsplit(url)
    if parts.scheme != SCHEME:
        raise ConfigError(f"store.url must begin with {SCHEME}://, not {parts.scheme!r}")
    options = _parse_options(parts.query)
    secure = _parse_flag(options, "secure", default=False)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    return ClusterUrl(
        hosts=tuple(parse_host(text, HTTPS_PORT if secure else HTTP_PORT) for text in hosts.split(",")),
        database=unquote(parts.path.strip("/")) or DEFAULT_DATABASE,
        user=unquote(user) or "default",
        password=unquote(password),
        cluster=options.get("cluster", ""),
        secure=secure,
        verify=_parse_flag(options, "verify", default=True),
        ca_cert=options.get("ca_cert", ""),
    )


def _parse_options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in OPTIONS:
            nearest = get_close_matches(name, OPTIONS, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(OPTIONS)}"
            raise ConfigError(f"store.url: unknown option {name!r}; {hint}")
    return options


def _parse_flag(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = options.get(name)
    if text is None:
        return default
    if text.lower() not in TRUTH:
        raise ConfigError(f"store.url: {name} must be true or false, not {text!r}")
    return TRUTH[text.lower()]


def parse_host(text: str, default_port: int) -> Host:
    """`host`, `host:port` or `[IPv6]:port`; `urlsplit` reads each of them, but one at a time only."""
    try:
        parts = urlsplit(f"//{text}")
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"store.url: {text!r} is not a host or host:port: {error}") from error
    if not name:
        raise ConfigError("store.url: a host is missing")
    return Host(name, default_port if port is None else port)
