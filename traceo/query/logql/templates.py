"""Go templates of `line_format` and `label_format`, as SQL over labels.

Texts, `{{ .label | function }}`, and `if`, `else if`, `else`, `end`. A missing label is the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from traceo.errors import ParseError, UnsupportedQuery
from traceo.query.promql.quoting import unquote

ACTION = re.compile(r"\{\{(-)?\s*(.*?)\s*(-)?\}\}", re.DOTALL)
TOKEN = re.compile(
    r"\s*(?:(?P<label>\.[a-zA-Z_]\w*)|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[a-zA-Z_]\w*)|(?P<mark>[|()]))"
)
MAX_ACTIONS = 200


def _number(x: str) -> str:
    return f"toFloat64OrZero({x})"


def _bool(condition: str) -> str:
    return f"if({condition}, 'true', '')"


def _computed(expression: str) -> str:
    return f"toString({expression})"


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
    "substr": (
        3,
        lambda start, end, x: (
            f"substringUTF8({x}, toInt64({_number(start)}) + 1, "
            f"greatest(0, toInt64({_number(end)}) - toInt64({_number(start)})))"
        ),
    ),
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
    "round": (2, lambda a, n: _computed(f"round({_number(a)}, toInt16({_number(n)}))")),
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
    "Replace": (4, lambda x, old, new, count: f"replaceAll({x}, {old}, {new})"),
}  # fmt: skip
LINE, TIME = "__line__", "__timestamp__"


@dataclass(frozen=True, slots=True)
class _Words:
    """One action's text on its way to SQL."""

    text: str
    label: Callable[[str], str]
    bind: Callable[[str], str]
    at: int


def compile_template(
    text: str, label: Callable[[str], str], at: int, bind: Callable[[str], str] = lambda text: "''"
) -> str:
    """SQL, a text. `label`: SQL of a label, of the line (`__line__`) or the time.

    Raises ParseError, UnsupportedQuery.
    """
    pieces: list[str | tuple[str, int]] = []
    place, trim = 0, False
    for found in ACTION.finditer(text):
        plain = text[place : found.start()]
        plain = plain.lstrip() if trim else plain
        pieces += [plain.rstrip() if found[1] else plain, (found[2], at)]
        place, trim = found.end(), bool(found[3])
    rest = text[place:]
    if "{{" in rest:
        raise ParseError("the template has {{ without }}", position=at)
    pieces.append(rest.lstrip() if trim else rest)
    if len(pieces) > 2 * MAX_ACTIONS:
        raise ParseError(f"the template has more than {MAX_ACTIONS} actions", position=at)
    made, left, stopped = _sequence(pieces, 0, label, bind)
    if stopped:
        raise ParseError(f"the template has {stopped} without if", position=at)
    assert left == len(pieces)
    return made


def _sequence(
    pieces: list[str | tuple[str, int]], start: int, label: Callable[[str], str], bind: Callable[[str], str]
) -> tuple[str, int, str]:
    """SQL of the pieces up to an `else` or `end` of an `if` around them; where it stopped, and at what."""
    parts: list[str] = []
    place = start
    while place < len(pieces):
        piece = pieces[place]
        if isinstance(piece, str):
            if piece:
                parts.append(bind(piece))
            place += 1
            continue
        action, at = piece
        word = action.split(None, 1)[0] if action else ""
        if word in ("else", "end"):
            return _concat(parts), place, action
        if word == "if":
            made, place = _condition(pieces, place, action[2:], label, bind)
            parts.append(made)
        elif word in ("range", "with", "define", "template", "block"):
            raise UnsupportedQuery(f"templates with {word} cannot be answered", position=at)
        elif not action.startswith("/*"):
            parts.append(_pipe(_Words(action, label, bind, at)))
            place += 1
        else:
            place += 1
    return _concat(parts), place, ""


def _condition(
    pieces: list[str | tuple[str, int]],
    place: int,
    condition: str,
    label: Callable[[str], str],
    bind: Callable[[str], str],
) -> tuple[str, int]:
    at = pieces[place][1] if isinstance(pieces[place], tuple) else 0
    assert isinstance(at, int)
    asked = _pipe(_Words(condition, label, bind, at))
    then, place, stopped = _sequence(pieces, place + 1, label, bind)
    if not stopped:
        raise ParseError("the template has if without end", position=at)
    if stopped == "end":
        return f"if({asked} != '', {then}, '')", place + 1
    after = stopped[4:].strip()
    if after.startswith("if"):
        other, place = _condition(pieces, place, after[2:], label, bind)
        return f"if({asked} != '', {then}, {other})", place
    other, place, stopped = _sequence(pieces, place + 1, label, bind)
    if stopped != "end":
        raise ParseError("the template has else without end", position=at)
    return f"if({asked} != '', {then}, {other})", place + 1


def _concat(parts: list[str]) -> str:
    if not parts:
        return "''"
    return parts[0] if len(parts) == 1 else f"concat({', '.join(parts)})"


def _pipe(words: _Words) -> str:
    made, end = _calls(words, 0)
    if end < len(words.text.rstrip()):
        raise ParseError(f"the template does not read on at {words.text[end:][:30]!r}", position=words.at)
    return made


def _calls(words: _Words, place: int) -> tuple[str, int]:
    """Calls with pipes between them, up to a closing parenthesis or the end."""
    handed: str | None = None
    while True:
        handed, place = _call(words, place, handed)
        found = TOKEN.match(words.text, place)
        if not found or found["mark"] != "|":
            return handed, place
        place = found.end()


def _call(words: _Words, place: int, handed: str | None) -> tuple[str, int]:
    found = TOKEN.match(words.text, place)
    name = found["word"] if found else None
    if found is None or name is None or name in (LINE, TIME):
        if handed is not None:
            raise ParseError("a pipe of a template ends in a function", position=words.at)
        return _operand(words, place)
    place = found.end()
    if name not in FUNCTIONS:
        raise UnsupportedQuery(
            f"templates do not have the function {name}", position=words.at, hint=f"one of {', '.join(FUNCTIONS)}"
        )
    count, function = FUNCTIONS[name]
    arguments: list[str] = []
    while len(arguments) + (handed is not None) < count:
        if (after := words.text[place:].lstrip()[:1]) in ("", "|", ")"):
            raise ParseError(f"{name} takes {count} values, found {after or 'the end'!r}", position=words.at)
        value, place = _operand(words, place)
        arguments.append(value)
    return function(*arguments, *([] if handed is None else [handed])), place


def _operand(words: _Words, place: int) -> tuple[str, int]:
    rest = words.text[place:]
    blank = len(rest) - len(rest.lstrip())
    if rest[blank : blank + 1] in ('"', "`"):
        raw = words.text.encode("utf-8", "surrogateescape").decode("latin-1")
        before = len(words.text[: place + blank].encode("utf-8", "surrogateescape"))
        content, end, problem = unquote(raw, before)
        if problem:
            raise ParseError(f"{problem} in a template", position=words.at)
        return words.bind(content), len(raw[:end].encode("latin-1").decode("utf-8", "surrogateescape"))
    found = TOKEN.match(words.text, place)
    if not found:
        raise ParseError(f"the template does not read on at {rest[:30]!r}", position=words.at)
    if found["label"]:
        return words.label(found["label"][1:]), found.end()
    if found["number"]:
        return words.bind(found["number"]), found.end()
    if found["mark"] == "(":
        made, end = _calls(words, found.end())
        closing = TOKEN.match(words.text, end)
        if not closing or closing["mark"] != ")":
            raise ParseError("the template has ( without )", position=words.at)
        return made, closing.end()
    if found["word"] in (LINE, TIME):
        return words.label(found["word"]), found.end()
    if found["word"] in FUNCTIONS and FUNCTIONS[found["word"]][0] == 0:
        return FUNCTIONS[found["word"]][1](), found.end()
    raise ParseError(f"a template cannot have {found.group().strip()!r} here", position=words.at)
