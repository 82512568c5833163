"""Columns and rows of what the engine answers, against what Arrow makes of it."""

import pyarrow as pa

from traceo.query.run import as_bytes, rows_of, to_columns, to_rows

TEXTS = pa.map_(pa.string(), pa.string())
TABLE = pa.table(
    {
        "text": pa.array([b"a", b"\xff", b""], pa.binary()).view(pa.string()),
        "missing": pa.array(["a", None, ""]),
        "id": pa.array([b"12345678"] * 3, pa.binary(8)),
        "large": pa.array([0, (1 << 64) - 1, 1], pa.uint64()),
        "half": [0.5, 1e300, -0.0],
        "yes": [True, False, True],
        "at": pa.array([1, 2, 3], pa.timestamp("ns", "UTC")),
        "few": pa.array(["a", "b", "a"]).dictionary_encode(),
        "numbers": pa.array([[1, 2], [], [3]], pa.list_(pa.uint32())),
        "map": pa.array([[("k", "v")], [], [("k", "v"), ("l", "w")]], TEXTS),
        "maps": pa.array([[[("k", "v")], []], [], [[("l", "w")]]], pa.list_(TEXTS)),
        "pair": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": "z"}],
    }
)


def test_rows_are_those_of_arrow_with_bytes_for_texts_and_numbers_for_times() -> None:
    chunks = pa.concat_tables([TABLE.slice(1), TABLE, TABLE.slice(0, 0)])
    assert to_rows(chunks) == as_bytes(chunks).to_pylist(maps_as_pydicts="lossy")
    assert to_columns(chunks)["maps"][2] == [{b"k": b"v"}, {}]


def test_nothing_has_no_rows() -> None:
    assert to_rows(pa.table({})) == rows_of({}) == to_rows(TABLE.slice(0, 0)) == []
