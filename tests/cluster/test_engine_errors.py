"""Whose fault an engine's error is: the query's, the sender's or the store's."""

import pytest

from traceo.errors import BadData, DiskFull, QueryError, QueryTimeout, StoreError, StoreUnavailable
from traceo.store.engine_errors import translate

MISSING = "Unknown table expression identifier '{}'. Maybe you meant system.one? In scope SELECT 1"


@pytest.mark.parametrize(
    ("code", "text", "while_querying", "while_inserting"),
    [
        pytest.param(47, "Unknown expression identifier `x`", QueryError, StoreError, id="unknown column"),
        pytest.param(46, "Function with name `x` does not exist", QueryError, StoreError, id="unknown function"),
        pytest.param(62, "Syntax error: failed at position 22", QueryError, StoreError, id="syntax"),
        pytest.param(60, MISSING.format("mine"), QueryError, StoreError, id="unknown table"),
        pytest.param(60, MISSING.format("spans"), StoreUnavailable, StoreUnavailable, id="own table"),
        pytest.param(60, "Table t.spans_local does not exist", StoreUnavailable, StoreUnavailable, id="on a shard"),
        pytest.param(60, "Table `t`.`seen` does not exist", StoreUnavailable, StoreUnavailable, id="quoted name"),
        pytest.param(81, "Database t does not exist", StoreUnavailable, StoreUnavailable, id="database"),
        pytest.param(516, "u: Authentication failed", StoreUnavailable, StoreUnavailable, id="login"),
        pytest.param(210, "Connection refused (b:9000)", StoreUnavailable, StoreUnavailable, id="unreachable"),
        pytest.param(243, "Cannot reserve 1 MiB", DiskFull, DiskFull, id="disk"),
        pytest.param(159, "Timeout exceeded", QueryTimeout, StoreUnavailable, id="time"),
        pytest.param(444, "Protobuf: unknown wire type", QueryError, BadData, id="unreadable"),
    ],
)
def test_error_is_blamed_on(code: int, text: str, while_querying: type, while_inserting: type) -> None:
    message = f"Code: {code}. DB::Exception: {text}. (NAME) (version 26.9.2.1)"
    assert type(translate(message)) is while_querying
    assert type(translate(message, inserting=True)) is while_inserting
