"""Groups of targets from Kubernetes' objects, with the meta labels that Prometheus documents for each role.

Objects are the API's JSON. Nothing here calls anybody.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from traceo.scraping.discovery.groups import ADDRESS, Group, Labels

META = "__meta_kubernetes_"
NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_]")
NODE_ADDRESSES = ("InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname")
SERVICE_NAME = "kubernetes.io/service-name"

Object = Mapping[str, Any]
Key = tuple[str, str]  # namespace, name


@dataclass(slots=True)
class Cluster:
    """All objects that are known, by kind (as the API's paths name it), namespace and name."""

    objects: dict[str, dict[Key, Object]] = field(default_factory=dict)

    def all(self, kind: str) -> list[Object]:
        """Those of a kind."""
        return list(self.objects.get(kind, {}).values())

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """One, if it is known."""
        return self.objects.get(kind, {}).get((namespace, name))


def find_groups(role: str, cluster: Cluster) -> list[Group]:
    """One group for each object of a role."""
    kind, make = ROLES[role]
    return [make(found, cluster) for found in cluster.all(kind)]


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _named(prefix: str, values: Mapping[str, Any]) -> Labels:
    return {f"{META}{prefix}_{name}": _text(value) for name, value in values.items() if value is not None}


def _describe(found: Object, prefix: str) -> Labels:
    """Name, labels and annotations of an object."""
    metadata = found["metadata"]
    labels = {f"{META}{prefix}_name": metadata["name"]}
    for kind, plural in (("label", "labels"), ("annotation", "annotations")):
        for name, value in (metadata.get(plural) or {}).items():
            safe = NOT_A_NAME.sub("_", name)
            labels[f"{META}{prefix}_{kind}_{safe}"] = value
            labels[f"{META}{prefix}_{kind}present_{safe}"] = "true"
    return labels


def _group(found: Object, role: str, targets: Iterator[Labels], labels: Labels, cluster: Cluster) -> Group:
    namespace = found["metadata"].get("namespace", "")
    if namespace:
        labels[f"{META}namespace"] = namespace
        space = cluster.get("namespaces", "", namespace)
        described = _describe(space, "namespace") if space else {}
        described.pop(f"{META}namespace_name", None)
        labels |= described
    source = "/".join(filter(None, [role, namespace, found["metadata"]["name"]]))
    return Group(source, tuple(targets), labels)


def _join(host: str, port: Any) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _node(found: Object, cluster: Cluster) -> Group:
    status = found.get("status", {})
    addresses: dict[str, str] = {}
    for row in status.get("addresses", []):
        addresses.setdefault(row["type"], row["address"])
    labels = _describe(found, "node") | _named("node", {"provider_id": found.get("spec", {}).get("providerID", "")})
    labels |= {f"{META}node_address_{NOT_A_NAME.sub('_', kind)}": address for kind, address in addresses.items()}
    port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port", 0)
    host = next((addresses[kind] for kind in NODE_ADDRESSES if kind in addresses), "")
    target = {ADDRESS: _join(host, port), "instance": found["metadata"]["name"]}
    return _group(found, "node", iter([target] if host else []), labels, cluster)


def _pod_labels(pod: Object, cluster: Cluster) -> Labels:
    spec, status, metadata = pod.get("spec", {}), pod.get("status", {}), pod["metadata"]
    ready = next((row["status"] for row in status.get("conditions", []) if row["type"] == "Ready"), "unknown")
    owner: Object = next((row for row in metadata.get("ownerReferences", []) if row.get("controller")), {})
    labels = _describe(pod, "pod") | _named(
        "pod",
        {
            "ip": status.get("podIP", ""),
            "ready": ready.lower(),
            "phase": status.get("phase", ""),
            "node_name": spec.get("nodeName", ""),
            "host_ip": status.get("hostIP", ""),
            "uid": metadata.get("uid", ""),
            "controller_kind": owner.get("kind"),
            "controller_name": owner.get("name"),
        },
    )
    return labels | _node_labels(spec.get("nodeName", ""), cluster)


def _node_labels(name: str, cluster: Cluster) -> Labels:
    node = cluster.get("nodes", "", name)
    return _describe(node, "node") if node else {}


def _containers(pod: Object) -> Iterator[tuple[Object, Labels]]:
    """Each container and its labels, those that only prepare the pod last."""
    spec, status = pod.get("spec", {}), pod.get("status", {})
    rows = [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]
    ids = {row["name"]: row.get("containerID", "") for row in rows}
    for kind, is_init in (("containers", False), ("initContainers", True)):
        for found in spec.get(kind) or []:
            facts = {"name": found["name"], "image": found.get("image", ""), "init": is_init}
            yield found, _named("pod_container", {**facts, "id": ids.get(found["name"], "")})


def _port_labels(port: Object) -> Labels:
    protocol, number = port.get("protocol", "TCP"), port["containerPort"]
    return _named("pod_container_port", {"name": port.get("name", ""), "number": number, "protocol": protocol})


def _pod(found: Object, cluster: Cluster) -> Group:
    return _group(found, "pod", _pod_targets(found), _pod_labels(found, cluster), cluster)


def _pod_targets(pod: Object) -> Iterator[Labels]:
    address = pod.get("status", {}).get("podIP", "")
    for container, labels in _containers(pod) if address else ():
        for port in container.get("ports") or []:
            yield {ADDRESS: _join(address, port["containerPort"]), **labels, **_port_labels(port)}
        if not container.get("ports"):
            yield {ADDRESS: address, **labels}


def _service(found: Object, cluster: Cluster) -> Group:
    return _group(found, "svc", _service_targets(found), _describe(found, "service"), cluster)


def _service_targets(service: Object) -> Iterator[Labels]:
    metadata, spec = service["metadata"], service.get("spec", {})
    kind = spec.get("type", "ClusterIP")
    facts: dict[str, Any] = {"type": kind, "loadbalancer_ip": spec.get("loadBalancerIP")}
    if kind == "ExternalName":
        facts["external_name"] = spec.get("externalName", "")
    else:
        facts["cluster_ip"] = spec.get("clusterIP", "")
    for port in spec.get("ports", []):
        names = {"name": port.get("name", ""), "number": port["port"], "protocol": port.get("protocol", "TCP")}
        address = f"{metadata['name']}.{metadata['namespace']}.svc:{port['port']}"
        yield {ADDRESS: address, **_named("service", facts), **_named("service_port", names)}


def _endpoints(found: Object, cluster: Cluster) -> Group:
    metadata = found["metadata"]
    labels = _describe(found, "endpoints") | _service_of(metadata["namespace"], metadata["name"], cluster)
    return _group(found, "endpoints", _endpoints_targets(found, cluster), labels, cluster)


def _service_of(namespace: str, name: str, cluster: Cluster) -> Labels:
    service = cluster.get("services", namespace, name)
    return _describe(service, "service") if service else {}


def _endpoints_targets(found: Object, cluster: Cluster) -> Iterator[Labels]:
    backing = _Backing(found["metadata"]["namespace"], cluster)
    for subset in found.get("subsets") or []:
        for port in subset.get("ports", []):
            for ready, rows in ((True, subset.get("addresses")), (False, subset.get("notReadyAddresses"))):
                for row in rows or []:
                    reference = row.get("targetRef") or {}
                    facts = {"port_name": port.get("name", ""), "port_protocol": port.get("protocol", "TCP")}
                    facts |= {"ready": ready, "node_name": row.get("nodeName"), "hostname": row.get("hostname")}
                    facts |= _target_of(reference)
                    labels = {ADDRESS: _join(row["ip"], port["port"]), **_named("endpoint", facts)}
                    yield labels | backing.labels_of(reference, row.get("nodeName") or "", port["port"])
    yield from backing.others()


def _target_of(reference: Object) -> dict[str, Any]:
    return {"address_target_kind": reference.get("kind"), "address_target_name": reference.get("name")}


def _slice(found: Object, cluster: Cluster) -> Group:
    metadata = found["metadata"]
    labels = _describe(found, "endpointslice")
    labels |= _service_of(metadata["namespace"], (metadata.get("labels") or {}).get(SERVICE_NAME, ""), cluster)
    labels |= _named("endpointslice", {"address_type": found.get("addressType", "")})
    return _group(found, "endpointslice", _slice_targets(found, cluster), labels, cluster)


def _slice_targets(found: Object, cluster: Cluster) -> Iterator[Labels]:
    backing = _Backing(found["metadata"]["namespace"], cluster)
    for port in found.get("ports") or []:
        ports = {"port_name": port.get("name"), "port_protocol": port.get("protocol"), "port": port.get("port")}
        ports["port_app_protocol"] = port.get("appProtocol")
        for row in found.get("endpoints") or []:
            labels = _named("endpointslice", ports) | _slice_endpoint(row)
            for address in row.get("addresses", []):
                more = backing.labels_of(row.get("targetRef") or {}, row.get("nodeName") or "", port.get("port"))
                yield {ADDRESS: _join(address, port.get("port", 0)), **labels, **more}
    yield from backing.others()


def _slice_endpoint(row: Object) -> Labels:
    conditions, reference = row.get("conditions") or {}, row.get("targetRef") or {}
    facts = {f"endpoint_conditions_{name}": conditions.get(name) for name in ("ready", "serving", "terminating")}
    facts |= {"endpoint_hostname": row.get("hostname"), "endpoint_node_name": row.get("nodeName")}
    facts |= {"endpoint_zone": row.get("zone"), **_target_of(reference)}
    for name, value in (row.get("deprecatedTopology") or {}).items():
        safe = NOT_A_NAME.sub("_", name)
        facts |= {f"endpoint_topology_{safe}": value, f"endpoint_topology_present_{safe}": True}
    return _named("endpointslice", facts)


class _Backing:
    """The pods behind endpoints. Their ports that no endpoint names become targets too."""

    def __init__(self, namespace: str, cluster: Cluster) -> None:
        self._namespace = namespace
        self._cluster = cluster
        self._pods: dict[str, tuple[Object, set[Any]]] = {}

    def labels_of(self, reference: Object, node: str, port: Any) -> Labels:
        """Of the pod and the container behind an endpoint, and of its node."""
        kind, name = reference.get("kind"), reference.get("name", "")
        labels = _node_labels(node or (name if kind == "Node" else ""), self._cluster)
        name = name if kind == "Pod" else ""
        pod = self._cluster.get("pods", reference.get("namespace") or self._namespace, name)
        if pod is None:
            return labels
        self._pods.setdefault(name, (pod, set()))[1].add(port)
        labels |= _pod_labels(pod, self._cluster)
        for container, container_labels in _containers(pod):
            for own in container.get("ports") or []:
                if own["containerPort"] == port:
                    return labels | container_labels | _port_labels(own)
        return labels

    def others(self) -> Iterator[Labels]:
        """Targets of the other ports."""
        for pod, served in self._pods.values():
            address = pod.get("status", {}).get("podIP", "")
            for container, labels in _containers(pod):
                for port in container.get("ports") or []:
                    if port["containerPort"] not in served:
                        own = {ADDRESS: _join(address, port["containerPort"]), **labels, **_port_labels(port)}
                        yield _pod_labels(pod, self._cluster) | own


def _ingress(found: Object, cluster: Cluster) -> Group:
    labels = _describe(found, "ingress")
    labels |= _named("ingress", {"class_name": found.get("spec", {}).get("ingressClassName")})
    return _group(found, "ingress", _ingress_targets(found), labels, cluster)


def _ingress_targets(found: Object) -> Iterator[Labels]:
    spec = found.get("spec", {})
    secured = {host for tls in spec.get("tls") or [] for host in tls.get("hosts") or [""]}
    for rule in spec.get("rules") or []:
        host = rule.get("host", "")
        wildcard = f"*.{host.partition('.')[2]}"
        scheme = "https" if secured & {host, wildcard, ""} else "http"
        for row in (rule.get("http") or {}).get("paths") or [{}]:
            facts = {"scheme": scheme, "host": host, "path": row.get("path") or "/"}
            yield {ADDRESS: host, **_named("ingress", facts)}


# Of each role: the kind of its objects, and how one becomes a group.
ROLES: dict[str, tuple[str, Callable[[Object, Cluster], Group]]] = {
    "node": ("nodes", _node),
    "pod": ("pods", _pod),
    "service": ("services", _service),
    "endpoints": ("endpoints", _endpoints),
    "endpointslice": ("endpointslices", _slice),
    "ingress": ("ingresses", _ingress),
}
