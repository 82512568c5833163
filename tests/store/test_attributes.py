import asyncio
import math
from typing import Any

import pyarrow as pa
import pytest

from tests.query.engine import engine
from tests.query.telemetry import VALUES
from traceo.store.attributes import (
    decode_map,
    decode_maps,
    decode_value,
    encode_value,
    encodings_of,
    number_of,
    text_of,
)


def ask(expression: str, raw: bytes) -> Any:
    sql = f"SELECT {expression} AS answer FROM (SELECT materialize(unhex({{raw:String}})) AS x)"
    return asyncio.run(engine().query(sql, {"raw": raw.hex()})).to_pylist()[0]["answer"]


SCALARS = [(name, value) for name, value in VALUES.items() if name not in ("list", "object", "bytes")]
EDGES = [("int127", 127), ("int128", 128), ("int56bits", 1 << 56), ("int63bits", 1 << 62), ("inf", math.inf)]


@pytest.mark.parametrize(("name", "value"), [*SCALARS, *EDGES])
def test_engine_reads_a_value_as_text(name: str, value: Any) -> None:
    expected = str(value).lower() if isinstance(value, bool) else str(value)
    assert ask(text_of("x"), encode_value(value)) == expected


@pytest.mark.parametrize(
    ("value", "number"),
    [(0, 0.0), (-1, -1.0), (1 << 62, 2.0**62), (0.5, 0.5), ("12.5", 12.5), ("x", None), ("", None), (True, None)],
)
def test_engine_reads_a_value_as_number(value: Any, number: float | None) -> None:
    assert ask(number_of("x"), encode_value(value)) == number


@pytest.mark.parametrize(("name", "value"), [item for item in VALUES.items() if item[0] not in ("nan", "bytes")])
def test_values_survive_encoding(name: str, value: Any) -> None:
    decoded = decode_value(encode_value(value))
    assert decoded == value
    assert type(decoded) is type(value)


def test_what_json_cannot_say_is_marked() -> None:
    assert decode_value(encode_value(math.nan)) == {"$double": "NaN"}
    assert decode_value(encode_value(b"\x00\xff")) == {"$bytes": "AP8="}
    assert decode_value(b"\xff\xff") == {"$bytes": "//8="}
    assert decode_value(b"") is None


def test_bytes_are_base64_in_the_engine() -> None:
    assert ask(text_of("x"), encode_value(b"\x00\xff")) == "AP8="


def test_text_means_every_value_that_reads_the_same() -> None:
    assert encodings_of("500") == [encode_value("500"), encode_value(500), encode_value(500.0)]
    assert encodings_of("true") == [encode_value("true"), encode_value(True)]
    assert encodings_of("1_0") == [encode_value("1_0")]
    assert encodings_of("x") == [encode_value("x")]


def test_columns_of_maps_are_decoded_as_their_rows_are() -> None:
    rows: list[dict[bytes, bytes]] = [
        {name.encode(): encode_value(value) for name, value in VALUES.items()},
        {},
        {b"\xff": b"\xff", b"a": encode_value([1]), b"b": encode_value([2]), b"unset": b""},
    ]
    column = pa.chunked_array([pa.array([list(row.items()) for row in rows], pa.map_(pa.binary(), pa.binary()))] * 2)
    assert decode_maps(column) == [decode_map(row) for row in rows] * 2
