"""Grafana's templating and annotations as variables and annotations."""

import re
from collections.abc import Iterator
from typing import Literal

from traceo.dashboards.foreign import Foreign, Report
from traceo.dashboards.grafana_queries import Translator, modern
from traceo.dashboards.model import (
    MAX_ANNOTATIONS,
    MAX_VALUES,
    MAX_VARIABLES,
    VARIABLE_PATTERN,
    Annotation,
    Variable,
    VariableKind,
)

KINDS: dict[str, VariableKind] = {
    "query": "query",
    "custom": "custom",
    "interval": "interval",
    "textbox": "text",
    "constant": "constant",
}
ALL_VALUES = ("$__all", "All")
DURATION = re.compile(r"[0-9]{1,6}(ms|[smhdw])", re.ASCII)
FORM = re.compile(r"\s*(label_values|label_names|metrics|query_result)\s*\(", re.ASCII)


def variable_names(board: Foreign) -> set[str]:
    """What queries may name."""
    return {item.text("name") for item in board.node("templating").nodes("list")}


def translate_variables(board: Foreign, report: Report, translator: Translator) -> Iterator[Variable]:
    """Those that can be taken."""
    seen: set[str] = set()
    for item in board.node("templating").nodes("list"):
        name, kind = item.text("name"), item.text("type")
        if kind == "datasource":
            report.add(item.place, f"${name}", "a choice of data sources is not needed: there is one of each language")
        elif not re.fullmatch(VARIABLE_PATTERN, name) or name in seen or len(seen) >= MAX_VARIABLES:
            report.add(item.place, f"${name}", "the name is not possible or given twice, or there are too many")
        elif kind not in KINDS:
            report.add(item.place, f"${name}", f"variables of type {kind or 'none'} are not known")
        elif found := _variable(item, name, KINDS[kind], report, translator):
            seen.add(name)
            yield found


def _variable(item: Foreign, name: str, kind: VariableKind, report: Report, translator: Translator) -> Variable | None:
    language, source = translator.language(item)
    query = item.lines("query") or item.node("query").lines("query") or item.lines("definition")
    if kind == "query":
        if language not in ("promql", "logql"):
            report.add(item.place, f"${name}", f"values of the data source {source} cannot be asked for")
            return None
        query = _label_query(item, query)
        if not FORM.match(query):
            report.add(
                item.at("query"), f"${name}", "expected label_values(…), label_names(), metrics(…) or query_result(…)"
            )
            return None
    values, chosen = _values(item, kind, query), item.node("current").texts("value")
    if kind in ("custom", "interval") and not values:
        report.add(item.at("query"), f"${name}", "it has no values")
        return None
    if item.text("allValue"):
        report.add(item.at("allValue"), f"${name}", "All stands for every value that there is, not for a pattern")
    if kind in ("text", "constant"):
        chosen = [query] if query else chosen[:1]
    return Variable(
        kind,
        name,
        item.text("label"),
        "logql" if language == "logql" else "promql",
        modern(query) if kind == "query" else "",
        _pattern(item),
        tuple(values),
        item.flag("multi"),
        item.flag("includeAll"),
        tuple(value for value in chosen if value not in ALL_VALUES)[:MAX_VALUES],
    )


def _label_query(item: Foreign, query: str) -> str:
    """Loki's form has fields where Prometheus' has a text."""
    form = item.node("query")
    if form.text("label"):
        stream = form.lines("stream")
        return f"label_values({stream}, {form.text('label')})" if stream else f"label_values({form.text('label')})"
    return query.strip()


def _values(item: Foreign, kind: VariableKind, query: str) -> list[str]:
    if kind not in ("custom", "interval"):
        return []
    listed = [part.text("value") for part in item.nodes("options")] or re.split(r"(?<!\\),", query)
    cleaned = [value.strip().rpartition(" : ")[2].replace("\\,", ",").strip() for value in listed]
    wanted = [value for value in cleaned if value and value not in ALL_VALUES]
    if kind == "interval":
        wanted = [value for value in wanted if DURATION.fullmatch(value)]
    return list(dict.fromkeys(wanted))[:MAX_VALUES]


def _pattern(item: Foreign) -> str:
    pattern = item.text("regex", 500)
    bare = re.fullmatch(r"/(.*)/[a-z]*", pattern)
    return bare[1] if bare else pattern


def translate_annotations(board: Foreign, report: Report, translator: Translator) -> Iterator[Annotation]:
    """Those that ask Prometheus or Loki."""
    count = 0
    for item in board.node("annotations").nodes("list"):
        name, query = item.text("name") or "annotation", item.lines("expr") or item.node("target").lines("expr")
        if item.value.get("builtIn") or item.text("type") in ("dashboard", "tags"):
            continue  # what people wrote into that Grafana by hand
        language, _ = translator.language(item)
        if language not in ("promql", "logql") or not query.strip() or count >= MAX_ANNOTATIONS:
            report.add(item.place, name, "only annotations of a query in Prometheus or Loki are taken")
            continue
        count += 1
        text = translator.text(item.place, name, language, query)
        kind: Literal["logql", "promql"] = "logql" if language == "logql" else "promql"
        yield Annotation(kind, name, text, item.value.get("enable") is not False)
