"""Targets of Grafana's panels as queries: which language, which variables, and whether Traceo can parse them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from traceo.dashboards.foreign import Foreign, Report
from traceo.dashboards.model import MAX_QUERIES, Language, PanelQuery
from traceo.errors import QueryError
from traceo.query.logql.parser import parse_logql
from traceo.query.promql.parser import parse_promql
from traceo.query.traceql.parser import parse_series

SOURCES: dict[str, Language] = {"prometheus": "promql", "loki": "logql", "tempo": "traceql"}
PARSERS: dict[Language, Callable[[str], Any]] = {"promql": parse_promql, "logql": parse_logql, "traceql": parse_series}
KNOWN = {"interval", "interval_ms", "rate_interval", "range", "range_s", "range_ms", "from", "to"}
VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]|\$(\w+)", re.ASCII)
FORMATS = ("", "regex", "pipe", "raw", "text")
STAND_INS = ("5m", "1", "x")  # of a variable that is a duration, a number, a name
SPANS_OVER_TIME = re.compile(r"\|\s*(rate|compare|\w+_over_time)\s*\(", re.ASCII)


class Translator:
    """Queries of one dashboard. `inputs`: what `${DS_X}` of a shared export stands for."""

    def __init__(self, report: Report, variables: set[str], inputs: Mapping[str, str]) -> None:
        self._report, self._variables, self._inputs = report, variables, inputs

    def queries(self, panel: Foreign) -> Iterator[PanelQuery]:
        """Those of a panel that can be asked."""
        title, count = panel.text("title"), 0
        for target in panel.nodes("targets"):
            if target.flag("hide"):
                self._report.add(target.place, title, "a hidden query was left out")
                continue
            found = self._query(target, panel, title)
            count += bool(found)
            if found and count <= MAX_QUERIES:
                yield found
        if count > MAX_QUERIES:
            self._report.add(panel.at("targets"), title, f"of {count} queries the first {MAX_QUERIES} were taken")

    def language(self, *nodes: Foreign) -> tuple[Language | None, str]:
        """The language of the first data source that is told, and what it was called; ("promql" and "": not told)."""
        for node in nodes:
            source = node.node("datasource")
            said = source.text("type") or source.text("uid") if source else node.text("datasource")
            if not said or said.startswith("-- "):  # `-- Mixed --` and the like
                continue
            name = re.sub(r"[${}]", "", said)
            kind = self._inputs.get(name, name).lower()
            for known, language in SOURCES.items():
                if known in kind:
                    return language, said
            if source.text("type") and not source.text("type").startswith("$"):
                return None, said
        return "promql", ""

    def text(self, place: str, about: str, language: Language, text: str) -> str:
        """With variables as Traceo writes them; what is doubtful is reported."""

        def write(found: re.Match[str]) -> str:
            name = found[1] or found[3] or found[5]
            wanted = found[2] or found[4] or ""
            if name == "__auto":
                return "$__interval"
            if wanted not in FORMATS:
                self._report.add(place, about, f"the format {wanted} of ${name} is not known: the value stands as is")
            if name.removeprefix("__") not in KNOWN and name not in self._variables and not name.isdigit():
                self._report.add(place, about, f"there is no variable ${name}")
            return f"${{{name}}}" if found[1] or found[3] else f"${name}"

        written = VARIABLE.sub(write, text)
        if problem := _problem_of(language, written):
            self._report.add(place, about, f"the query was taken, but cannot be asked: {problem}")
        return written

    def _query(self, target: Foreign, panel: Foreign, title: str) -> PanelQuery | None:
        language, source = self.language(target, panel)
        text = target.lines("expr") or target.lines("query")
        if target.node("datasource").text("type") == "__expr__" or target.text("datasource") == "__expr__":
            self._report.add(target.place, title, "expressions over other queries are not known: write one query")
        elif language is None:
            self._report.add(
                target.place, title, f"the data source {source} is not known, only Prometheus, Loki, Tempo"
            )
        elif language == "traceql" and not text:
            return self._search(target, title)
        elif not text.strip():
            self._report.add(target.place, title, "the query is empty")
        elif language == "traceql" and not text.lstrip().startswith(("{", "(")):
            self._report.add(target.place, title, "it asks for one trace by its id: open it on the page of traces")
        else:
            if not source and "expr" in target.value and text.lstrip().startswith("{") and "|" in text:
                language = "logql"
            written = self.text(target.place, title, language, text)
            return PanelQuery(language, written, _legend(target))
        return None

    def _search(self, target: Foreign, title: str) -> PanelQuery | None:
        """Tempo's search form."""
        conditions = []
        for part in target.nodes("filters"):
            tag, values = part.text("tag"), part.texts("value")
            if not tag or not values:
                continue
            scope = part.text("scope")
            name = tag if scope in ("", "intrinsic") else f"{scope}.{tag}"
            operator = part.text("operator") or "="
            if part.text("valueType") in ("", "string"):
                quoted = "|".join(values).replace("\\", "\\\\").replace('"', '\\"')
                value = f'"{quoted}"'
                operator = operator if len(values) == 1 else {"=": "=~", "!=": "!~"}.get(operator, operator)
            else:
                value = values[0]
            conditions.append(f"{name} {operator} {value}")
        if not conditions:
            self._report.add(target.place, title, f"a query of type {target.text('queryType') or 'none'} is not known")
            return None
        return PanelQuery("traceql", self.text(target.place, title, "traceql", f"{{ {' && '.join(conditions)} }}"))


def selects_lines(query: PanelQuery) -> bool:
    """Whether a query finds log lines or traces, where others compute numbers."""
    if query.language == "traceql":
        return not SPANS_OVER_TIME.search(query.text)
    return query.language == "logql" and query.text.lstrip().startswith("{")


def _legend(target: Foreign) -> str:
    legend = target.text("legendFormat", 500)
    return "" if legend == "__auto" else modern(legend)


def modern(text: str) -> str:
    """`[[name]]` is the old way to write `${name}`."""
    return re.sub(r"\[\[(\w+)\]\]", r"${\1}", text)


def _problem_of(language: Language, text: str) -> str:
    """What the language's parser says; "" if it understands it with any value of the variables."""
    problem = ""
    for stand_in in STAND_INS if "$" in text else ("",):
        try:
            PARSERS[language](VARIABLE.sub(lambda found, by=stand_in: _stand_in(found, by), text))  # type: ignore[misc]
        except QueryError as error:
            problem = problem or error.message
        else:
            return ""
    return problem


def _stand_in(found: re.Match[str], by: str) -> str:
    name = found[1] or found[3] or found[5]
    if name in ("__interval", "__rate_interval", "__range"):
        return "5m"
    return "1" if name.startswith("__") else by
