"""Kubernetes: the meta labels of each role, and how discovery follows an API that pages, ends and forgets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scraping.kube_api import TOKEN, KubeApi
from tests.scraping.targets import wait_for
from traceo.errors import ConfigError
from traceo.scraping.config import load_file
from traceo.scraping.discovery import kube_watch, kubernetes
from traceo.scraping.discovery.groups import Group
from traceo.scraping.discovery.kube_targets import Cluster, find_groups
from traceo.scraping.discovery.kubernetes import KubernetesTargets, read_kubernetes
from traceo.yamltree import Fields

M = "__meta_kubernetes_"
NODE = {
    "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "a"}},
    "spec": {"providerID": "aws:///n1"},
    "status": {
        "addresses": [{"type": "Hostname", "address": "n1.local"}, {"type": "InternalIP", "address": "10.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
    },
}
POD = {
    "metadata": {
        "name": "api-1", "namespace": "shop", "uid": "u1", "labels": {"app": "api"},
        "annotations": {"prometheus.io/port": "8"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "api", "controller": True}],
    },
    "spec": {
        "nodeName": "n1",
        "containers": [
            {"name": "main", "image": "api:1",
             "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 90}]},
            {"name": "side", "image": "side:1"},
        ],
        "initContainers": [{"name": "init", "image": "init:1"}],
    },
    "status": {
        "podIP": "10.1.0.1", "hostIP": "10.0.0.1", "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "main", "containerID": "containerd://abc"}],
    },
}  # fmt: skip
SERVICE = {
    "metadata": {"name": "api", "namespace": "shop", "labels": {"team": "x"}},
    "spec": {"type": "ClusterIP", "clusterIP": "10.9.0.1", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
}
REFERENCE = {"kind": "Pod", "name": "api-1", "namespace": "shop"}
ENDPOINTS = {
    "metadata": {"name": "api", "namespace": "shop"},
    "subsets": [{
        "addresses": [{"ip": "10.1.0.1", "nodeName": "n1", "targetRef": REFERENCE}],
        "notReadyAddresses": [{"ip": "10.1.0.2", "hostname": "h"}],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }],
}  # fmt: skip
SLICE = {
    "metadata": {"name": "api-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "api"}},
    "addressType": "IPv4",
    "endpoints": [{
        "addresses": ["10.1.0.1"], "conditions": {"ready": True, "serving": True, "terminating": False},
        "nodeName": "n1", "zone": "a", "targetRef": REFERENCE,
    }],
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
}  # fmt: skip
INGRESS = {
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "ingressClassName": "nginx", "tls": [{"hosts": ["*.example.com"]}],
        "rules": [{"host": "a.example.com", "http": {"paths": [{"path": "/x"}, {}]}}, {"host": "b.org"}],
    },
}  # fmt: skip
OBJECTS: dict[str, dict[str, Any]] = {
    "nodes": NODE, "pods": POD, "services": SERVICE, "endpoints": ENDPOINTS, "endpointslices": SLICE,
    "ingresses": INGRESS,
    "namespaces": {"metadata": {"name": "shop", "labels": {"env": "prod"}}},
}  # fmt: skip


def groups_of(role: str, *kinds: str) -> Group:
    cluster = Cluster()
    for kind in kinds:
        metadata = OBJECTS[kind]["metadata"]
        cluster.objects[kind] = {(metadata.get("namespace", ""), metadata["name"]): OBJECTS[kind]}
    (group,) = find_groups(role, cluster)
    return group


def meta(labels: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix(M): value for name, value in labels.items()}


def test_node() -> None:
    group = groups_of("node", "nodes")
    assert group.source == "node/n1"
    assert group.targets == ({"__address__": "10.0.0.1:10250", "instance": "n1"},)
    assert meta(group.labels) == {
        "node_name": "n1", "node_provider_id": "aws:///n1", "node_label_topology_kubernetes_io_zone": "a",
        "node_labelpresent_topology_kubernetes_io_zone": "true", "node_address_InternalIP": "10.0.0.1",
        "node_address_Hostname": "n1.local",
    }  # fmt: skip


def test_pod() -> None:
    group = groups_of("pod", "pods")
    assert [target["__address__"] for target in group.targets] == [
        "10.1.0.1:8080",
        "10.1.0.1:90",
        "10.1.0.1",
        "10.1.0.1",
    ]
    assert meta(group.targets[0]) == {
        "__address__": "10.1.0.1:8080", "pod_container_name": "main", "pod_container_image": "api:1",
        "pod_container_id": "containerd://abc", "pod_container_init": "false", "pod_container_port_name": "http",
        "pod_container_port_number": "8080", "pod_container_port_protocol": "TCP",
    }  # fmt: skip
    assert meta(group.targets[3])["pod_container_init"] == "true"
    assert meta(group.labels) == {
        "namespace": "shop", "pod_name": "api-1", "pod_ip": "10.1.0.1", "pod_ready": "true", "pod_phase": "Running",
        "pod_node_name": "n1", "pod_host_ip": "10.0.0.1", "pod_uid": "u1", "pod_controller_kind": "ReplicaSet",
        "pod_controller_name": "api", "pod_label_app": "api", "pod_labelpresent_app": "true",
        "pod_annotation_prometheus_io_port": "8", "pod_annotationpresent_prometheus_io_port": "true",
    }  # fmt: skip


def test_pod_with_the_metadata_of_its_node_and_namespace() -> None:
    labels = meta(groups_of("pod", "pods", "nodes", "namespaces").labels)
    assert (labels["node_name"], labels["node_label_topology_kubernetes_io_zone"]) == ("n1", "a")
    assert (labels["namespace"], labels["namespace_label_env"]) == ("shop", "prod")


def test_pod_without_address_has_no_targets() -> None:
    cluster = Cluster({"pods": {("shop", "api-1"): {**POD, "status": {"phase": "Pending"}}}})
    assert find_groups("pod", cluster)[0].targets == ()


def test_service() -> None:
    group = groups_of("service", "services")
    assert [meta(target) for target in group.targets] == [{
        "__address__": "api.shop.svc:80", "service_port_name": "http", "service_port_number": "80",
        "service_port_protocol": "TCP", "service_type": "ClusterIP", "service_cluster_ip": "10.9.0.1",
    }]  # fmt: skip
    assert meta(group.labels)["service_label_team"] == "x"


def test_endpoints_have_the_labels_of_service_and_pod_and_its_other_ports() -> None:
    group = groups_of("endpoints", "endpoints", "services", "pods")
    first, second, other = (meta(target) for target in group.targets)
    assert (
        meta(group.labels).items()
        >= {"endpoints_name": "api", "service_name": "api", "service_label_team": "x"}.items()
    )
    assert first.items() >= {
        "__address__": "10.1.0.1:8080", "endpoint_ready": "true", "endpoint_port_name": "http",
        "endpoint_port_protocol": "TCP", "endpoint_node_name": "n1", "endpoint_address_target_kind": "Pod",
        "endpoint_address_target_name": "api-1", "pod_name": "api-1", "pod_container_port_number": "8080",
    }.items()  # fmt: skip
    assert second == {
        "__address__": "10.1.0.2:8080", "endpoint_ready": "false", "endpoint_port_name": "http",
        "endpoint_port_protocol": "TCP", "endpoint_hostname": "h",
    }  # fmt: skip
    assert other.items() >= {"__address__": "10.1.0.1:90", "pod_name": "api-1", "pod_container_name": "main"}.items()


def test_endpointslice() -> None:
    group = groups_of("endpointslice", "endpointslices", "services", "pods")
    labels, target = meta(group.labels), meta(group.targets[0])
    assert labels.items() >= {
        "endpointslice_name": "api-x", "endpointslice_address_type": "IPv4", "service_name": "api",
        "endpointslice_label_kubernetes_io_service_name": "api",
    }.items()  # fmt: skip
    assert target.items() >= {
        "__address__": "10.1.0.1:8080", "endpointslice_port": "8080", "endpointslice_port_name": "http",
        "endpointslice_port_protocol": "TCP", "endpointslice_endpoint_conditions_ready": "true",
        "endpointslice_endpoint_conditions_serving": "true", "endpointslice_endpoint_conditions_terminating": "false",
        "endpointslice_endpoint_node_name": "n1", "endpointslice_endpoint_zone": "a",
        "endpointslice_address_target_kind": "Pod", "pod_name": "api-1", "pod_container_name": "main",
    }.items()  # fmt: skip


def test_ingress() -> None:
    group = groups_of("ingress", "ingresses")
    found = [(t["__address__"], *(t[f"{M}ingress_{n}"] for n in ("scheme", "host", "path"))) for t in group.targets]
    assert found == [
        ("a.example.com", "https", "a.example.com", "/x"),
        ("a.example.com", "https", "a.example.com", "/"),
        ("b.org", "http", "b.org", "/"),
    ]
    assert meta(group.labels)["ingress_class_name"] == "nginx"


Until = Callable[[str], Awaitable[None]]
Changes = Callable[[KubeApi, Until], Awaitable[None]]


def follow(
    config: dict[str, Any], change: Changes, *, prepare: Callable[[KubeApi], None] = lambda api: None
) -> KubeApi:
    """Discovery against an API; `change` may wait until a text is among the addresses that were told last."""

    async def run() -> KubeApi:
        told: list[Group] = []
        news = asyncio.Condition()

        def put(groups: Any) -> None:
            told[:] = groups
            asyncio.get_running_loop().create_task(notify())

        async def notify() -> None:
            async with news:
                news.notify_all()

        async def until(text: str) -> None:
            async with asyncio.timeout(10), news:
                await news.wait_for(lambda: " ".join(t["__address__"] for g in told for t in g.targets) == text)

        api = KubeApi()
        prepare(api)
        async with api.serve():
            server = {"api_server": f"http://{api.address}", "authorization": {"credentials": TOKEN}}
            root: Any = yaml.compose(json.dumps({**server, **config}))
            task = asyncio.create_task(read_kubernetes(Fields(root, "", Path())).run(put))
            try:
                await change(api, until)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return api

    return asyncio.run(run())


def pod(name: str, address: str, namespace: str = "shop") -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec, "status": {"podIP": address}}


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "PAUSE_S", 0)
    monkeypatch.setattr(kube_watch, "RETRY_S", (0.01,))


def three_pods(api: KubeApi) -> None:
    for number in (1, 2, 3):
        api.put("pods", pod(f"p{number}", f"10.0.0.{number}"))


def test_objects_are_listed_in_pages_and_then_followed() -> None:
    async def change(api: KubeApi, until: Until) -> None:
        await until("10.0.0.1:80 10.0.0.2:80 10.0.0.3:80")
        await wait_for(lambda: api.watches > 0)
        api.put("pods", pod("p2", "10.0.0.22"), "MODIFIED")
        await until("10.0.0.1:80 10.0.0.22:80 10.0.0.3:80")
        api.put("pods", pod("p1", ""), "DELETED")
        api.put("pods", pod("p4", "10.0.0.4"))
        await until("10.0.0.22:80 10.0.0.3:80 10.0.0.4:80")

    follow({"role": "pod"}, change, prepare=three_pods)


def test_watch_that_ends_goes_on_from_where_it_was() -> None:
    async def change(api: KubeApi, until: Until) -> None:
        await until("10.0.0.1:80 10.0.0.2:80 10.0.0.3:80")
        await wait_for(lambda: api.watches > 0)
        api.send({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "150"}}})
        api.send(None)
        await wait_for(lambda: api.watches > 1)

    api = follow({"role": "pod"}, change, prepare=three_pods)
    watches = [request for request in api.requests if "watch=true" in request]
    assert "resourceVersion=103" in watches[0] and "resourceVersion=150" in watches[1]


@pytest.mark.parametrize("how", ["as an event", "as a status"])
def test_version_that_is_forgotten_is_listed_again(how: str) -> None:
    async def change(api: KubeApi, until: Until) -> None:
        await until("10.0.0.1:80 10.0.0.2:80 10.0.0.3:80")
        await wait_for(lambda: api.watches > 0)
        watchers, api._watchers[:] = list(api._watchers), []
        api.put("pods", pod("p1", ""), "DELETED")  # nobody hears of it
        api.oldest = api.version if how == "as a status" else 0
        gone = {"type": "ERROR", "object": {"code": 410, "metadata": {}}} if how == "as an event" else None
        for watcher in watchers:
            api._watchers.append(watcher)
            watcher[2].put_nowait(gone)
        await until("10.0.0.2:80 10.0.0.3:80")

    follow({"role": "pod"}, change, prepare=three_pods)


def test_namespaces_and_selectors_go_into_the_request() -> None:
    async def change(api: KubeApi, until: Until) -> None:
        api.put("pods", pod("a", "10.0.0.1", "shop"))
        api.put("pods", pod("b", "10.0.0.2", "bank"))
        api.put("pods", pod("c", "10.0.0.3", "other"))
        await until("10.0.0.1:80 10.0.0.2:80")

    selectors = [{"role": "pod", "label": "app=api", "field": "status.phase=Running"}]
    api = follow({"role": "pod", "namespaces": {"names": ["shop", "bank"]}, "selectors": selectors}, change)
    lists = sorted(request for request in api.requests if "watch" not in request)
    assert [path.split("?")[0] for path in lists] == ["/api/v1/namespaces/bank/pods", "/api/v1/namespaces/shop/pods"]
    assert all("labelSelector=app%3Dapi&fieldSelector=status.phase%3DRunning" in path for path in lists)


def test_groups_are_told_when_all_kinds_are_known() -> None:
    async def change(api: KubeApi, until: Until) -> None:
        for kind, found in OBJECTS.items():
            api.put(kind, {**found})
        await until("10.1.0.1:8080 10.1.0.1:90")

    follow({"role": "endpointslice", "attach_metadata": {"node": True, "namespace": True}}, change)


def test_server_that_refuses_is_asked_again() -> None:
    async def change(api: KubeApi, until: Until) -> None:
        await wait_for(lambda: len(api.requests) > 2)

    api = follow({"role": "node", "authorization": {"credentials": "wrong"}}, change)
    assert api.watches == 0


def test_kubeconfig_says_where_and_how(tmp_path: Path) -> None:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": "https://k:6443", "certificate-authority-data": "Q0E="}}],
        "users": [{"name": "u", "user": {"tokenFile": "token"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    text = "scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod, kubeconfig_file: kubeconfig}]}]"
    (tmp_path / "p.yml").write_text(text)
    (provider,) = load_file(tmp_path / "p.yml").configs[0].providers
    assert isinstance(provider, KubernetesTargets)
    server, http = provider._find_server()
    assert (server, http.tls.ca.text, http.credentials.path) == ("https://k:6443", "CA", str(tmp_path / "token"))
    config["users"] = [{"name": "u", "user": {"exec": {}}}]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match="exec or auth-provider is not supported"):
        provider._find_server()


BAD = [
    ("{}", "role is missing"),
    ("{role: pods}", "expected one of node, pod, service"),
    ("{role: pod, api_server: k}", "expected a URL"),
    ("{role: pod, bearer_token: a}", "need an api_server"),
    ("{role: pod, api_server: 'http://k', kubeconfig_file: a}", "at most one of"),
    ("{role: pod, selectors: [{role: service}]}", "role pod takes selectors for pod, not for service"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message for _, message in BAD])
def test_wrong_configuration_is_refused(text: str, message: str) -> None:
    root: Any = yaml.compose(text)
    with pytest.raises(ConfigError, match=message):
        read_kubernetes(Fields(root, "", Path()))
