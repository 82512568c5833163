"""What of the map is shown: what lies around a node, what has a health, groups in the place of their services."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from traceo.errors import NotFound
from traceo.query.run import Row

MAX_HOPS = 10
GROUPINGS = ("namespace", "team", "version")
COUNTS = ("requests", "errors", "rate_per_s")
K = TypeVar("K")
Health = Callable[[int, float], str]


@dataclass(frozen=True, slots=True)
class MapView:
    """All of the map, or what lies around `focus`: a node's id, or the name of a service.

    Around it are nodes `hops` calls away in any direction; with `up` or `down`, callers of callers so far up, and
    what is called so far down (`hops`, where one of them is None). `health` and `edge_health` show only what has it.
    """

    focus: str = ""
    hops: int = 2
    up: int | None = None
    down: int | None = None
    health: str = ""
    edge_health: str = ""
    group_by: str = ""  # one of GROUPINGS


def apply_view(nodes: dict[str, Row], edges: list[Row], view: MapView) -> tuple[dict[str, Row], list[Row]]:
    """The nodes and edges that are shown. Raises NotFound for a focus that is not on the map."""
    if view.focus:
        near = _near(_find(view.focus, nodes), edges, view)
        nodes = {key: node for key, node in nodes.items() if key in near}
    if view.health:
        nodes = {key: node for key, node in nodes.items() if node["health"] == view.health}
    shown = [edge for edge in edges if edge["source"] in nodes and edge["target"] in nodes]
    if view.edge_health:
        shown = [edge for edge in shown if edge["health"] == view.edge_health]
        ends = {edge[end] for edge in shown for end in ("source", "target")}
        nodes = {key: node for key, node in nodes.items() if key in ends}
    return nodes, shown


def _find(focus: str, nodes: Mapping[str, Row]) -> str:
    """Its id; that of its group, where services are in groups."""
    for key in (focus, f"service:{focus}"):
        if key in nodes:
            return key
    name = focus.removeprefix("service:")
    for key, node in nodes.items():
        if name in node["members"]:
            return key
    raise NotFound(f"{focus[:200]!r} is not on the map of this time range")


def _near(focus: str, edges: Iterable[Row], view: MapView) -> set[str]:
    callees, callers = _neighbours(edges, "source", "target"), _neighbours(edges, "target", "source")
    if view.up is None and view.down is None:
        around = {key: callees.get(key, set()) | callers.get(key, set()) for key in {*callees, *callers}}
        return _within(focus, around, view.hops)
    up, down = (view.hops if hops is None else hops for hops in (view.up, view.down))
    return _within(focus, callers, up) | _within(focus, callees, down)


def _neighbours(edges: Iterable[Row], first: str, second: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for edge in edges:
        found.setdefault(edge[first], set()).add(edge[second])
    return found


def _within(focus: str, neighbours: Mapping[str, set[str]], hops: int) -> set[str]:
    """Ids at most `hops` steps away."""
    seen, waiting = {focus: 0}, deque([focus])
    while waiting:
        current = waiting.popleft()
        for other in neighbours.get(current, ()) if seen[current] < hops else ():
            if other not in seen:
                seen[other] = seen[current] + 1
                waiting.append(other)
    return set(seen)


def group_map(
    nodes: Mapping[str, Row], edges: Iterable[Row], groups: Mapping[str, str], health_of: Health
) -> tuple[dict[str, Row], list[Row]]:
    """Groups in the place of services; figures are added up, latencies are those of the busiest.

    Calls within a group are not shown. A service of which `groups` says nothing is in the group "".
    """
    grouped: dict[str, Row] = {}
    places: dict[str, str] = {}
    for key, node in sorted(nodes.items(), key=lambda item: -item[1]["requests"]):
        if node["type"] != "service":
            grouped[key], places[key] = node, key
            continue
        name = groups.get(node["name"], "")
        places[key] = f"group:{name}"
        row = {**node, "id": places[key], "type": "group", "name": name, "members": [node["name"]]}
        _merge(grouped, places[key], row, health_of)
    merged: dict[tuple[str, str, str], Row] = {}
    for edge in edges:
        source, target = places[edge["source"]], places[edge["target"]]
        if source != target:
            row = {**edge, "source": source, "target": target}
            _merge(merged, (source, target, edge["kind"]), row, health_of)
    return grouped, list(merged.values())


def _merge(rows: dict[K, Row], key: K, row: Row, health_of: Health) -> None:
    known = rows.setdefault(key, row)
    if known is row:
        return
    for name in COUNTS:
        known[name] += row[name]
    known["error_ratio"] = known["errors"] / known["requests"] if known["requests"] else 0.0
    known["health"] = health_of(known["requests"], known["error_ratio"])
    if "members" in row:
        known["members"] += row["members"]
