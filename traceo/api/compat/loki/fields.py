"""Fields and labels that Grafana's log views offer: found in a sample of the newest lines, and in labels of streams."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from traceo.api.compat.loki.answer import LokiRoute, answer_json
from traceo.api.compat.loki.labels import GET_POST
from traceo.api.compat.loki.language import parse_lines, parse_selector, placed
from traceo.api.compat.loki.params import GO_DURATION, ParamsOf, read_bounds, read_limit
from traceo.api.compat.prometheus.params import Params
from traceo.api.compat.prometheus.waiting import while_connected
from traceo.api.depends import QueriesOf, Tenant
from traceo.query.log_streams import find_streams
from traceo.query.logql.evaluate import Line, query_logs
from traceo.query.run import Queries

FIELDS, LINES, MAX_LINES = 1000, 1000, 5000
LONGEST = 64 << 10  # characters of a line that are looked at
MAX_DEPTH = 8
LOGFMT = re.compile(r'([^\s="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))')
WHOLE, DECIMAL = re.compile(r"[+-]?\d{1,18}", re.ASCII), re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
SIZE = re.compile(r"\d+(\.\d+)?\s?([kKMGTP]i?)?B")
ID = re.compile(r"[0-9]+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
STATIC = ("cluster", "namespace", "instance", "pod")  # are offered whatever their values
router = APIRouter(route_class=LokiRoute)


@dataclass(slots=True)
class Field:
    """A field of lines: its values, and which parsers found it (none: structured metadata)."""

    values: set[str] = field(default_factory=set)
    parsers: set[str] = field(default_factory=set)


@router.api_route("/detected_fields", methods=GET_POST)
async def get_fields(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Fields of the newest lines, most values first."""
    limit = read_limit(params, FIELDS)
    found = await _find(request, params, queries, tenant)
    order = sorted(found.items(), key=lambda item: (-len(item[1].values), item[0]))
    shown = [
        {
            "label": name,
            "type": _type_of(one.values),
            "cardinality": len(one.values),
            "parsers": sorted(one.parsers) or None,
            **({"jsonPath": [name]} if "json" in one.parsers else {}),
        }
        for name, one in order[:limit]
    ]
    return answer_json({"fields": shown, "limit": limit})


@router.api_route("/detected_field/{name}/values", methods=GET_POST)
async def get_field_values(
    name: str, request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant
) -> Response:
    """Values of a field in the newest lines."""
    limit = read_limit(params, FIELDS)
    found = (await _find(request, params, queries, tenant)).get(name, Field())
    return answer_json({"values": sorted(found.values)[:limit], "limit": limit})


@router.api_route("/detected_labels", methods=GET_POST)
async def get_labels(request: Request, params: ParamsOf, queries: QueriesOf, tenant: Tenant) -> Response:
    """Labels of streams with the number of their values, without those whose values are all ids."""
    matchers = parse_selector(params.get("query"), may_be_open=True)
    streams = await while_connected(request, find_streams(queries, tenant, read_bounds(params), [matchers]))
    values: dict[str, set[str]] = defaultdict(set)
    for stream in streams:
        for name, value in stream.labels.items():
            values[name].add(value)
    useful = {name: found for name, found in values.items() if name in STATIC or not all(map(ID.fullmatch, found))}
    order = sorted(useful.items())
    return answer_json({"detectedLabels": [{"label": name, "cardinality": len(found)} for name, found in order]})


async def _find(request: Request, params: Params, queries: Queries, tenant: str) -> dict[str, Field]:
    lines = min(read_limit(params, LINES, "line_limit"), MAX_LINES)
    text, between = params.get("query"), read_bounds(params)
    parse_lines(text)
    with placed(text):
        answer = await while_connected(request, query_logs(queries, tenant, text, between, limit=lines))
    return detect_fields(answer.lines)


def detect_fields(lines: list[Line]) -> dict[str, Field]:
    """Structured metadata, and fields of JSON and logfmt lines; one that a label hides is `name_extracted`."""
    found: dict[str, Field] = defaultdict(Field)
    for line in lines:
        for name, value in line.metadata.items():
            found[name].values.add(value)
        parser, parsed = parse_fields(line.text)
        for name, value in parsed.items():
            shown = f"{name}_extracted" if name in line.labels else name
            found[shown].values.add(value)
            found[shown].parsers.add(parser)
    return dict(found)


def parse_fields(text: str) -> tuple[str, dict[str, str]]:
    """Which parser reads a line, and the fields that it finds."""
    if len(text) > LONGEST:
        return "", {}
    if text.lstrip().startswith("{"):
        try:
            tree = orjson.loads(text)
        except orjson.JSONDecodeError:
            return "", {}
        fields: dict[str, str] = {}
        _flatten(tree, "", fields, 0)
        return "json", fields
    pairs = {_label(match[1]): _unescape(match) for match in LOGFMT.finditer(text)}
    return "logfmt", {name: value for name, value in pairs.items() if name and value}


def _flatten(tree: Any, prefix: str, fields: dict[str, str], depth: int) -> None:
    """Nested objects' names are joined by `_`; lists are left out, as by Loki's parser."""
    for key, value in tree.items():
        name = f"{prefix}_{_label(key)}" if prefix else _label(key)
        if isinstance(value, dict):
            if depth < MAX_DEPTH:
                _flatten(value, name, fields, depth + 1)
        elif value is not None and not isinstance(value, list):
            fields[name] = value if isinstance(value, str) else orjson.dumps(value).decode()


def _label(name: str) -> str:
    clean = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return f"_{clean}" if clean[:1].isdigit() else clean


def _unescape(match: re.Match[str]) -> str:
    return match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])


def _type_of(values: set[str]) -> str:
    """What all values are, as Loki names it."""
    for name, is_one in (
        ("int", WHOLE.fullmatch),
        ("float", lambda text: WHOLE.fullmatch(text) or DECIMAL.fullmatch(text)),
        ("boolean", lambda text: text in ("true", "false")),
        ("duration", GO_DURATION.fullmatch),
        ("bytes", SIZE.fullmatch),
    ):
        if values and all(map(is_one, values)):
            return name
    return "string"
