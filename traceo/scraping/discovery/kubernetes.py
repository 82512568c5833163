"""`kubernetes_sd_configs`: targets from Kubernetes' API, of all of Prometheus' roles.

The API is spoken over plain HTTP, without a client library: lists and watches are all that is needed of it.
"""

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import yaml

from traceo.config import kubernetes_service
from traceo.errors import ConfigError
from traceo.scraping.discovery.groups import Put
from traceo.scraping.discovery.kube_targets import ROLES, Cluster, find_groups
from traceo.scraping.discovery.kube_watch import Watch
from traceo.scraping.http_client import HttpConfig, Secret, Tls, is_url, make_client, take_http_config
from traceo.yamltree import Fields, read_choice, read_list, read_text

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PREFIXES = {"endpointslices": "/apis/discovery.k8s.io/v1", "ingresses": "/apis/networking.k8s.io/v1"}
GLOBAL = ("nodes", "namespaces")  # kinds whose objects belong to no namespace
# The kinds that a role needs beside its own, and the role whose selector goes with each.
BESIDE = {"endpoints": ("services", "pods"), "endpointslice": ("services", "pods")}
SELECTED_BY = {kind: role for role, (kind, _) in ROLES.items()}
PAUSE_S = 0.5  # between two tellings


@dataclass(frozen=True, slots=True)
class Selector:
    """Which objects of a role."""

    role: str
    label: str
    field: str


@dataclass(frozen=True, slots=True)
class KubernetesTargets:
    """One role in a cluster. `api_server` and `kubeconfig` empty: the cluster that Traceo runs in."""

    role: str
    api_server: str
    kubeconfig: str
    own_namespace: bool
    namespaces: tuple[str, ...]
    selectors: tuple[Selector, ...]
    with_nodes: bool
    with_namespaces: bool
    http: HttpConfig

    async def run(self, put: Put) -> None:
        """Tell all groups when everything was listed, and after changes."""
        server, http = await asyncio.to_thread(self._find_server)
        cluster, changed = Cluster(), asyncio.Event()
        async with make_client(http) as client:
            client.base_url = httpx.URL(server)
            watches = [
                Watch(client, path, self._params(kind), cluster.objects.setdefault(kind, {}), changed.set)
                for kind, path in self._paths()
            ]
            async with asyncio.TaskGroup() as group:
                for watch in watches:
                    group.create_task(watch.run())
                while True:
                    await changed.wait()
                    changed.clear()
                    if all(watch.complete for watch in watches):
                        put(find_groups(self.role, cluster))
                    await asyncio.sleep(PAUSE_S)

    def _paths(self) -> Iterator[tuple[str, str]]:
        kinds = [ROLES[self.role][0], *BESIDE.get(self.role, ())]
        kinds += ["nodes"] if self.with_nodes else []
        kinds += ["namespaces"] if self.with_namespaces else []
        for kind in kinds:
            prefix = PREFIXES.get(kind, "/api/v1")
            for namespace in self._spaces() if kind not in GLOBAL else ():
                yield kind, f"{prefix}/namespaces/{namespace}/{kind}"
            if kind in GLOBAL or not self._spaces():
                yield kind, f"{prefix}/{kind}"

    def _spaces(self) -> tuple[str, ...]:
        own = ((ACCOUNT / "namespace").read_text(encoding="utf-8").strip(),) if self.own_namespace else ()
        return own + self.namespaces

    def _params(self, kind: str) -> dict[str, str]:
        role = SELECTED_BY.get(kind, "")
        found = next((selector for selector in self.selectors if selector.role == role), None)
        if not found:
            return {}
        return {name: text for name, text in (("labelSelector", found.label), ("fieldSelector", found.field)) if text}

    def _find_server(self) -> tuple[str, HttpConfig]:
        """Its URL and how to call it. Raises ConfigError and OSError."""
        if self.kubeconfig:
            return _read_kubeconfig(Path(self.kubeconfig), self.http)
        if self.api_server:
            return self.api_server, self.http
        host, port = kubernetes_service()
        if not host:
            raise ConfigError("kubernetes_sd_configs without api_server or kubeconfig_file works in a cluster only")
        ca, token = Secret(path=str(ACCOUNT / "ca.crt")), Secret(path=str(ACCOUNT / "token"))
        address = f"[{host}]" if ":" in host else host
        return f"https://{address}:{port}", replace(self.http, tls=Tls(ca=ca), credentials=token)


def _read_kubeconfig(path: Path, http: HttpConfig) -> tuple[str, HttpConfig]:
    """The current context of a kubeconfig: tokens and certificates; plugins that make credentials are refused."""
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        context = _entry(tree["contexts"], tree["current-context"])["context"]
        cluster = _entry(tree["clusters"], context["cluster"])["cluster"]
        user = _entry(tree["users"], context["user"])["user"]
        if "exec" in user or "auth-provider" in user:
            raise ConfigError(f"{path}: a user with exec or auth-provider is not supported: use a token")
        tls = Tls(
            ca=_secret(cluster, "certificate-authority", path),
            cert=_secret(user, "client-certificate", path),
            key=_secret(user, "client-key", path),
            server_name=cluster.get("tls-server-name", ""),
            insecure_skip_verify=bool(cluster.get("insecure-skip-tls-verify")),
        )
        token = Secret(user.get("token", ""), _absolute(user.get("tokenFile", ""), path))
        name, password = Secret(user.get("username", "")), Secret(user.get("password", ""))
        return cluster["server"], replace(http, tls=tls, credentials=token, username=name, password=password)
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is not a kubeconfig: {type(error).__name__}: {error}") from error


def _entry(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next((row for row in rows if row["name"] == name), {})


def _secret(row: dict[str, Any], name: str, path: Path) -> Secret:
    data = row.get(f"{name}-data", "")
    return Secret(base64.b64decode(data).decode() if data else "", _absolute(row.get(name, ""), path))


def _absolute(name: str, path: Path) -> str:
    return str((path.parent / name).absolute()) if name else ""


NO_NAMESPACES: tuple[bool, tuple[str, ...]] = (False, ())


def read_kubernetes(fields: Fields) -> KubernetesTargets:
    """Raises ConfigError."""
    role = fields.need("role", read_choice(*ROLES))
    own, names = fields.take("namespaces", _read_namespaces, NO_NAMESPACES)
    nodes, spaces = fields.take("attach_metadata", _read_attach, (False, False))
    selectors: tuple[Selector, ...] = fields.take("selectors", read_list(_read_selector), ())
    server, kubeconfig = fields.text("api_server"), fields.file("kubeconfig_file")
    http = take_http_config(fields)
    fields.finish()
    if server and kubeconfig:
        fields.fail("at most one of api_server and kubeconfig_file may be given")
    if server and not is_url(server):
        fields.fail(f"api_server: expected a URL of http or https, got {server!r}")
    if not server and http != HttpConfig():
        fields.fail("an HTTP client's settings need an api_server: a cluster's own and a kubeconfig have theirs")
    allowed = {role, *(SELECTED_BY[kind] for kind in BESIDE.get(role, ()))} | ({"node"} if nodes else set())
    for selector in selectors:
        if selector.role not in allowed:
            fields.fail(f"role {role} takes selectors for {', '.join(sorted(allowed))}, not for {selector.role}")
    return KubernetesTargets(role, server, kubeconfig, own, names, selectors, nodes, spaces, http)


def _read_namespaces(node: yaml.Node, path: str) -> tuple[bool, tuple[str, ...]]:
    fields = Fields(node, path, Path())
    found = fields.flag("own_namespace"), fields.texts("names")
    fields.finish()
    return found


def _read_attach(node: yaml.Node, path: str) -> tuple[bool, bool]:
    fields = Fields(node, path, Path())
    found = fields.flag("node"), fields.flag("namespace")
    fields.finish()
    return found


def _read_selector(node: yaml.Node, path: str) -> Selector:
    fields = Fields(node, path, Path())
    found = Selector(fields.need("role", read_text), fields.text("label"), fields.text("field"))
    fields.finish()
    return found
