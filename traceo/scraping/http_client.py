"""How to call a target or a discovery server: Prometheus' HTTP client settings, and an httpx client made of them.

Secrets in files are read again for each request, certificates for each client. Nothing of them is logged.
"""

import ssl
import tempfile
import time
import urllib.parse
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from traceo.yamltree import TEXTS, Fields, read_choice, read_map, read_text

USER_AGENT = "Traceo"
TLS_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
OWN_HEADERS = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
]


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as text or in a file; empty: none."""

    text: str = field(default="", repr=False)
    path: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.path)

    def read(self) -> str:
        """Raises OSError."""
        return Path(self.path).read_text(encoding="utf-8").strip() if self.path else self.text


@dataclass(frozen=True, slots=True)
class Tls:
    """`tls_config`. Certificates and the key are PEM."""

    ca: Secret = field(default_factory=Secret)
    cert: Secret = field(default_factory=Secret)
    key: Secret = field(default_factory=Secret)
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = ""
    max_version: str = ""


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy of a client; `skip`: hosts that are called without it, separated by commas."""

    url: str = ""
    skip: str = ""
    from_environment: bool = False
    headers: tuple[tuple[str, Secret], ...] = ()


@dataclass(frozen=True, slots=True)
class OAuth2:
    """`oauth2`: the client credentials grant."""

    client_id: str
    client_secret: Secret
    token_url: str
    scopes: tuple[str, ...]
    endpoint_params: dict[str, str]
    client: "HttpConfig"


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """The HTTP client settings of one scrape or discovery configuration. `headers`: those of `http_headers`."""

    username: Secret = field(default_factory=Secret)
    password: Secret = field(default_factory=Secret)
    auth_type: str = "Bearer"
    credentials: Secret = field(default_factory=Secret)
    oauth2: OAuth2 | None = None
    tls: Tls = field(default_factory=Tls)
    proxy: Proxy = field(default_factory=Proxy)
    follow_redirects: bool = True
    headers: tuple[tuple[str, Secret], ...] = ()


def take_http_config(fields: Fields) -> HttpConfig:
    """The HTTP client's fields out of those of a larger mapping. Raises ConfigError."""
    user, password = fields.take("basic_auth", lambda node, path: _read_basic(node, path, fields.base), NO_SECRETS)
    auth_type, credentials = fields.take(
        "authorization", lambda node, path: _read_authorization(node, path, fields.base), ("Bearer", Secret())
    )
    bearer = _take_secret(fields, "bearer_token", "bearer_token_file")
    oauth2 = fields.take("oauth2", lambda node, path: _read_oauth2(node, path, fields.base), None)
    if sum([bool(user), bool(credentials), bool(bearer), oauth2 is not None]) > 1:
        fields.fail("at most one of basic_auth, authorization, oauth2 and bearer_token may be given")
    fields.flag("enable_http2", True)
    return HttpConfig(
        username=user,
        password=password,
        auth_type=auth_type,
        credentials=credentials or bearer,
        oauth2=oauth2,
        tls=fields.take("tls_config", lambda node, path: _read_tls(node, path, fields.base), Tls()),
        follow_redirects=fields.flag("follow_redirects", True),
        headers=fields.take("http_headers", lambda node, path: _read_headers(node, path, fields.base), ()),
        proxy=_take_proxy(fields),
    )


NO_SECRETS = (Secret(), Secret())


def _take_secret(fields: Fields, name: str, file_name: str) -> Secret:
    text, path = fields.text(name), fields.file(file_name)
    if text and path:
        fields.fail(f"at most one of {name} and {file_name} may be given")
    return Secret(text, path)


def _take_proxy(fields: Fields) -> Proxy:
    url, skip = fields.text("proxy_url"), fields.text("no_proxy")
    by_environment = fields.flag("proxy_from_environment")
    headers: dict[str, tuple[str, ...]] = fields.take("proxy_connect_header", read_map(TEXTS), {})
    if by_environment and (url or skip):
        fields.fail("proxy_from_environment excludes proxy_url and no_proxy")
    if (skip or headers) and not (url or by_environment):
        fields.fail("no_proxy and proxy_connect_header need a proxy_url")
    pairs = tuple((name, Secret(value)) for name, values in headers.items() for value in values)
    return Proxy(url, skip, by_environment, pairs)


def _read_basic(node: yaml.Node, path: str, base: Path) -> tuple[Secret, Secret]:
    fields = Fields(node, path, base)
    found = _take_secret(fields, "username", "username_file"), _take_secret(fields, "password", "password_file")
    fields.finish()
    return found


def _read_authorization(node: yaml.Node, path: str, base: Path) -> tuple[str, Secret]:
    fields = Fields(node, path, base)
    kind = fields.text("type", "Bearer").strip()
    found = _take_secret(fields, "credentials", "credentials_file")
    fields.finish()
    if kind.lower() == "basic":
        fields.fail("type must not be basic: use basic_auth")
    return kind, found


def _read_oauth2(node: yaml.Node, path: str, base: Path) -> OAuth2:
    fields = Fields(node, path, base)
    client = HttpConfig(
        tls=fields.take("tls_config", lambda child, at: _read_tls(child, at, base), Tls()),
        proxy=_take_proxy(fields),
    )
    found = OAuth2(
        fields.need("client_id", read_text),
        _take_secret(fields, "client_secret", "client_secret_file"),
        fields.need("token_url", read_text),
        fields.texts("scopes"),
        fields.take("endpoint_params", read_map(read_text), {}),
        client,
    )
    fields.finish()
    return found


def _read_tls(node: yaml.Node, path: str, base: Path) -> Tls:
    fields = Fields(node, path, base)
    version = read_choice(*TLS_VERSIONS)
    found = Tls(
        _take_secret(fields, "ca", "ca_file"),
        _take_secret(fields, "cert", "cert_file"),
        _take_secret(fields, "key", "key_file"),
        fields.text("server_name"),
        fields.flag("insecure_skip_verify"),
        fields.take("min_version", version, ""),
        fields.take("max_version", version, ""),
    )
    fields.finish()
    if bool(found.cert) != bool(found.key):
        fields.fail("a client's certificate needs both cert and key")
    return found


def _read_headers(node: yaml.Node, path: str, base: Path) -> tuple[tuple[str, Secret], ...]:
    found = []
    for name, child in read_map(lambda value, at: value)(node, path).items():
        fields = Fields(child, f"{path}.{name}", base)
        if name.lower() in OWN_HEADERS:
            fields.fail("this header is not for configuration to set")
        texts = fields.texts("values") + fields.texts("secrets")
        files = fields.texts("files")
        fields.finish()
        found += [(name, Secret(text)) for text in texts] + [(name, Secret(path=str(base / file))) for file in files]
    return tuple(found)


class Authenticator(httpx.Auth):
    """Puts credentials and configured headers on each request; keeps the token of OAuth 2 until it expires."""

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._token, self._token_until = "", 0.0

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Raises OSError when a file with a secret cannot be read, httpx.HTTPError when no token is given."""
        config = self._config
        if config.username:
            basic = httpx.BasicAuth(config.username.read(), config.password.read())
            request = next(basic.auth_flow(request))
        elif config.credentials:
            request.headers["Authorization"] = f"{config.auth_type} {config.credentials.read()}"
        elif config.oauth2:
            request.headers["Authorization"] = f"Bearer {await self._fresh_token(config.oauth2)}"
        for name, secret in config.headers:
            request.headers[name] = secret.read()
        yield request

    async def _fresh_token(self, oauth2: OAuth2) -> str:
        """RFC 6749, section 4.4."""
        if time.monotonic() >= self._token_until:
            form = {"grant_type": "client_credentials", **oauth2.endpoint_params}
            if oauth2.scopes:
                form["scope"] = " ".join(oauth2.scopes)
            async with make_client(oauth2.client) as client:
                basic = (oauth2.client_id, oauth2.client_secret.read())
                answer = await client.post(oauth2.token_url, data=form, auth=basic)
            answer.raise_for_status()
            granted = answer.json()
            self._token = str(granted["access_token"])
            self._token_until = time.monotonic() + float(granted.get("expires_in", 3600)) * 0.9
        return self._token


def make_client(config: HttpConfig, timeout_s: float | None = 30.0) -> httpx.AsyncClient:
    """A client with these settings; the caller closes it. Raises OSError and ssl.SSLError for certificates."""
    context = _make_ssl_context(config.tls)
    proxy = None
    if config.proxy.url:
        headers = [(name, secret.read()) for name, secret in config.proxy.headers]
        to_proxy = context if config.proxy.url.startswith("https:") else None
        proxy = httpx.Proxy(config.proxy.url, headers=headers, ssl_context=to_proxy)
    direct = [name.strip() for name in config.proxy.skip.split(",") if name.strip()]
    return httpx.AsyncClient(
        verify=context,
        proxy=proxy,
        mounts={f"all://{host.removeprefix('.')}": httpx.AsyncHTTPTransport(verify=context) for host in direct},
        trust_env=config.proxy.from_environment,
        follow_redirects=config.follow_redirects,
        auth=Authenticator(config),
        headers={"User-Agent": USER_AGENT},
        timeout=timeout_s,
        limits=httpx.Limits(max_connections=None, keepalive_expiry=300),
    )


def extensions_of(config: HttpConfig) -> dict[str, str]:
    """What a request needs for `tls_config.server_name`."""
    return {"sni_hostname": config.tls.server_name} if config.tls.server_name else {}


def is_url(text: str) -> bool:
    """Whether it is an absolute URL of HTTP."""
    parts = urllib.parse.urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _make_ssl_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=tls.ca.read() if tls.ca else None)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.min_version:
        context.minimum_version = TLS_VERSIONS[tls.min_version]
    if tls.max_version:
        context.maximum_version = TLS_VERSIONS[tls.max_version]
    if tls.cert:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:  # OpenSSL takes them from a file only
            pair.write(f"{tls.key.read()}\n{tls.cert.read()}\n")
            pair.flush()
            context.load_cert_chain(pair.name)
    return context
