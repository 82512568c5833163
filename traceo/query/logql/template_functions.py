"""The functions of LogQL's templates, as SQL over texts; a time is the text `2006-01-02 15:04:05.000000000`, in UTC."""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import available_timezones

import re2

from traceo.query.logql.compare import BYTES, SECONDS

# Go's layouts, piece by piece, and what ClickHouse formats and reads it by; the longer ones first.
LAYOUT = re.compile(
    r"2006|January|Jan|Monday|Mon|Z07:00|-07:00|-0700|MST|01|02|03|04|05|06|15|PM|[.,](?:0{1,9}|9{1,9})(?!\d)|_2|[1-5]"
)
PARTS = {
    "2006": "%Y", "January": "%M", "Jan": "%b", "Monday": "%W", "Mon": "%a", "01": "%m", "02": "%d", "03": "%I",
    "04": "%i", "05": "%s", "06": "%y", "15": "%H", "PM": "%p",
}  # fmt: skip
OF_UTC = {"Z07:00": "Z", "-07:00": "+00:00", "-0700": "+0000", "MST": "UTC"}
VERB = re.compile(r"%(?P<flags>[-0]*)(?P<width>\d{0,3})(?:\.(?P<places>\d{0,4}))?(?P<verb>.)", re.DOTALL)
VARIADIC = ("printf",)
FOLDED = ("add", "addf", "mul", "mulf", "subf", "divf", "max", "maxf", "min", "minf", "and", "or")  # two values or more
OPTIONAL = {"round": "0.5"}  # what the last value is where it is left out
USUAL = re.compile(r"2006-01-02[T ]15:04:05([.,](0+|9+))?(Z|Z07:00|-07:00|-0700)?")


class Literal(str):
    """SQL of a text that the template itself says, which is known."""

    text: str

    def __new__(cls, sql: str, text: str) -> Literal:
        made = super().__new__(cls, sql)
        made.text = text
        return made


class Json(str):
    """SQL of JSON, which has fields and elements; the empty text is none."""

    def field(self, name: str) -> Json:
        """What an object has there."""
        return Json(f"JSONExtractRaw({self}, {name})")

    def shown(self) -> str:
        """SQL of its text: of a text without quotes, none of null."""
        return f"multiIf(startsWith({self}, '\"'), JSONExtractString({self}), {self} = 'null', '', {self})"

    def pairs(self) -> str:
        """SQL: (key, JSON) of an object in order of the keys, or (number from 0, JSON) of an array."""
        elements = f"JSONExtractArrayRaw({self})"
        numbered = f"arrayMap((v, i) -> (toString(i - 1), v), {elements}, arrayEnumerate({elements}))"
        return f"if(startsWith({self}, '['), {numbered}, arraySort(JSONExtractKeysAndValuesRaw({self})))"


def _known(x: str, what: str) -> str:
    if not isinstance(x, Literal):
        raise ValueError(f"takes its {what} as a text of the template, not of a label")
    return x.text


def _number(x: str) -> str:
    return f"toFloat64OrZero({x})"


def _bool(condition: str) -> str:
    return f"if({condition}, 'true', '')"


def _computed(expression: str) -> str:
    return f"toString({expression})"


def _rounded(digits: str, places: str, least: str) -> str:
    """Up where the fraction of what is left of so many places is `least` or more."""
    up = f"{digits} - floor({digits}) >= {_number(least)}"
    return f"if({up}, ceil({digits}), floor({digits})) / exp10({_number(places)})"


def _between(x: str, start: str, end: str) -> str:
    """From the beginning where `start` is negative, to the end where `end` is, or lies behind it."""
    rest = f"substringUTF8({x}, {start} + 1)"
    middle = f"substringUTF8({x}, {start} + 1, greatest(0, {end} - {start}))"
    return f"multiIf({start} < 0, substringUTF8({x}, 1, {end}), {end} < 0 OR {end} > lengthUTF8({x}), {rest}, {middle})"


# How many arguments, and SQL of them; the last one is what a pipe hands over, as in Go.
FUNCTIONS: dict[str, tuple[int, Callable[..., str]]] = {
    "lower": (1, lambda x: f"lowerUTF8({x})"),
    "upper": (1, lambda x: f"upperUTF8({x})"),
    "title": (1, lambda x: f"initcapUTF8({x})"),
    "trim": (1, lambda x: f"replaceRegexpAll({x}, '^\\\\s+|\\\\s+$', '')"),
    "trimAll": (2, lambda chars, x: f"trimBoth({x}, {chars})"),
    "trimPrefix": (2, lambda part, x: f"if(startsWith({x}, {part}), substring({x}, length({part}) + 1), {x})"),
    "trimSuffix": (
        2,
        lambda part, x: f"if(endsWith({x}, {part}), substring({x}, 1, length({x}) - length({part})), {x})",
    ),
    "trunc": (
        2,
        lambda n, x: (
            f"if({_number(n)} < 0, substringUTF8({x}, greatest(1, lengthUTF8({x}) + toInt64({_number(n)}) + 1)), "
            f"substringUTF8({x}, 1, toInt64({_number(n)})))"
        ),
    ),
    "substr": (3, lambda start, end, x: _between(x, f"toInt64({_number(start)})", f"toInt64({_number(end)})")),
    "replace": (3, lambda old, new, x: f"replaceAll({x}, {old}, {new})"),
    "repeat": (2, lambda n, x: f"repeat({x}, toUInt16({_number(n)}))"),
    "default": (2, lambda other, x: f"if({x} = '', {other}, {x})"),
    "contains": (2, lambda part, x: _bool(f"position({x}, {part}) > 0")),
    "hasPrefix": (2, lambda part, x: _bool(f"startsWith({x}, {part})")),
    "hasSuffix": (2, lambda part, x: _bool(f"endsWith({x}, {part})")),
    "eq": (2, lambda a, b: _bool(f"{a} = {b}")),
    "ne": (2, lambda a, b: _bool(f"{a} != {b}")),
    "lt": (2, lambda a, b: _bool(f"{_number(a)} < {_number(b)}")),
    "le": (2, lambda a, b: _bool(f"{_number(a)} <= {_number(b)}")),
    "gt": (2, lambda a, b: _bool(f"{_number(a)} > {_number(b)}")),
    "ge": (2, lambda a, b: _bool(f"{_number(a)} >= {_number(b)}")),
    "and": (2, lambda a, b: f"if({a} = '', {a}, {b})"),
    "or": (2, lambda a, b: f"if({a} != '', {a}, {b})"),
    "not": (1, lambda a: _bool(f"{a} = ''")),
    "add": (2, lambda a, b: _computed(f"{_number(a)} + {_number(b)}")),
    "sub": (2, lambda a, b: _computed(f"{_number(a)} - {_number(b)}")),
    "mul": (2, lambda a, b: _computed(f"{_number(a)} * {_number(b)}")),
    "div": (2, lambda a, b: _computed(f"intDivOrZero(toInt64({_number(a)}), toInt64({_number(b)}))")),
    "divf": (2, lambda a, b: _computed(f"{_number(a)} / {_number(b)}")),
    "mod": (2, lambda a, b: _computed(f"moduloOrZero(toInt64({_number(a)}), toInt64({_number(b)}))")),
    "int": (1, lambda a: _computed(f"toInt64({_number(a)})")),
    "float64": (1, lambda a: _computed(_number(a))),
    "ceil": (1, lambda a: _computed(f"ceil({_number(a)})")),
    "floor": (1, lambda a: _computed(f"floor({_number(a)})")),
    "round": (3, lambda a, n, least: _computed(_rounded(f"{_number(a)} * exp10({_number(n)})", n, least))),
    "max": (2, lambda a, b: _computed(f"greatest({_number(a)}, {_number(b)})")),
    "min": (2, lambda a, b: _computed(f"least({_number(a)}, {_number(b)})")),
    "len": (1, lambda a: _computed(f"length({a})")),
    "b64enc": (1, lambda x: f"base64Encode({x})"),
    "b64dec": (1, lambda x: f"tryBase64Decode({x})"),
    "urlencode": (1, lambda x: f"encodeURLFormComponent({x})"),
    "urldecode": (1, lambda x: f"decodeURLFormComponent({x})"),
}
FUNCTIONS |= {
    "ToLower": FUNCTIONS["lower"], "ToUpper": FUNCTIONS["upper"], "TrimSpace": FUNCTIONS["trim"],
    "addf": FUNCTIONS["add"], "subf": FUNCTIONS["sub"], "mulf": FUNCTIONS["mul"],
    "Trim": (2, lambda x, chars: f"trimBoth({x}, {chars})"),
    "TrimLeft": (2, lambda x, chars: f"trimLeft({x}, {chars})"),
    "TrimRight": (2, lambda x, chars: f"trimRight({x}, {chars})"),
    "TrimPrefix": (2, lambda x, part: FUNCTIONS["trimPrefix"][1](part, x)),
    "TrimSuffix": (2, lambda x, part: FUNCTIONS["trimSuffix"][1](part, x)),
    "Replace": (4, lambda x, old, new, count: f"{_times(count)}({x}, {old}, {new})"),
}  # fmt: skip


def _times(count: str) -> str:
    known = _known(count, "number")
    if not known.startswith("-") and known != "1":
        raise ValueError("replaces one (1) or all (-1)")
    return "replaceOne" if known == "1" else "replaceAll"


def _sql(text: str) -> str:
    """A text of ours, or of a pattern that was read, between quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _regexp(x: str) -> str:
    try:
        re2.compile(_known(x, "expression"))
    except re2.error as error:
        raise ValueError(f"cannot read its expression: {error}") from error
    return x


def _replace_all(expression: str, x: str, new: str) -> str:
    """Go's `${1}` and `$1` are RE2's `\\1`."""
    text = _known(new, "replacement").replace("\\", "\\\\")
    named = list(re2.compile(_known(_regexp(expression), "expression")).groupindex.items())
    for name, number in named:
        text = text.replace(f"${{{name}}}", f"\\{number}")
    text = re.sub(r"\$(?:\{(\d)\}|(\d)(?!\w))", r"\\\1\2", text)
    if re.search(r"\$[{\w]", text):
        raise ValueError("cannot put that group into the replacement: $1 to $9, or ${name}")
    return f"replaceRegexpAll({x}, {expression}, {_sql(text)})"


def _replace_literally(expression: str, x: str, new: str) -> str:
    return f"replaceRegexpAll({x}, {_regexp(expression)}, replaceAll({new}, '\\\\', '\\\\\\\\'))"


def _moment(x: str) -> str:
    return f"parseDateTime64BestEffortOrZero({x}, 9, 'UTC')"


def _date(layout: str, x: str) -> str:
    text, moment, made, place = _known(layout, "layout"), _moment(x), [], 0
    for found in LAYOUT.finditer(text):
        made += [_sql(text[place : found.start()])] if found.start() > place else []
        made.append(_written(found.group(), moment))
        place = found.end()
    made += [_sql(text[place:])] if place < len(text) else []
    return f"concat({', '.join(made)}, '')" if made else "''"


def _written(part: str, moment: str) -> str:
    if part in PARTS:
        return f"formatDateTime({moment}, '{PARTS[part]}')"
    if part in OF_UTC:
        return _sql(OF_UTC[part])
    if part[0] in ".,":
        digits = f"substring(toString({moment}), 21, {len(part) - 1})"
        if part[1] == "0":
            return f"concat('{part[0]}', {digits})"
        return f"replaceRegexpOne(concat('{part[0]}', {digits}), '[.,]?0*$', '')"
    raise ValueError(f"does not know {part} of the layout: use 01, 02, 03, 04, 05")


def _to_date(layout: str, zone: str, x: str) -> str:
    text, name = _known(layout, "layout"), _known(zone, "time zone") or "UTC"
    if name not in available_timezones():
        raise ValueError(f"does not know the time zone {name[:40]!r}")
    if usual := USUAL.fullmatch(text):
        read = f"replaceRegexpOne({x}, 'Z$', '')" if usual[3] == "Z" else x
        moment = f"parseDateTime64BestEffortOrZero({read}, 9, {_sql(name)})"
        return f"toString(toTimeZone({moment}, 'UTC'))"
    made, place = "", 0
    for found in LAYOUT.finditer(text):
        if found.group() not in PARTS:
            raise ValueError(f"cannot read {found.group()} of the layout")
        made += text[place : found.start()].replace("%", "%%") + PARTS[found.group()]
        place = found.end()
    made += text[place:].replace("%", "%%")
    moment = f"parseDateTimeOrZero({x}, {_sql(made)}, {_sql(name)})"
    return f"toString(toDateTime64(toTimeZone({moment}, 'UTC'), 9, 'UTC'))"


def _of_epoch(x: str) -> str:
    """Seconds, or by the number of digits days, milli-, micro- or nanoseconds."""
    scale = f"transform(length({x}), [5, 13, 16, 19], [86400000000000, 1000000, 1000, 1], 1000000000)"
    return f"toString(fromUnixTimestamp64Nano(toInt64OrZero({x}) * {scale}, 'UTC'))"


def _epoch(x: str, unit: int) -> str:
    return f"toString(intDiv(toUnixTimestamp64Nano({_moment(x)}), {unit}))"


def _padded(x: str, n: str, side: str) -> str:
    """As long as said: what is longer is cut."""
    width = f"toUInt16({_number(n)})"
    cut = f"substringUTF8({x}, -{width})" if side == "left" else f"substringUTF8({x}, 1, {width})"
    return f"{side}PadUTF8(if(lengthUTF8({x}) > {width}, {cut}, {x}), {width})"


def _indent(n: str, x: str) -> str:
    return f"replaceRegexpAll({x}, '(?m)^', repeat(' ', toUInt16({_number(n)})))"


def printf(*arguments: str, bind: Callable[[str], str]) -> str:
    """SQL of a format and its values. Raises ValueError for what it cannot write."""
    if not arguments:
        raise ValueError("takes a format")
    text, values, made, place = _known(arguments[0], "format"), list(arguments[1:]), [], 0
    for found in VERB.finditer(text):
        made += [bind(text[place : found.start()])] if found.start() > place else []
        place = found.end()
        if found["verb"] == "%":
            made.append("'%'")
            continue
        if not values:
            raise ValueError(f"has no value for {found.group()}")
        made.append(_verb(found, values.pop(0)))
    if values:
        raise ValueError("has more values than verbs")
    made += [bind(text[place:])] if place < len(text) else []
    return f"concat({', '.join(made)}, '')" if made else "''"


def _verb(found: re.Match[str], x: str) -> str:
    """Precision cuts texts, and says the digits of a fraction."""
    verb, places = found["verb"], found["places"]
    match verb:
        case "s" | "v" | "t":
            made = f"substringUTF8({x}, 1, {int(places or 0)})" if places is not None and verb == "s" else x
        case "d":
            made = f"toString(toInt64({_number(x)}))"
        case "f":
            made = f"toDecimalString({_number(x)}, {int(6 if places is None else places or 0)})"
        case "q":
            made = f"toJSONString({x})"
        case "x" | "X":
            made = f"lower(hex({x}))" if verb == "x" else f"hex({x})"
        case _:
            raise ValueError(f"does not know {found.group()}: verbs are %s %v %d %f %q %x %t %%")
    if not found["width"]:
        return made
    if "-" in found["flags"]:
        return f"rightPadUTF8({made}, greatest({found['width']}, lengthUTF8({made})))"
    fill = "0" if "0" in found["flags"] and verb in "df" else " "
    return f"leftPadUTF8({made}, greatest({found['width']}, lengthUTF8({made})), '{fill}')"


FUNCTIONS |= {
    "regexReplaceAll": (3, _replace_all),
    "regexReplaceAllLiteral": (3, _replace_literally),
    "count": (2, lambda expression, x: _computed(f"countMatches({x}, {_regexp(expression)})")),
    "date": (2, _date),
    "toDate": (2, lambda layout, x: _to_date(layout, Literal("''", ""), x)),
    "toDateInZone": (3, _to_date),
    "now": (0, lambda: "toString(now64(9, 'UTC'))"),
    "unixToTime": (1, _of_epoch),
    "unixEpoch": (1, lambda x: _epoch(x, 10**9)),
    "unixEpochMillis": (1, lambda x: _epoch(x, 10**6)),
    "unixEpochNanos": (1, lambda x: _epoch(x, 1)),
    "duration": (1, lambda x: _computed(f"ifNull({SECONDS.format(x=x)}, 0)")),
    "duration_seconds": (1, lambda x: _computed(f"ifNull({SECONDS.format(x=x)}, 0)")),
    "bytes": (1, lambda x: _computed(f"ifNull({BYTES.format(x=x)}, 0)")),
    "fromJson": (1, lambda x: Json(f"if(isValidJSON({x}), trimBoth({x}), '')")),
    "maxf": FUNCTIONS["max"],
    "minf": FUNCTIONS["min"],
    "alignLeft": (2, lambda n, x: _padded(x, n, "right")),
    "alignRight": (2, lambda n, x: _padded(x, n, "left")),
    "indent": (2, _indent),
    "nindent": (2, lambda n, x: f"concat('\\n', {_indent(n, x)})"),
}
