"""OTTL: which conditions are taken, and, on the engine, for which spans and events they hold."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sampling.traces import START_NS, Span, Trace, judge, store
from traceo.errors import ParseError, QueryError, UnsupportedQuery
from traceo.sampling.model import OttlCondition, Policy, PolicySet
from traceo.sampling.ottl.compiler import check_condition

EXAMPLES: dict[str, list[Any]] = yaml.safe_load(Path(__file__).with_name("ottl.yaml").read_text())
REFUSED = [
    *((ParseError, case) for case in EXAMPLES["parse_fails"] + EXAMPLES["validate_fails"]),
    *((UnsupportedQuery, case) for case in EXAMPLES["unsupported"]),
]
SPAN = Span(
    name="GET /cart",
    start_ns=5,
    duration_ns=1000,
    status=2,
    trace_state="v=x,w=y",
    attributes={
        "one": 1,
        "text": "seven",
        "digits": "12",
        "half": 0.5,
        "minus": -7,
        "yes": True,
        "list": [1],
        "map": {"a": 1},
        "bytes": b"\x01",
        "same": 1.0,
        "big": (1 << 62) + 1,
    },
    resource={"team": "x", "n": 3},
    events=(
        {"name": "exception", "time_unix_nano": START_NS + 7},
        {"name": "retry", "time_unix_nano": START_NS},
    ),
    more={"status": {"message": "bad"}},
)
HOLDS = [
    ('name == "GET /cart" and kind == SPAN_KIND_SERVER and kind.string == "Server"', True),
    ('name < "GET /d" and not name > "GET /d"', True),
    ('status.code == STATUS_CODE_ERROR and status.message == "bad"', True),
    ('attributes["one"] == 1 and attributes["one"] == 1.0 and attributes["same"] == 1', True),
    ('attributes["one"] == "1"', False),
    ('attributes["one"] != "1"', True),
    ('attributes["one"] < "2" or attributes["one"] > "0"', False),
    ('attributes["minus"] < 0 and attributes["half"] > 0 and attributes["half"] <= 0.5', True),
    ('attributes["big"] == 4611686018427387905 and attributes["big"] > 4611686018427387904', True),
    ('attributes["one"] == attributes["same"] and attributes["one"] > attributes["half"]', True),
    ('attributes["text"] > attributes["one"] or attributes["text"] < attributes["one"]', False),
    ('attributes["yes"] == true and attributes["yes"] > false and attributes["yes"] != attributes["one"]', True),
    ('attributes["none"] == nil and attributes["none"] != 1 and attributes["one"] != nil', True),
    ('attributes["none"] == attributes["nothing"]', True),
    ('attributes["none"] < 1 or attributes["none"] >= 1', False),
    ('attributes["bytes"] == 0x01 and attributes["bytes"] != "x"', True),
    ('attributes["one"] + 1 == 2 and attributes["half"] * 2.0 == 1.0 and (attributes["one"] - 3) / 2 == -1', True),
    ('attributes["none"] + 1 != 5', False),  # no value: the condition fails
    ('not (attributes["text"] + 1 > 5)', False),
    ('attributes["none"] == nil or attributes["none"] + 1 > 5', True),
    ('attributes["one"] == 2 and attributes["none"] + 1 > 5 or kind == 2', True),
    ("10 / (kind - 2) == 1", False),
    ("not (10 / (kind - 2) == 1)", False),
    ("end_time_unix_nano - start_time_unix_nano == 1000", True),
    (f"start_time_unix_nano == {START_NS + 5}", True),
    ('IsMatch(name, "^GET .cart$") and IsMatch(attributes["one"], "^1$") and IsMatch(attributes["yes"], "tru")', True),
    ('IsMatch(attributes["none"], ".*") or IsMatch(attributes["list"], ".*")', False),
    ('IsString(attributes["text"]) and IsInt(attributes["one"]) and IsDouble(attributes["half"])', True),
    ('IsBool(attributes["yes"]) and IsList(attributes["list"]) and IsMap(attributes["map"]) and IsString(name)', True),
    ('IsString(attributes["none"]) or IsInt(attributes["half"]) or IsInt(name)', False),
    ('Len(attributes["text"]) == 5 and Len(name) == 9', True),
    ('Len(attributes["none"]) == 0 or Len(attributes["one"]) == 1', False),
    ('Int(attributes["digits"]) == 12 and Int(attributes["half"]) == 0 and Int(attributes["yes"]) == 1', True),
    ('Int(attributes["text"]) == nil and Int(attributes["none"]) == nil and Int(attributes["text"]) != 0', True),
    ('Double(attributes["digits"]) == 12.0 and Double(attributes["one"]) / 2.0 == 0.5', True),
    ('String(attributes["one"]) == "1" and String(kind) == "2" and String(attributes["list"]) == nil', True),
    ('Int(attributes["text"]) + 1 == 1', False),
    ("IsRootSpan() and parent_span_id == SpanID(0x0000000000000000)", True),
    ('span_id.string == "0000000000000001" and trace_id.string == "01010101010101010100000000000001"', True),
    ("trace_id == TraceID(0x01010101010101010100000000000001)", True),
    ('trace_state["w"] == "y" and trace_state["q"] == "" and trace_state == "v=x,w=y"', True),
    ('resource.attributes["team"] == "x" and resource.attributes["n"] + 1 == 4', True),
    ('resource.attributes["team"] == nil', False),
    ('not resource.attributes["none"] == "x"', True),
    ('not (resource.attributes["none"] + 1 == 2)', False),
    ('instrumentation_scope.name == "lib" and scope.version == "1.2"', True),
    ("dropped_attributes_count == 0 and flags == 0 and true and not false", True),
]
EVENT_HOLDS = [
    ('name == "exception"', True),
    ('spanevent.name == "retry" and span.name == "GET /cart"', True),
    ('name == "other"', False),
    ('name == "retry" and time_unix_nano > span.start_time_unix_nano', False),
    ('name == "exception" and time_unix_nano > span.start_time_unix_nano', True),
    ('attributes["k"] == nil and resource.attributes["team"] == "x"', True),
    ('resource.attributes["team"] == "y"', False),
]


@pytest.mark.parametrize("text", EXAMPLES["valid"])
def test_valid_condition_is_taken(text: str) -> None:
    check_condition(str(text), "span")


@pytest.mark.parametrize(("kind", "case"), REFUSED, ids=[case["text"] for _, case in REFUSED])
def test_other_condition_is_refused_with_its_position(kind: type[QueryError], case: dict[str, Any]) -> None:
    with pytest.raises(kind) as caught:
        check_condition(case["text"], "span")
    assert type(caught.value) is kind
    assert caught.value.position == case["position"]
    if "hint" in case:
        assert caught.value.hint == case["hint"]


@pytest.mark.parametrize("text", ["(" * 41 + "true" + ")" * 41, "not " * 41 + "true", "a" * 5000, "IsInt(" * 50])
def test_deep_or_long_condition_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        check_condition(text, "span")


@pytest.fixture(scope="module")
def held() -> set[str]:
    """The conditions that hold, asked all at once: each is a policy, named by itself."""
    store("sampling-ottl", [Trace(1, (SPAN,))])
    asked = [Policy(text, OttlCondition(span=(text,))) for text, _ in HOLDS]
    asked += [Policy(f"event: {text}", OttlCondition(spanevent=(text,))) for text, _ in EVENT_HOLDS]
    return set(judge("sampling-ottl", PolicySet(tuple(asked)))[1]["votes"])


@pytest.mark.parametrize(("text", "holds"), HOLDS, ids=[text for text, _ in HOLDS])
def test_condition_holds_for_a_span(held: set[str], text: str, holds: bool) -> None:
    assert (text in held) == holds


@pytest.mark.parametrize(("text", "holds"), EVENT_HOLDS, ids=[text for text, _ in EVENT_HOLDS])
def test_condition_holds_for_an_event(held: set[str], text: str, holds: bool) -> None:
    assert (f"event: {text}" in held) == holds
