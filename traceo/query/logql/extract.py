"""What parsers find in lines, and the structured metadata of records, as SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import re2

from traceo.query.logql.arguments import parse_path
from traceo.query.logql.ast import Parser
from traceo.query.logql.conditions import quote_regexp
from traceo.query.logql.logfmt import pairs_of, standalone_of, well_formed
from traceo.query.logql.stages import split_pattern
from traceo.query.sql import Scope
from traceo.store.attributes import text_of

RENAMED = "_extracted"
KEPT = "\0"  # shown as a label without a value, where the empty text takes a label away
NO_LABELS = "CAST(map(), 'Map(String, String)')"
NOT_IN_NAMES = "[^a-zA-Z0-9_]"
NESTED_LEVELS = 5  # by one expression each; more in a loop


def _name(k: str) -> str:
    """A label's name of any key."""
    return f"replaceRegexpAll(if(match({k}, '^[0-9]'), concat('_', {k}), {k}), '{NOT_IN_NAMES}', '_')"


LEVEL = (
    "multiIf(lower(severity_text) IN ('trace', 'debug', 'info', 'warn', 'error', 'critical', 'fatal'), "
    "lower(severity_text), lower(severity_text) = 'warning', 'warn', severity_number > 0, "
    "['trace', 'debug', 'info', 'warn', 'error', 'fatal'][intDiv(least(severity_number, 24) - 1, 4) + 1], "
    "severity_text != '', toString(severity_text), 'unknown')"
)
OBSERVED = "(time_ns + observed_after_ns)"
DETECTED_LEVEL = "detected_level"
RECORD = {
    "trace_id": "if(trace_id = toFixedString('', 16), '', lower(hex(trace_id)))",
    "span_id": "if(span_id = toFixedString('', 8), '', lower(hex(span_id)))",
    # A line of Loki's push has no scope: its severity was found in it, which `detected_level` says.
    "severity_text": "if(scope_id = 0, '', toString(severity_text))",
    "severity_number": "if(scope_id = 0 OR severity_number = 0, '', toString(severity_number))",
    "flags": "if(flags = 0, '', toString(flags))",
    "dropped_attributes_count": "if(dropped_attributes = 0, '', toString(dropped_attributes))",
    "observed_timestamp": f"if(scope_id = 0 OR {OBSERVED} = 0, '', toString({OBSERVED}))",
    DETECTED_LEVEL: LEVEL,
}
SENT = f"CAST(mapApply((k, v) -> ({_name('toString(k)')}, {text_of('v')}), attributes), 'Map(String, String)')"
METADATA = f"mapUpdate({SENT}, map({', '.join(f'{name!r}, {value}' for name, value in RECORD.items())}))"


def metadata_of(scope: Scope, name: str) -> str:
    """SQL: an entry of the structured metadata. A name's underscores may be any other characters in the record's."""
    own = RECORD.get(name)
    if own == LEVEL:  # which is never empty
        return own
    if "_" in name:
        like = scope.bind("^" + name.replace("_", NOT_IN_NAMES.replace("_", "")) + "$")
        meant = f"match(k, {like})"
    else:
        meant = f"k = {scope.bind(name)}"
    raw = f"arrayFilter((v, k) -> {meant}, mapValues(attributes), mapKeys(attributes))"
    sent = f"arrayMap(v -> {text_of('v')}, {raw})[1]"
    return f"if({own} != '', {own}, {sent})" if own else sent


@dataclass(frozen=True, slots=True)
class Source:
    """What a parser finds: a map of all labels, one label (None: only the map tells), errors, a new line.

    `shown`: the map for people to see, where it is another one.
    """

    everything: str
    one: Callable[[str], str | None]
    failed: str = ""
    error: str = ""
    details: str = ""
    line: str = ""
    shown: str = ""


def source_of(parser: Parser, scope: Scope, line: str) -> Source:
    """The source that a stage is. Raises ParseError for a path that cannot be read."""
    match parser.name:
        case "json":
            return _json(parser, scope, line)
        case "logfmt":
            return _logfmt(parser, scope, line)
        case "regexp":
            return _groups(scope, line, parser.text, list(re2.compile(parser.text).groupindex.items()))
        case "pattern":
            return _pattern(parser, scope, line)
        case _:
            return _unpack(line)


def _map_of(fields: list[tuple[str, str]], scope: Scope) -> str:
    if not fields:
        return NO_LABELS
    pairs = ", ".join(f"toString({scope.bind(name)}), {value}" for name, value in fields)
    return f"mapFilter((k, v) -> v != '', map({pairs}))"


def _scalar(raw: str) -> str:
    """A JSON value as a label's: texts without quotes, nothing for null, arrays and objects."""
    return (
        f"multiIf(startsWith({raw}, '\"'), JSONExtractString({raw}), "
        f"{raw} = 'null' OR startsWith({raw}, '[') OR startsWith({raw}, '{{'), '', {raw})"
    )


def _once(found: str, shown: str) -> str:
    """SQL: `shown` of the text `raw` that is found, computed once, and where something is found only."""
    return f"arrayMap(raw -> {shown}, arrayFilter(raw -> raw != '', [{found}]))[1]"


def _json(parser: Parser, scope: Scope, line: str) -> Source:
    bad = f"NOT (startsWith(trimLeft({line}), '{{') AND isValidJSON({line}))"
    failure = ("JSONParserErr", "the line is no JSON object")
    if parser.fields:
        fields = [(label, _path(path, scope, line, parser.at)) for label, path in parser.fields]
        return _fields(fields, scope, bad, *failure)
    pairs = f"arrayMap(kv -> ({_name('kv.1')}, kv.2), JSONExtractKeysAndValuesRaw({line}))"
    for _ in range(NESTED_LEVELS - 1):
        pairs = _flattened(pairs)
    deeper = f"if(arrayExists(kv -> startsWith(kv.2, '{{'), found), countSubstrings({line}, '{{'), 0)"
    folded = f"arrayFold((kvs, level) -> {_flattened('kvs')}, range(toUInt64({deeper})), found)"
    pairs = f"arrayMap(found -> {folded}, [{pairs}])[1]"
    texts = f"arrayFilter(kv -> kv.2 != '', arrayMap(kv -> (kv.1, {_scalar('kv.2')}), {pairs}))"
    everything = f"CAST(arrayReverse({texts}), 'Map(String, String)')"

    def one(name: str) -> str | None:
        """A name without an underscore is a key of the line's own object."""
        return None if "_" in name else _once(f"JSONExtractRaw({line}, {scope.bind(name)})", _scalar("raw"))

    return Source(everything, one, bad, *failure)


def _flattened(pairs: str) -> str:
    """SQL: pairs of names and JSON, those that are objects replaced by what is in them."""
    inner = f"arrayMap(c -> (concat(kv.1, '_', {_name('c.1')}), c.2), JSONExtractKeysAndValuesRaw(kv.2))"
    return f"arrayFlatten(arrayMap(kv -> if(startsWith(kv.2, '{{'), {inner}, [kv]), {pairs}))"


def _path(path: str, scope: Scope, line: str, at: int) -> str:
    """`request.headers["x"][0]`; an object or array is its text."""
    keys = [str(key + 1) if isinstance(key, int) else scope.bind(key) for key in parse_path(path, at)]
    shown = "multiIf(startsWith(raw, '\"'), JSONExtractString(raw), raw = 'null', '', raw)"
    return _once(f"JSONExtractRaw({', '.join([line, *keys])})", shown)


def _fields(fields: list[tuple[str, str]], scope: Scope, failed: str, error: str, details: str) -> Source:
    by_name = dict(fields)
    return Source(_map_of(fields, scope), lambda name: by_name.get(name, "''"), failed, error, details)


def _logfmt(parser: Parser, scope: Scope, line: str) -> Source:
    pairs = pairs_of(line, strict=parser.strict)
    failed = f"(NOT {well_formed(line)})" if parser.strict else ""
    failure = ("LogfmtParserErr", "the line is no logfmt")
    if parser.fields:
        fields = [(label, f"{pairs}[{scope.bind(path)}]") for label, path in parser.fields]
        return _fields(fields, scope, failed, *failure)
    named = f"CAST(mapApply((k, v) -> ({_name('k')}, v), {pairs}), 'Map(String, String)')"
    full = f"mapFilter((k, v) -> v != '', {named})"
    shown = ""
    if parser.keep_empty:
        keys = f"arrayMap(k -> {_name('k')}, {standalone_of(line, strict=parser.strict)})"
        alone = f"CAST(arrayMap(k -> (k, ''), {keys}), 'Map(String, String)')"
        shown = f"mapApply((k, v) -> (k, if(v = '', char(0), v)), mapUpdate({alone}, {named}))"
    return Source(full, lambda name: None, failed, *failure, shown=shown)


def _groups(scope: Scope, line: str, pattern: str, named: list[tuple[str, int]]) -> Source:
    groups = f"extractGroups({line}, {scope.bind(pattern)})"
    fields = [(name, f"{groups}[{number}]") for name, number in named]
    return _fields(fields, scope, "", "", "")


def _pattern(parser: Parser, scope: Scope, line: str) -> Source:
    """Captures reach to the next literal; where one is missing, the last of them reaches to the end of the line."""
    literals, names = split_pattern(parser.text, parser.at)
    made = ""
    for literal in reversed(literals[1:]):
        made = f"(.*?)(?:{quote_regexp(literal)}{made}|$)" if literal else f"(.*){made}"
    pattern = f"(?s)^{quote_regexp(literals[0])}{made}"
    return _groups(scope, line, pattern, [(name, at + 1) for at, name in enumerate(names) if name != "_"])


def _unpack(line: str) -> Source:
    pairs = f"arrayFilter(kv -> startsWith(kv.2, '\"'), JSONExtractKeysAndValuesRaw({line}))"
    texts = f"arrayMap(kv -> ({_name('kv.1')}, JSONExtractString(kv.2)), arrayFilter(kv -> kv.1 != '_entry', {pairs}))"
    return Source(
        f"CAST({texts}, 'Map(String, String)')",
        lambda name: None,
        f"NOT (startsWith(trimLeft({line}), '{{') AND isValidJSON({line}))",
        "JSONParserErr",
        "the line is no JSON object",
        f"if(JSONHas({line}, '_entry'), JSONExtractString({line}, '_entry'), {line})",
    )
