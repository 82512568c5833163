"""Go templates of `line_format` and `label_format`, as SQL over labels.

Texts, `{{ .label | function }}`, `if`, `with`, `range`, `else if`, `else`, `end`, and variables (`$x := ...`), which
stand for the expression that they were given. A missing label is the empty text. Values are texts, but for what
`fromJson` reads: that has fields, and `range` goes over it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce

from traceo.errors import ParseError, UnsupportedQuery
from traceo.query.logql.template_functions import FOLDED, FUNCTIONS, OPTIONAL, VARIADIC, Json, Literal, printf
from traceo.query.promql.quoting import unquote

ACTION = re.compile(r"\{\{(-)?\s*(.*?)\s*(-)?\}\}", re.DOTALL)
TOKEN = re.compile(
    r"\s*(?:\$?(?P<label>\.[a-zA-Z_]\w*)|(?P<dot>\.(?!\d))|(?P<variable>\$\w+)(?P<path>(?:\.[a-zA-Z_]\w*)*)|(?P<number>-?(?:\d+(?:\.\d+)?|\.\d+))|(?P<word>[a-zA-Z_]\w*)|(?P<mark>[|()]))"
)
MAX_ACTIONS = 200
MAX_SQL = 100_000  # characters: an expression that is used twice is written twice
DECLARED = re.compile(r"(\$\w+)\s*:=\s*")
RANGED = re.compile(r"(?:(?:(\$\w+)\s*,\s*)?(\$\w+)\s*:=\s*)?")
ASSIGNED = re.compile(r"\$\w+\s*=")


LINE, TIME = "__line__", "__timestamp__"


@dataclass(frozen=True, slots=True)
class _Names:
    """What names mean at a place of the template: labels, the dot, variables."""

    label: Callable[[str], str]
    bind: Callable[[str], str]
    dot: str | None = None
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Words:
    """One action's text on its way to SQL."""

    text: str
    names: _Names
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
    made, left, stopped = _sequence(pieces, 0, _Names(label, bind))
    if stopped:
        raise ParseError(f"the template has {stopped} without if", position=at)
    assert left == len(pieces)
    return made


def _sequence(pieces: list[str | tuple[str, int]], start: int, around: _Names) -> tuple[str, int, str]:
    """SQL of the pieces up to an `else` or `end` of an `if` around them; where it stopped, and at what."""
    names = replace(around, variables=dict(around.variables))
    parts: list[str] = []
    place = start
    while place < len(pieces):
        piece = pieces[place]
        if isinstance(piece, str):
            if piece:
                parts.append(names.bind(piece))
            place += 1
            continue
        action, at = piece
        word = action.split(None, 1)[0] if action else ""
        if word in ("else", "end"):
            return _concat(parts), place, action
        if word in ("if", "with"):
            made, place = _condition(pieces, place, word, action[len(word) :], names)
            parts.append(made)
            continue
        if word == "range":
            made, place = _range(pieces, place, action[len(word) :].strip(), names, at)
            parts.append(made)
            continue
        parts += _action(action, word, names, at)
        place += 1
    return _concat(parts), place, ""


def _action(action: str, word: str, names: _Names, at: int) -> list[str]:
    """SQL of what an action writes: nothing for comments and declarations."""
    if word in ("define", "template", "block", "break", "continue") or ASSIGNED.match(action):
        what = word if word.isalpha() else "assignments (but := )"
        raise UnsupportedQuery(f"templates with {what} cannot be answered", position=at)
    if action.startswith("/*"):
        return []
    if declared := DECLARED.match(action):
        names.variables[declared[1]] = _pipe(_Words(action[declared.end() :], names, at))
        return []
    return [_text(_pipe(_Words(action, names, at)))]


def _range(pieces: list[str | tuple[str, int]], place: int, header: str, names: _Names, at: int) -> tuple[str, int]:
    """`range` up to its end: the dot, and the variable that is named, stand for each element of the JSON."""
    declared = RANGED.match(header)
    assert declared
    asked = _pipe(_Words(header[declared.end() :], names, at))
    if not isinstance(asked, Json):
        raise UnsupportedQuery("range goes over what fromJson reads", position=at, hint="range $x := fromJson .label")
    one = f"e{place}"
    element = Json(f"{one}.2")
    named = {variable: value for variable, value in ((declared[1], f"{one}.1"), (declared[2], element)) if variable}
    inner = replace(names, dot=element, variables={**names.variables, **named})
    body, place, stopped = _sequence(pieces, place + 1, inner)
    pairs, other = asked.pairs(), ""
    if stopped == "else":
        other, place, stopped = _sequence(pieces, place + 1, names)
    if stopped != "end":
        raise ParseError("the template has range without end", position=at)
    made = f"arrayStringConcat(arrayMap({one} -> {body}, {pairs}))"
    return _limited(f"if(empty({pairs}), {other}, {made})" if other else made, at), place + 1


def _text(made: str) -> str:
    return made.shown() if isinstance(made, Json) else made


def _condition(
    pieces: list[str | tuple[str, int]], place: int, word: str, condition: str, names: _Names
) -> tuple[str, int]:
    """`if` or `with` up to its end; `with` lets the dot stand for what it asks."""
    at = pieces[place][1] if isinstance(pieces[place], tuple) else 0
    assert isinstance(at, int)
    declared = DECLARED.match(condition.strip())
    asked = _pipe(_Words(condition.strip()[declared.end() if declared else 0 :], names, at))
    inner = replace(names, variables={**names.variables, declared[1]: asked}) if declared else names
    then, place, stopped = _sequence(pieces, place + 1, replace(inner, dot=asked) if word == "with" else inner)
    asked = _text(asked)
    if not stopped:
        raise ParseError(f"the template has {word} without end", position=at)
    if stopped == "end":
        return _limited(f"if({asked} != '', {then}, '')", at), place + 1
    after = stopped[4:].strip()
    if after.split(None, 1)[:1] in (["if"], ["with"]):
        next_word = after.split(None, 1)[0]
        other, place = _condition(pieces, place, next_word, after[len(next_word) :], inner)
        return _limited(f"if({asked} != '', {then}, {other})", at), place
    other, place, stopped = _sequence(pieces, place + 1, inner)
    if stopped != "end":
        raise ParseError("the template has else without end", position=at)
    return _limited(f"if({asked} != '', {then}, {other})", at), place + 1


def _limited(made: str, at: int) -> str:
    if len(made) > MAX_SQL:
        raise ParseError("the template repeats itself too often: its expression becomes too long", position=at)
    return made


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
    if name in VARIADIC:
        return _formatted(words, place, handed)
    if name not in FUNCTIONS:
        known = ", ".join([*FUNCTIONS, *VARIADIC])
        raise UnsupportedQuery(f"templates do not have the function {name}", position=words.at, hint=f"one of {known}")
    count, function = FUNCTIONS[name]
    if name in FOLDED:
        return _folded(words, place, handed, name)
    arguments: list[str] = []
    while len(arguments) + (handed is not None) < count:
        if name in OPTIONAL and len(arguments) == count - 1 and _ends(words, place):
            arguments.append(words.names.bind(OPTIONAL[name]))
            break
        if (after := words.text[place:].lstrip()[:1]) in ("", "|", ")"):
            raise ParseError(f"{name} takes {count} values, found {after or 'the end'!r}", position=words.at)
        value, place = _operand(words, place)
        arguments.append(_text(value))
    arguments += [] if handed is None else [_text(handed)]
    try:
        return _limited(function(*arguments), words.at), place
    except ValueError as error:
        raise UnsupportedQuery(f"{name} {error}", position=words.at) from error


def _ends(words: _Words, place: int) -> bool:
    return words.text[place:].lstrip()[:1] in ("", "|", ")")


def _folded(words: _Words, place: int, handed: str | None, name: str) -> tuple[str, int]:
    """`add 1 2 3`: all values up to the next pipe, the first two first."""
    arguments, place = _values(words, place, handed)
    count, function = FUNCTIONS[name]
    if len(arguments) < count:
        raise ParseError(f"{name} takes {count} values or more, found {len(arguments)}", position=words.at)
    return _limited(reduce(function, arguments), words.at), place


def _values(words: _Words, place: int, handed: str | None) -> tuple[list[str], int]:
    arguments: list[str] = []
    while not _ends(words, place):
        value, place = _operand(words, place)
        arguments.append(_text(value))
    return arguments + ([] if handed is None else [_text(handed)]), place


def _formatted(words: _Words, place: int, handed: str | None) -> tuple[str, int]:
    """`printf` and all values up to the next pipe."""
    arguments, place = _values(words, place, handed)
    try:
        return _limited(printf(*arguments, bind=words.names.bind), words.at), place
    except ValueError as error:
        raise UnsupportedQuery(f"printf {error}", position=words.at) from error


def _operand(words: _Words, place: int) -> tuple[str, int]:
    rest = words.text[place:]
    blank = len(rest) - len(rest.lstrip())
    if rest[blank : blank + 1] in ('"', "`"):
        return _quoted(words, place + blank)
    found = TOKEN.match(words.text, place)
    if not found:
        raise ParseError(f"the template does not read on at {rest[:30]!r}", position=words.at)
    names = words.names
    if found["label"]:
        return _field(found, names), found.end()
    if found["number"]:
        return Literal(names.bind(found["number"]), found["number"]), found.end()
    if found["dot"] and names.dot is not None:
        return names.dot, found.end()
    if found["variable"] in names.variables:
        return _variable(found, words), found.end()
    if found["mark"] == "(":
        made, end = _calls(words, found.end())
        closing = TOKEN.match(words.text, end)
        if not closing or closing["mark"] != ")":
            raise ParseError("the template has ( without )", position=words.at)
        return made, closing.end()
    if found["word"] in (LINE, TIME):
        return names.label(found["word"]), found.end()
    if found["word"] in FUNCTIONS and FUNCTIONS[found["word"]][0] == 0:
        return FUNCTIONS[found["word"]][1](), found.end()
    raise ParseError(f"a template cannot have {found.group().strip()!r} here", position=words.at)


def _quoted(words: _Words, place: int) -> tuple[str, int]:
    raw = words.text.encode("utf-8", "surrogateescape").decode("latin-1")
    before = len(words.text[:place].encode("utf-8", "surrogateescape"))
    content, end, problem = unquote(raw, before)
    if problem:
        raise ParseError(f"{problem} in a template", position=words.at)
    end = len(raw[:end].encode("latin-1").decode("utf-8", "surrogateescape"))
    return Literal(words.names.bind(content), content), end


def _field(found: re.Match[str], names: _Names) -> str:
    """`.name`: of the dot where it is JSON, else a label, as `$.name` always is."""
    name = found["label"][1:]
    if isinstance(names.dot, Json) and "$" not in found.group():
        return names.dot.field(names.bind(name))
    return names.label(name)


def _variable(found: re.Match[str], words: _Words) -> str:
    """`$x`, or `$x.a.b` where it is JSON."""
    value = words.names.variables[found["variable"]]
    for name in found["path"].split(".")[1:]:
        if not isinstance(value, Json):
            raise ParseError(f"{found['variable']} is a text, without .{name}", position=words.at)
        value = value.field(words.names.bind(name))
    return value
