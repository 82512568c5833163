"""Lets one harmless SELECT of a user through, and shows it the tenant's views instead of tables.

What is checked is the tree, and what runs is the text that the tree is written as: a text that the parser and the
engine read differently cannot slip through. Names of tables and functions are allowed by list.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from traceo.errors import ParseError, QueryError, UnsupportedQuery
from traceo.query.sql import ALL_WINDOWS, TIME_COLUMNS, Scope
from traceo.query.views import VIEWS
from traceo.store.attributes import text_of

DIALECT = "clickhouse"
MAX_LENGTH = 64 * 1024
PREFIX = "traceo_view_"
READ_ONLY = (exp.Select, exp.SetOperation, exp.Subquery)
# Parts of a SELECT that reach beyond its rows, by the name of the tree's argument.
FORBIDDEN_PARTS = {"settings": "SETTINGS", "format": "FORMAT", "into": "INTO", "locks": "FOR UPDATE", "hint": "hints"}
FORBIDDEN_NODES: dict[type[exp.Expr], str] = {
    exp.Apply: "APPLY",
    exp.Command: "this statement",
    exp.Final: "FINAL",
    exp.Into: "INTO",
    exp.Parameter: "a session parameter",
    exp.SessionParameter: "a session parameter",
    exp.TableSample: "SAMPLE",
    exp.Values: "VALUES",
}
# Words before a parenthesis that are no functions.
WORDS_TEXT = """
all and any array as asof anti between by case cast columns cross cube distinct else end except exists from full global
group having in inner intersect interval is join key lambda left like limit not offset on or order outer over partition
prewhere rollup select semi sets then union using values when where window with
"""
WORDS = frozenset(WORDS_TEXT.split())
TYPES = re.compile(
    r"(?i)(array|tuple|map|nullable|lowcardinality|fixedstring|datetime(64)?|decimal(32|64|128|256)?|enum(8|16)?)"
)
COMBINATORS = re.compile(
    r"(if|array|map|foreach|distinct|ordefault|ornull|resample|simplestate|state|merge|mergestate|argmin|argmax)$"
)
WINDOW_TEXT = "row_number rank dense_rank percent_rank cume_dist ntile lag lead laginframe leadinframe"
WINDOW = frozenset(WINDOW_TEXT.split())
PLACEHOLDER_TYPE = re.compile(
    r"(?i)(U?Int(8|16|32|64|128|256)|Float(32|64)|String|Bool|Date(32)?|DateTime|DateTime64\(\d\)|UUID|Array\((U?Int64|Float64|String)\))"
)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A query that may run."""

    sql: str
    params: dict[str, object]


def guard(tenant: str, text: str, params: dict[str, object], *, recent: frozenset[str] = ALL_WINDOWS) -> Guarded:
    """The user's query over the tenant's views; `recent` as in `Scope`. Raises ParseError, UnsupportedQuery."""
    if len(text) > MAX_LENGTH:
        raise UnsupportedQuery(f"the query is longer than {MAX_LENGTH} characters")
    scope = Scope(tenant, recent=recent)
    try:
        sql = _compile(text, frozenset(params), frozenset(scope.params), recent)
    except RecursionError as error:
        raise UnsupportedQuery("the query is nested too deeply") from error
    return Guarded(sql, {**params, **scope.params})


@lru_cache(maxsize=200)
def _compile(text: str, params: frozenset[str], reserved: frozenset[str], recent: frozenset[str]) -> str:
    """The SQL that runs: the same for every tenant and for all values, which are bound. Panels repeat their texts."""
    tree = _parse(text)
    for node in tree.walk():
        _check_node(node)
    own_names = {cte.alias for cte in tree.find_all(exp.CTE)}
    _check_names(tree, own_names)
    _check_params(tree, params, reserved)
    _read_single_values(tree, own_names)
    used = _use_views(tree, own_names)
    body = _render(tree)
    tokens = sqlglot.tokenize(body, dialect=DIALECT)
    _check_calls(tokens)
    names = None if _reads_all(tree) else frozenset(token.text for token in tokens)
    scope = Scope("", recent=recent)
    views = [f"{PREFIX}{name} AS ({VIEWS[name](scope, names)})" for name in sorted(used)]
    return _with_views(body, tree, views)


def _parse(text: str) -> exp.Expression:
    try:
        statements = sqlglot.parse(text, dialect=DIALECT)
    except SqlglotError as error:
        raise _parse_error(error, text) from error
    if statements in ([], [None]):
        raise ParseError("there is no statement", hint="send one SELECT")
    if len(statements) != 1 or statements[0] is None:
        raise UnsupportedQuery("one statement at a time", hint="send one SELECT, without a semicolon inside")
    tree = statements[0]
    if not isinstance(tree, READ_ONLY):
        raise UnsupportedQuery("only SELECT can be run here", hint=f"views: {', '.join(VIEWS)}")
    return tree


def _parse_error(error: SqlglotError, text: str) -> ParseError:
    found = getattr(error, "errors", None) or [{}]
    message = re.sub(r"\x1b\[\d*m", "", str(found[0].get("description") or error)).split("\n")[0]
    line, column = found[0].get("line"), found[0].get("col")
    position = None
    if line and column:
        position = max(0, sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + column - 1)
    return ParseError(message.rstrip("."), position=position)


def _check_node(node: exp.Expr) -> None:
    for kind, words in FORBIDDEN_NODES.items():
        if isinstance(node, kind):
            raise UnsupportedQuery(f"{words} cannot be used here")
    if isinstance(node, exp.Query):
        for part, words in FORBIDDEN_PARTS.items():
            if node.args.get(part):
                raise UnsupportedQuery(f"{words} cannot be used here")
    if isinstance(node, exp.In):
        _check_in(node)
    if isinstance(node, exp.Table):
        _check_table(node)


def _check_table(table: exp.Table) -> None:
    if table.args.get("db") or table.args.get("catalog"):
        raise UnsupportedQuery("a database cannot be named here", hint=f"views: {', '.join(VIEWS)}")
    if not isinstance(table.this, exp.Identifier):
        raise UnsupportedQuery("table functions cannot be used here", hint=f"views: {', '.join(VIEWS)}")


def _check_in(node: exp.In) -> None:
    """`x IN name` reads a table of that name: only lists, subqueries and parameters may stand there."""
    right = [item for item in (node.args.get("field"), *node.expressions) if item is not None]
    if len(right) == 1 and isinstance(right[0].unnest(), exp.Column | exp.Identifier | exp.Dot | exp.Table | exp.Var):
        raise UnsupportedQuery("IN needs a list or a subquery", hint="for arrays: has(array, value)")


def _check_names(tree: exp.Expression, own_names: set[str]) -> None:
    for name in own_names:
        if name in VIEWS or name in TIME_COLUMNS or name.startswith(PREFIX):
            raise UnsupportedQuery(f"the name {name!r} is taken: choose another for this WITH")
    for table in tree.find_all(exp.Table):
        if table.name not in VIEWS and table.name not in own_names:
            raise UnsupportedQuery(f"there is no view {table.name!r}", hint=f"views: {', '.join(VIEWS)}")


def _check_params(tree: exp.Expression, params: frozenset[str], reserved: frozenset[str]) -> None:
    for node in tree.find_all(exp.Placeholder):
        kind = node.args.get("kind")
        text = kind.sql(dialect=DIALECT) if isinstance(kind, exp.Expression) else str(kind)
        if not PLACEHOLDER_TYPE.fullmatch(text):
            raise UnsupportedQuery(f"a parameter cannot have the type {text}")
        if node.name not in params:
            raise QueryError(f"the parameter {node.name!r} has no value")
    for name in sorted(params):
        if name in reserved or not re.fullmatch(r"[A-Za-z]\w{0,63}", name, re.ASCII) or re.fullmatch(r"p\d+", name):
            raise QueryError(f"a parameter cannot be named {name[:64]!r}")


def _read_single_values(tree: exp.Expression, own_names: set[str]) -> None:
    """`attributes['key']` of a view becomes the text of that one value, instead of one out of a map of texts."""
    aliases = {node.alias for node in tree.find_all(exp.Alias, exp.TableAlias)} | own_names
    for select in tree.find_all(exp.Select):
        tables = [select.args.get("from_"), *select.args.get("joins", [])]
        direct = all(part and isinstance(part.this, exp.Table) and part.this.name in VIEWS for part in tables)
        if not direct or "attributes" in aliases:
            continue
        for bracket in list(select.find_all(exp.Bracket)):
            if bracket.find_ancestor(exp.Select) is select and _is_single_value(bracket):
                _keep_name(bracket, select)
                raw = bracket.copy()
                raw.this.this.set("this", "attributes_raw")
                bracket.replace(sqlglot.parse_one(text_of(raw.sql(dialect=DIALECT)), dialect=DIALECT))


def _keep_name(bracket: exp.Bracket, select: exp.Select) -> None:
    """An answer's column is named like what the user wrote, not like what is made of it."""
    for item in select.expressions:
        if not isinstance(item, exp.Alias) and any(node is bracket for node in item.walk()):
            named = exp.Alias(alias=exp.to_identifier(item.sql(dialect=DIALECT), quoted=True))
            item.replace(named)
            named.set("this", item)  # the item itself: the bracket in it is replaced next


def _is_single_value(bracket: exp.Bracket) -> bool:
    column, keys = bracket.this, bracket.expressions
    literal = len(keys) == 1 and isinstance(keys[0], exp.Literal) and keys[0].is_string
    return (
        literal
        and isinstance(column, exp.Column)
        and column.name == "attributes"
        and not bracket.find_ancestor(exp.Lambda)
    )


def _reads_all(tree: exp.Expression) -> bool:
    """Whether columns are read that the text does not name: `*` and `COLUMNS(...)`, but not `count(*)`."""
    return any(not isinstance(node.parent, exp.Count) for node in tree.find_all(exp.Star, exp.Columns))


def _use_views(tree: exp.Expression, own_names: set[str]) -> set[str]:
    used = set()
    for table in list(tree.find_all(exp.Table)):
        if table.name in own_names:
            continue
        used.add(table.name)
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(PREFIX + table.name))
    return used


def _render(tree: exp.Expression) -> str:
    return tree.sql(dialect=DIALECT, comments=False)


def _with_views(body: str, tree: exp.Expression, views: list[str]) -> str:
    if not views:
        return body
    own = tree.args.get("with_")
    if not own:
        return f"WITH {', '.join(views)} {body}"
    tree.set("with_", None)
    definitions = ", ".join(cte.sql(dialect=DIALECT, comments=False) for cte in own.expressions)
    return f"WITH {', '.join(views)}, {definitions} {_render(tree)}"


def _check_calls(tokens: list[Token]) -> None:
    """Every name before a parenthesis, in the text that runs, is a function of the list, a type or a word of SQL."""
    for name in _called(tokens):
        if not is_allowed_function(name):
            raise UnsupportedQuery(f"the function {name!r} cannot be used here")


def _called(tokens: list[Token]) -> Iterator[str]:
    for before, after in pairwise(tokens):
        if after.token_type is not TokenType.L_PAREN or not re.match(r"[A-Za-z_]", before.text):
            continue
        if before.token_type is TokenType.STRING:
            continue
        if before.token_type is TokenType.IDENTIFIER or before.text.lower() not in WORDS:
            yield before.text


def is_allowed_function(name: str) -> bool:
    """Whether a user may call it, in any case and with any aggregate combinators."""
    name = name.lower()
    if TYPES.fullmatch(name) or name in WINDOW:
        return True
    while name not in _functions():
        shorter = COMBINATORS.sub("", name)
        if shorter == name:
            return False
        name = shorter
    return True


@cache
def _functions() -> frozenset[str]:
    text = (resources.files("traceo.query") / "functions.txt").read_text(encoding="utf-8")
    return frozenset(name for line in text.splitlines() if not line.startswith("#") for name in line.split())
