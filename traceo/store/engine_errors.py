"""Translates what the engine says (`Code: NNN. DB::Exception: ...`) into Traceo's errors, for both stores."""

import re
from functools import cache

from traceo.errors import (
    BadData,
    DiskFull,
    LimitExceeded,
    QueryError,
    QueryTimeout,
    StoreError,
    StoreUnavailable,
    TraceoError,
)
from traceo.store.migrate import read_migrations

CODE = re.compile(r"Code: (\d+)")
NOISE = re.compile(r"^.*?DB::Exception: |\s*\(version .*?\)\s*$|: While executing \w+|\(official build\)", re.DOTALL)

# Numbers of ClickHouse's ErrorCodes.cpp
UNREADABLE = {6, 26, 27, 33, 36, 53, 69, 70, 72, 117, 131, 190, 436, 437, 444}
NO_SPACE = {243}
# Time, simultaneous queries, memory, parts: an insert that met one of them may be sent again later.
BUSY = {159, 202, 241, 252}
LIMITS = {158: "rows", 159: "time", 241: "memory", 396: "rows of the result", 307: "bytes", 167: "time", 290: "memory"}
TIMED_OUT = {159, 167}
AFTER_EOF = 32  # a length that runs past the end of the input; or, where an address is named, a connection that broke
UNREACHABLE = {209, 210, 279, 198, 519, 225, 242, 999, 203, 32, 236, 74, 76}
# What no query text can cause: user SQL names neither logins nor databases (query/guard.py).
BAD_LOGIN = "it refuses the user or the password of store.url"
NOT_SET_UP = {516: BAD_LOGIN, 192: BAD_LOGIN, 193: BAD_LOGIN, 194: BAD_LOGIN, 81: "its database is missing"}
UNKNOWN_TABLE = 60
TABLE_NAME = re.compile(r"(?:identifier|Table) [`']?(?:\w+`?\.`?)*(\w+)")
CREATED = re.compile(r"CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+)")


def translate(message: str, *, inserting: bool = False) -> TraceoError:
    """The error for an engine's message. While `inserting`, unreadable input is the sender's `BadData`."""
    found = CODE.search(message)
    code = int(found.group(1)) if found else 0
    text = _readable(message)
    if code in NO_SPACE or "No space left" in message:
        return DiskFull("the disk of the store is full: free some space, or lower the retention", code=code)
    if inserting and code == AFTER_EOF and "receiving packet" not in message:
        return BadData(text, code=code)
    if code in UNREACHABLE:
        return StoreUnavailable(f"the store cannot be reached: {text}", code=code)
    if code in NOT_SET_UP:
        first_line = text.partition("\n")[0]
        return StoreUnavailable(f"the store cannot be used, {NOT_SET_UP[code]}: {first_line}", code=code)
    if code == UNKNOWN_TABLE and _is_ours(text):
        return StoreUnavailable(f"the store cannot be used, one of its tables is missing: {text}", code=code)
    if inserting and code in BUSY:
        return StoreUnavailable(f"the store is too busy: {text}", code=code)
    if inserting:
        return BadData(text, code=code) if code in UNREADABLE else StoreError(text, code=code)
    if code in LIMITS:
        kind = QueryTimeout if code in TIMED_OUT else LimitExceeded
        return kind(f"the query was stopped at its limit of {LIMITS[code]}: {text}")
    return QueryError(text)


def _is_ours(text: str) -> bool:
    found = TABLE_NAME.search(text)
    return found is not None and found.group(1).removesuffix("_local") in _own_tables()


@cache
def _own_tables() -> frozenset[str]:
    created = (CREATED.search(migration.text) for migration in read_migrations())
    return frozenset({"schema_migrations"} | {found.group(1) for found in created if found})


def _readable(message: str) -> str:
    text = NOISE.sub("", message.split("Stack trace:")[0]).strip()
    return text[:600]
