"""A pipeline as SQL: rows of lines that pass its filters, and expressions for their labels.

Each stage changes how the line, a label and the error are read from a row; what nobody reads is not computed. A label
is looked up in what was formatted, in the stream, in what parsers found, and in the structured metadata, in that order.
A stream's labels are few and known before, so that they are constants by the number of the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from traceo.query.log_minutes import select_minutes
from traceo.query.log_streams import Sources, kind_of
from traceo.query.logql import extract
from traceo.query.logql.ast import (
    Both,
    Choose,
    Compare,
    Condition,
    Decolorize,
    LabelFormat,
    LineFilter,
    LineFormat,
    Parser,
    Stage,
    Unwrap,
)
from traceo.query.logql.compare import UNWRAPPED
from traceo.query.logql.conditions import label_condition, line_condition, matcher_condition
from traceo.query.logql.templates import compile_template
from traceo.query.promql.ast import Matcher
from traceo.query.sql import Scope

COLUMNS = """
toUnixTimestamp64Nano(time) AS time_ns, body, body_value, trace_id, span_id, severity_number, severity_text,
resource_id, scope_id, attributes, flags, observed_after_ns, dropped_attributes
"""
ERROR, DETAILS = "__error__", "__error_details__"
ESCAPE_SEQUENCES = r"\\x1b\\[[0-9;]*[A-Za-z]"

Lookup = Callable[[str], str]


def _select_lines(scope: Scope, where: Sequence[str]) -> str:
    return scope.select_logs(COLUMNS, where)


class PipelineSql:
    """SELECT of rows, with `stream` (a number), `time_ns`, and SQL of what the stages made of each.

    `line`, `error` and `details` are expressions; `label(name)` is one, the empty text for a missing label; `parsed`
    is a map of the labels that stages have set, in which an empty value takes a stream's label away.
    `of_minutes`: a row is not a line, but what log_minutes.py counted of a stream's lines.
    """

    def __init__(
        self,
        scope: Scope,
        sources: Sources,
        *,
        shows_empty: bool = False,
        of_minutes: bool = False,
    ) -> None:
        self._scope = scope
        self._select = select_minutes if of_minutes else _select_lines
        self._sets = [kind.labels for kind in sources.kinds]
        self._resources = [kind.metadata for kind in sources.kinds]
        self._scopes = sources.scopes
        self._columns = 0
        self._where: list[str] = []
        ids = scope.bind_numbers([stream.resource_id for stream in sources.streams])
        self._first: list[str] = [f"resource_id IN {ids}"]
        self._rows = ""
        numbers = {kind_of(kind): number for number, kind in enumerate(sources.kinds)}
        places = scope.bind_numbers([numbers[kind_of(stream)] for stream in sources.streams])
        self._stream = f"transform(resource_id, {ids}, CAST({places}, 'Array(UInt32)'), toUInt32(0))"
        self._named: dict[str, str] = {}
        self._of_record: dict[str, str] = {}
        self.line = "body"
        self.error = "''"
        self.details = "''"
        self.parsed = extract.NO_LABELS
        self._shows_empty = shows_empty
        self.keeps_only = False  # what `keep` did not name is gone, also of the structured metadata
        self._lookup: Lookup = self._base

    def add(self, stages: Sequence[Stage]) -> None:
        """Let the rows pass these stages."""
        for stage in stages:
            match stage:
                case LineFilter():
                    self._filter(line_condition(self._scope, stage, self.line))
                case Parser():
                    self._parse(stage)
                case Compare() | Both():
                    self.filter_labels(stage)
                case LineFormat():
                    self.line = self._column(self._template(stage.template, stage.at))
                case LabelFormat():
                    self._format(stage)
                case Choose():
                    self._choose(stage)
                case Decolorize():
                    self.line = self._column(f"replaceRegexpAll({self.line}, '{ESCAPE_SEQUENCES}', '')")

    def rows(self) -> str:
        """The SELECT, without what was never read of it."""
        self._start()
        if self._where:
            self._rows = f"SELECT * FROM ({self._rows}) WHERE {' AND '.join(self._where)}"
            self._where = []
        return self._rows

    def label(self, name: str) -> str:
        """SQL of a label's value."""
        match name:
            case "__line__":
                return self.line
            case "__timestamp__":
                return "toString(fromUnixTimestamp64Nano(time_ns, 'UTC'))"
            case "__error__":
                return self.error
            case "__error_details__":
                return self.details
            case _:
                return self._lookup(name)

    def filter_labels(self, condition: Condition) -> None:
        """Keep the rows that meet it; one whose value cannot be compared is kept with an error."""
        failed: list[str] = []
        made = self._condition(condition, failed)
        self._filter(made)
        if failed:
            self._fail(f"({' OR '.join(failed)})", "LabelFilterErr", "'a label cannot be compared with that value'")

    def unwrap(self, unwrap: Unwrap) -> str:
        """The name of a column with the sample's value; rows without the label are left out."""
        text = self._column(self.label(unwrap.label))
        self._filter(f"{text} != ''")
        number = self._column(UNWRAPPED[unwrap.conversion].format(x=text))
        self._fail(f"isNull({number})", "SampleExtractionErr", f"concat('cannot read a number in ', {text})")
        for condition in unwrap.filters:
            self.filter_labels(condition)
        return f"ifNull({number}, 0)"

    def bind(self, text: str) -> str:
        """SQL of a text."""
        return self._scope.bind(text)

    def fixed(self, name: str) -> list[str] | None:
        """The label's value in each set of labels; None where it differs from line to line."""
        expression = self.label(name)
        if expression == "''":
            return [""] * len(self._sets)
        return [found.get(name, "") for found in self._sets] if expression == self._of_stream(name) else None

    def of_streams(self, numbers: Sequence[int]) -> str:
        """SQL: the number that a line's set of labels has."""
        return f"arrayElement([{', '.join(map(str, numbers))}]::Array(Int32), stream + 1)"

    def metadata(self) -> str:
        """SQL: the structured metadata of the record itself, as a map."""
        return extract.NO_LABELS if self.keeps_only else extract.METADATA

    def _start(self) -> None:
        if not self._rows:
            found = self._select(self._scope, self._first)
            self._rows = f"SELECT *, {self._stream} AS stream FROM ({found})"

    def _filter(self, condition: str | list[str]) -> None:
        """Filters of the line as it came are the table's own, so that its indexes help."""
        conditions = [condition] if isinstance(condition, str) else condition
        if self._rows or self._columns:
            self._where += conditions
        elif self.line == "body" and isinstance(condition, list):
            self._first += conditions
        else:
            self._start()
            self._where += conditions

    def _column(self, expression: str) -> str:
        """A column of that value, by its name; the same value has one."""
        if expression.isidentifier():
            return expression
        rows = self.rows()
        self._columns += 1
        name = f"c{self._columns}"
        self._rows = f"SELECT *, {expression} AS {name} FROM ({rows})"
        return name

    def _base(self, name: str) -> str:
        """A label of the stream, or of the structured metadata."""
        of_stream = self._of_stream(name)
        if self._have_all(name):
            return of_stream
        metadata = self._metadata_of(name)
        if name.endswith(extract.RENAMED):
            taken = name[: -len(extract.RENAMED)]
            if (has := self._of_stream(taken)) != "''":
                metadata = f"if({has} != '', {self._metadata_of(taken)}, {metadata})"
        return metadata if of_stream == "''" else f"if({of_stream} != '', {of_stream}, {metadata})"

    def _metadata_of(self, name: str) -> str:
        """What the scope says, else the resource, else the record."""
        if name not in self._of_record:
            self._of_record[name] = self._column(extract.metadata_of(self._scope, name))
        found = self._of_record[name]
        if name == extract.DETECTED_LEVEL:
            return found
        if any(name in metadata for metadata in self._resources):
            found = _first_of(self._chosen([metadata.get(name, "") for metadata in self._resources]), found)
        if scopes := {scope_id: metadata[name] for scope_id, metadata in self._scopes.items() if metadata.get(name)}:
            ids = ", ".join(f"toUInt64({scope_id})" for scope_id in scopes)
            values = ", ".join(self._scope.bind(value) for value in scopes.values())
            found = _first_of(f"transform(scope_id, [{ids}], [{values}], '')", found)
        return found

    def _have_all(self, name: str) -> bool:
        """Whether every stream has the label: then no record is asked for it."""
        return all(found.get(name) for found in self._sets)

    def _of_stream(self, name: str) -> str:
        values = [found.get(name, "") for found in self._sets]
        if not any(values):
            return "''"
        if name not in self._named:
            self._named[name] = self._chosen(values)
        return self._named[name]

    def _chosen(self, values: Sequence[str]) -> str:
        """SQL: the value of the line's stream."""
        return f"arrayElement([{', '.join(self._scope.bind(value) for value in values)}], stream + 1)"

    def _parse(self, parser: Parser) -> None:
        before, line = self._lookup, self.line
        source = extract.source_of(parser, self._scope, line)
        columns: dict[str, str] = {}

        def everything() -> str:
            if "" not in columns:
                columns[""] = self._column(source.everything)
            return columns[""]

        def found(name: str) -> str:
            if name not in columns:
                one = source.one(name)
                columns[name] = self._column(one) if one is not None else f"{everything()}[{self._scope.bind(name)}]"
            return columns[name]

        def lookup(name: str) -> str:
            if self._have_all(name):
                return before(name)
            of_stream, mine = self._of_stream(name), found(name)
            if name.endswith(extract.RENAMED) and (taken := self._of_stream(name[: -len(extract.RENAMED)])) != "''":
                mine = f"if({taken} != '', {found(name[: -len(extract.RENAMED)])}, {mine})"
            free = "" if of_stream == "''" else f"{of_stream} = '' AND "
            return f"if({free}{mine} != '', {mine}, {before(name)})"

        self._lookup = lookup
        shown = source.shown if self._shows_empty and source.shown else source.everything
        self.parsed = f"mapUpdate({self.parsed}, {self.renamed(shown)})"
        if source.failed:
            self._fail(self._column(source.failed), source.error, f"'{source.details}'")
        if source.line:
            self.line = self._column(source.line)

    def renamed(self, found: str, stream: str = "stream") -> str:
        """SQL: the map with other names for those that the stream (the column of its number) has."""
        kinds = {names: number for number, names in enumerate(dict.fromkeys(map(tuple, self._sets)), 1)}
        lists = [f"[{', '.join(self._scope.bind(name) for name in names)}]::Array(String)" for names in kinds]
        numbers = ", ".join(str(kinds[tuple(labels)]) for labels in self._sets)
        kind = f"arrayElement([{numbers}]::Array(UInt32), {stream} + 1)"
        taken = lists[0] if len(lists) == 1 else f"arrayElement([{', '.join(lists)}], {kind})"
        name = f"if(has({taken}, k), concat(k, '{extract.RENAMED}'), k)"
        return f"mapApply((k, v) -> ({name}, v), {found})"

    def of_scope(self) -> str:
        """SQL: a map of what is said of the line's scope; the empty text if nothing is said of any."""
        if not self._scopes:
            return ""
        ids = ", ".join(f"toUInt64({scope_id})" for scope_id in self._scopes)
        maps = ", ".join(self._map(metadata) for metadata in self._scopes.values())
        return f"arrayElement([{maps}], indexOf([{ids}], scope_id))"

    def described(self) -> list[dict[str, str]]:
        """The sets of labels, and with them what else is said of the resource."""
        return [
            rename_taken(metadata, labels) | labels
            for labels, metadata in zip(self._sets, self._resources, strict=True)
        ]

    def _map(self, values: Mapping[str, str]) -> str:
        texts = ", ".join(f"toString({self.bind(text)})" for pair in values.items() for text in pair)
        return f"CAST(map({texts}), 'Map(String, String)')"

    def _fail(self, failed: str, error: str, details: str) -> None:
        """The first error of a row counts."""
        before = self.error
        self.details = (
            f"if({before} = '' AND {failed}, {details}, {self.details})"
            if before != "''"
            else f"if({failed}, {details}, '')"
        )
        self.error = (
            f"if({before} = '' AND {failed}, '{error}', {before})" if before != "''" else f"if({failed}, '{error}', '')"
        )
        self.error = self._column(self.error)

    def _condition(self, condition: Condition, failed: list[str]) -> str:
        if isinstance(condition, Both):
            left, right = (self._condition(side, failed) for side in (condition.left, condition.right))
            return f"({left} {condition.op.upper()} {right})"
        value = self.label(condition.name)
        if condition.kind != "string" and self.error != "''":
            return f"({self.error} != '' OR {label_condition(self._scope, condition, value, failed)})"
        return label_condition(self._scope, condition, value, failed)

    def _template(self, text: str, at: int) -> str:
        return compile_template(text, self.label, at, lambda plain: f"toString({self._scope.bind(plain)})")

    def _set(self, values: dict[str, str]) -> None:
        """Labels with new values; the empty text takes one away."""
        before = self._lookup
        self._lookup = lambda name: values[name] if name in values else before(name)
        pairs = ", ".join(f"toString({self._scope.bind(name)}), {value}" for name, value in values.items())
        self.parsed = f"mapUpdate({self.parsed}, map({pairs}))"

    def _format(self, stage: LabelFormat) -> None:
        values: dict[str, str] = {}
        for label, source, is_template in stage.items:
            if is_template:
                values[label] = self._column(self._template(source, stage.at))
            else:
                values[label] = self._column(self.label(source))
                values.setdefault(source, "''")
        self._set(values)

    def _choose(self, stage: Choose) -> None:
        if stage.name == "drop":
            for item in stage.items:
                self._drop(item)
            return
        before, items = self._lookup, {item.name: item for item in stage.items}

        def lookup(name: str) -> str:
            if name not in items:
                return "''"
            value = before(name)
            return (
                value
                if not items[name].op
                else f"if({matcher_condition(self._scope, items[name], value)}, {value}, '')"
            )

        values = {name: self._column(lookup(name)) for name in items}
        gone = {name: "''" for labels in self.described() for name in labels if name not in items}
        self._lookup = lambda name: values.get(name, "''")
        pairs = ", ".join(f"toString({self._scope.bind(name)}), {value}" for name, value in (gone | values).items())
        self.parsed = f"map({pairs})"
        self.keeps_only = True

    def _drop(self, item: Matcher) -> None:
        if item.name in (ERROR, DETAILS):
            gone = "1" if not item.op else matcher_condition(self._scope, item, self.label(item.name))
            self.error = self._column(f"if({gone}, '', {self.error})")
            self.details = f"if({gone}, '', {self.details})"
            return
        value = self.label(item.name)
        kept = "''" if not item.op else f"if({matcher_condition(self._scope, item, value)}, '', {value})"
        self._set({item.name: self._column(kept)})


def rename_taken(metadata: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """Structured metadata with other names for what the stream has a label for."""
    return {f"{name}{extract.RENAMED}" if name in labels else name: value for name, value in metadata.items()}


def _first_of(first: str, second: str) -> str:
    return f"if({first} != '', {first}, {second})"
