"""The text formats: what is read, what is refused, and that columns say what a careful reader of lines would."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scraping.received import STALE, read_requests
from traceo.scraping.config import ScrapeConfig
from traceo.scraping.digest import Digest, Outcome
from traceo.scraping.exposition import ExpositionError, parse_series, parse_text
from traceo.scraping.fetch import OPENMETRICS, TEXT
from traceo.scraping.floats import format_bound
from traceo.scraping.target import Target

TARGET = Target("http://x:80/metrics", {}, {}, 15, 10)
NOW = 1_795_633_795_837


def digest(text: str | bytes, format_name: str = TEXT, **settings: Any) -> Any:
    body = text if isinstance(text, bytes) else text.encode()
    return read_requests(Digest(ScrapeConfig("a", **settings), TARGET).take(body, format_name, NOW, Outcome()))


LINES: list[tuple[str, str, float]] = [
    ("go_goroutines 33", "go_goroutines", 33),
    ('a{b="c"} 1', 'a{b="c"}', 1),
    ('a{b="c",} 1', 'a{b="c"}', 1),
    ("a{} 1", "a", 1),
    ('a { b = "c" , d="e" } 1', 'a{b="c",d="e"}', 1),
    ("\ta \t 2\t", "a", 2),
    ('a{b="}"} 1', 'a{b="}"}', 1),
    ('a{b="# {"} 1', 'a{b="# {"}', 1),
    (r'a{b="\"}\\"} 1', r'a{b=""}\"}', 1),
    (r'a{b="\\\\\"x"} 1', r'a{b="\\"x"}', 1),
    (r'a{b="x\ny\z"} 1', 'a{b="x\ny\\z"}', 1),
    ('a{b="ü日"} 1', 'a{b="ü日"}', 1),
    ('{"my.metric",b="c"} 1', 'my.metric{b="c"}', 1),
    ('{"my.metric","b.c"="d"} 1', 'my.metric{b.c="d"}', 1),
    ("a +Inf", "a", math.inf),
    ("a -Inf", "a", -math.inf),
    ("a 1e-7", "a", 1e-7),
    ("a:b 0.1", "a:b", 0.1),
]  # fmt: skip


@pytest.mark.parametrize(("line", "series", "value"), LINES, ids=[line for line, _, _ in LINES])
def test_line_is_read(line: str, series: str, value: float) -> None:
    assert digest(line).samples == [(series, value, NOW)]


def test_lines_together_are_read_as_each_alone() -> None:
    text = '# HELP odd " quote { }\n\n' + "\n   \n".join(line for line, _, _ in LINES[1:])
    series = [parse_series(found.as_py().decode()) for found in parse_text(text.encode(), openmetrics=False).series]
    alone = [parse_text(line.encode(), openmetrics=False).series[0].as_py() for line, _, _ in LINES[1:]]
    assert series == [parse_series(found.decode()) for found in alone]


def test_nan_is_not_a_stale_marker() -> None:
    (_, value, _), = digest("a NaN").samples  # fmt: skip
    assert value != STALE and math.isnan(value)


def test_timestamps_are_milliseconds_in_text_and_seconds_in_openmetrics() -> None:
    assert digest("a 1 1395066363000\nb 2\nc 3 -5").samples == [("a", 1, 1395066363000), ("b", 2, NOW), ("c", 3, -5)]
    assert digest("a 1 1520879607.789\n# EOF\n", OPENMETRICS).samples == [("a", 1, 1520879607789)]
    assert digest("a 1 1395066363000", honor_timestamps=False).samples == [("a", 1, NOW)]


def test_exemplars_of_openmetrics_are_kept() -> None:
    text = 'a_bucket{le="1"} 8 # {trace_id="x }"} 0.67 1520879607.5\nb_total 2 1.5 # {} 3\nc_total 4\n# EOF\n'
    found = digest(text, OPENMETRICS)
    assert found.exemplars == [('a_bucket{le="1"}', '{trace_id="x }"}', 0.67, 1520879607500), ("b_total", "", 3, NOW)]
    assert found.samples == [('a_bucket{le="1"}', 8, NOW), ("b_total", 2, 1500), ("c_total", 4, NOW)]


def test_metadata_is_kept() -> None:
    text = "# HELP a A\\nlong text.\n# TYPE a counter\n# UNIT b seconds\n# TYPE b untyped\n# a remark\na 1\nb 2\n"
    assert digest(text).metadata == {"a": (1, "A\nlong text.", ""), "b": (0, "", "seconds")}


def test_bounds_are_written_in_one_way() -> None:
    text = '# TYPE a histogram\na_bucket{le="1"} 1\na_bucket{le="+Inf"} 2\n# TYPE b summary\nb{quantile="0.50"} 3\n'
    text += '# TYPE c gauge\nc_bucket{le="1"} 4\n'
    assert list(digest(text).values) == [
        'a_bucket{le="1.0"}',
        'a_bucket{le="+Inf"}',
        'b{quantile="0.5"}',
        'c_bucket{le="1"}',
    ]


BOUNDS = {
    0.0: "0.0", 1.0: "1.0", -2.0: "-2.0", 0.25: "0.25", 1e-5: "1e-05", 0.0001: "0.0001", 100000.0: "100000.0",
    1e6: "1e+06", 1234567.0: "1.234567e+06", 1e21: "1e+21", 0.1 + 0.2: "0.30000000000000004", math.inf: "+Inf",
}  # fmt: skip


@pytest.mark.parametrize("number", BOUNDS)
def test_bound_is_written_as_go_does(number: float) -> None:
    assert format_bound(number) == BOUNDS[number]


REFUSED = [
    ("a", TEXT, "expected a value, got ''"),
    ("a one", TEXT, "expected a value, got 'one'"),
    ("a 1_000", TEXT, "expected a value"),
    ("a 0x10", TEXT, "expected a value"),
    ("a 1 2 3", TEXT, "expected the end of the line behind a timestamp"),
    ("a 1 soon", TEXT, "expected a timestamp"),
    ("a 1 # {b=\"c\"} 1", TEXT, "unexpected #"),
    ('a{b="c} 1', TEXT, "expected"),
    ("a{b=c} 1", TEXT, "expected name"),
    ('a{b="c" d="e"} 1', TEXT, "expected name"),
    ('a{b="c",b="d"} 1', TEXT, "'b' is not unique"),
    ('a{="c"} 1', TEXT, "expected name"),
    ('{b="c"} 1', TEXT, "a series without a name"),
    ("1a 1", TEXT, "expected name|without a name"),
    ("a-b 1", TEXT, "expected name"),
    (b'a{b="\xff"} 1', TEXT, "invalid UTF-8"),
    (b"# HELP a \xff\n# TYPE a gauge\na 1", TEXT, "invalid UTF-8"),
    ("# TYPE a thing\na 1", TEXT, "invalid metric type 'thing'"),
    ("a 1\n", OPENMETRICS, "does not end with # EOF"),
    ("a 1 1e300\n# EOF", OPENMETRICS, "a timestamp is out of range"),
    ("a 1 # b\n# EOF", OPENMETRICS, "not an exemplar"),
    ("<html><body>\"sign in\"</body></html>", TEXT, "expected"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "format_name", "message"), REFUSED, ids=[str(text) for text, *_ in REFUSED])
def test_what_is_no_exposition_is_refused(text: str | bytes, format_name: str, message: str) -> None:
    with pytest.raises(ExpositionError, match=message):
        digest(text, format_name)


def test_nothing_at_all_is_an_answer() -> None:
    assert digest("").samples == digest("\n# only a remark\n").samples == []


label_values = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
labels = st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), label_values, max_size=3)


def write_labels(row: dict[str, str]) -> str:
    escaped = {name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for name, value in row.items()}
    return ",".join(f'{name}="{value}"' for name, value in escaped.items())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(labels, st.floats(allow_nan=False)), max_size=8))
def test_any_labels_and_values_survive(rows: list[tuple[dict[str, str], float]]) -> None:
    lines = [f"m{n}{{{write_labels(row)}}} {value!r}" for n, (row, value) in enumerate(rows)]
    samples = parse_text("\n".join(lines).encode(), openmetrics=False)
    found = [parse_series(text.as_py().decode()) for text in samples.series]
    assert found == [{"__name__": f"m{n}", **row} for n, (row, _) in enumerate(rows)]
    assert samples.values.tolist() == [value for _, value in rows]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text('a{}="\\ #\n1.,e', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for format_name in (TEXT, OPENMETRICS):
        try:
            digest(body + (b"\n# EOF\n" if format_name == OPENMETRICS else b""), format_name)
        except ExpositionError:
            continue
