"""Loki's push over HTTP as Loki answers it; what is stored equals what was sent, through the real engine."""

import asyncio
import gzip
import json
import secrets
import zlib
from collections.abc import Callable
from typing import Any

import cramjam
import httpx
import pytest

from tests.moment import NOW_S
from tests.query.engine import engine
from tests.receivers.loki_messages import push_json, push_request, snappy
from tests.receivers.stubs import Bench, make_bench
from tests.receivers.test_remote_write import nowhere
from traceo.errors import DiskFull, StoreUnavailable
from traceo.query.run import as_bytes
from traceo.receivers.loki import PATH, with_loki_push
from traceo.receivers.loki_body import LONGEST
from traceo.receivers.loki_labels import read_labels
from traceo.receivers.verify import rewrite
from traceo.store.attributes import decode_map
from traceo.store.base import Signal

pytestmark = pytest.mark.anyio

NOW = NOW_S * 10**9
SHOP = '{app="shop", env="prod"}'
ONE = push_request((SHOP, [(NOW, "hello")]))
JSON = "application/json"
MANY = "{" + ", ".join(f'a{number}="b"' for number in range(101)) + "}"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="module")
def made() -> None:
    """The engine, before a loop runs."""
    engine()


async def post(bench: Bench, body: bytes, method: str = "POST", path: str = PATH, **headers: str) -> httpx.Response:
    sent = {"content-type": "application/x-protobuf", "x-scope-orgid": "team"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.ASGITransport(with_loki_push(nowhere, bench.ingest))
    async with httpx.AsyncClient(transport=transport, base_url="http://traceo") as client:
        return await client.request(
            method, path, content=body, headers={name: value for name, value in sent.items() if value}
        )


async def store(body: bytes, **headers: str) -> tuple[httpx.Response, list[dict[str, Any]]]:
    """Send to the real engine: the answer, and what is stored."""
    tenant = f"loki-{secrets.token_hex(4)}"
    answer = await post(make_bench(store=engine()), body, x_scope_orgid=tenant, **headers)
    return answer, await stored(tenant)


async def stored(tenant: str) -> list[dict[str, Any]]:
    """Records in order of their times, with their stream's labels."""
    sql = (
        "SELECT l.*, toUnixTimestamp64Nano(time) AS ns, r.attributes AS labels, schema_url AS url, r.service AS owner "
        "FROM logs AS l LEFT JOIN (SELECT * FROM resources LIMIT 1 BY tenant, id) AS r "
        "ON r.id = l.resource_id AND r.tenant = l.tenant WHERE l.tenant = {tenant:String} ORDER BY ns, body"
    )
    return await read(sql, tenant)


async def read(sql: str, tenant: str) -> list[dict[str, Any]]:
    table = as_bytes(await engine().query(sql, {"tenant": tenant}))
    rows: list[dict[str, Any]] = table.to_pylist(maps_as_pydicts="strict")
    return rows


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"\xff\xff not snappy", {}, 400, "not valid snappy"),
        (ONE.SerializeToString(), {}, 400, "not valid snappy"),
        (snappy(bytes(2 << 20)), {}, 413, "larger than 1048576 bytes"),
        (b"", {"method": "GET"}, 405, "only POST"),
        (b"", {"path": "/api/prom/push"}, 404, "send to /loki/api/v1/push"),
        (snappy(ONE), {"content_type": "text/plain"}, 415, "must be application/x-protobuf or application/json"),
        (snappy(ONE), {"content_encoding": "br"}, 415, "'br' is not supported"),
        (snappy(ONE.SerializeToString()[:-3]), {}, 400, "no Loki push request"),
        (b"{", {"content_type": JSON}, 400, "not valid JSON"),
        (b"[]", {"content_type": JSON}, 400, 'no list "streams"'),
        (b'{"streams": [1]}', {"content_type": JSON}, 400, "streams[0] is not an object"),
        (b'{"streams": [{"values": []}]}', {"content_type": JSON}, 400, 'no object "stream"'),
        (b'{"streams": [{"stream": {"a": 1}, "values": []}]}', {"content_type": JSON}, 400, "'a' is not a string"),
        (b'{"streams": [{"stream": {"a": "b"}}]}', {"content_type": JSON}, 400, 'no list "values"'),
        (snappy(ONE), {"authorization": "Bearer wrong"}, 401, "the token is unknown"),
        (snappy(ONE), {"authorization": "Bearer reader"}, 403, "does not have the scope ingest"),
        (snappy(ONE), {"x_scope_orgid": "not/valid"}, 400, "tenant is not valid"),
    ],
    ids=[
        "no snappy", "not compressed", "bomb", "method", "old path", "content type", "encoding", "cut", "no JSON",
        "JSON list", "stream", "no labels", "label", "no lines", "token", "scope", "tenant",
    ],
)  # fmt: skip
async def test_what_a_retry_cannot_mend_is_a_4xx(body: bytes, headers: dict[str, str], status: int, words: str) -> None:
    bench = make_bench(max_decompressed=1 << 20)
    answer = await post(bench, body, **headers)
    assert answer.status_code == status
    assert words in answer.text
    assert "retry-after" not in answer.headers
    assert not bench.store.blocks


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "values[1]: it is not [time, line]"),
        (["1", 2], "values[1]: the line is not a string"),
        (["x", "line"], "values[1]: the time 'x' is not nanoseconds"),
        ([1.5, "line"], "values[1]: the time '1.5'"),
        ([True, "line"], "values[1]: the time 'True'"),
        ([str(1 << 63), "line"], "values[1]: the time '9223372036854775808'"),
        (["1", "line", []], "values[1]: the structured metadata is not an object"),
        (["1", "line", {"a": 1}], "values[1]: the structured metadata 'a' is not a string"),
        ("text", "values[1]: it is not"),
    ],
    ids=["empty", "line", "time", "float", "bool", "late", "metadata", "metadata value", "text"],
)
async def test_json_says_where_it_is_wrong(value: Any, words: str) -> None:
    body = {"streams": [{"stream": {"a": "b"}, "values": [["1", "fine"], value]}]}
    answer = await post(make_bench(), json.dumps(body).encode(), content_type=JSON)
    assert (answer.status_code, f"streams[0].{words}" in answer.text) == (400, True), answer.text


@pytest.mark.parametrize("error", [StoreUnavailable("not there"), DiskFull("no space")], ids=["store", "disk"])
async def test_what_may_pass_is_a_503_that_says_when(error: Exception) -> None:
    bench = make_bench()
    bench.store.fail_with = error
    answer = await post(bench, snappy(ONE))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


async def test_full_buffer_is_a_429() -> None:
    bench = make_bench()
    bench.budget.used = bench.budget.max_bytes
    answer = await post(bench, snappy(ONE))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


RAW = zlib.compressobj(wbits=-15)
DEFLATED = RAW.compress(snappy(ONE)) + RAW.flush()


FORMS: list[tuple[bytes, dict[str, str]]] = [
    (snappy(ONE), {}),
    (snappy(ONE), {"content_type": ""}),
    (snappy(ONE), {"content_encoding": "snappy"}),
    (gzip.compress(snappy(ONE)), {"content_encoding": "gzip"}),
    (DEFLATED, {"content_encoding": "deflate"}),
    (push_json(({"app": "shop", "env": "prod"}, [(NOW, "hello")])), {"content_type": f"{JSON}; charset=utf-8"}),
    (
        gzip.compress(push_json(({"env": "prod", "app": "shop"}, [(NOW, "hello")]))),
        {"content_type": JSON, "content_encoding": "gzip"},
    ),
    (
        bytes(cramjam.zstd.compress(push_json(({"env": "prod", "app": "shop"}, [(NOW, "hello")])))),
        {"content_type": JSON, "content_encoding": "zstd"},
    ),
    (snappy(push_request(('{ env = "prod", app=`shop`, }', [(NOW, "hello")]))), {}),
]


async def test_every_form_is_stored_alike() -> None:
    bench, tenant = make_bench(store=engine()), f"loki-{secrets.token_hex(4)}"
    answers = [post(bench, body, x_scope_orgid=tenant, **headers) for body, headers in FORMS]
    assert [(answer.status_code, answer.content) for answer in await asyncio.gather(*answers)] == [(204, b"")] * 9
    rows = await stored(tenant)
    shape = [(row["ns"], row["body"], row["service"], row["owner"], row["url"]) for row in rows]
    assert shape == [(NOW, b"hello", b"shop", b"shop", b"loki:stream")] * 9
    assert [decode_map(row["labels"]) for row in rows] == [{"app": "shop", "env": "prod"}] * 9
    assert len({row["resource_id"] for row in rows}) == 1


METADATA = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "user": "é" * 100, "no": ""}


@pytest.mark.parametrize("form", ["protobuf", "JSON"])
async def test_structured_metadata_are_attributes_and_ids(form: str) -> None:
    lines: list[Any] = [(NOW, "a", METADATA), (NOW + 1, "b", {"trace_id": "ABC", "span_id": "1"}), (NOW + 2, "")]
    body = snappy(push_request((SHOP, lines))) if form == "protobuf" else push_json(({"app": "shop"}, lines))
    answer, (first, second, third) = await store(body, content_type=JSON if form == "JSON" else "")
    assert answer.status_code == 204
    assert (first["trace_id"].hex(), first["span_id"].hex()) == (METADATA["trace_id"], METADATA["span_id"])
    assert decode_map(first["attributes"]) == {"user": "é" * 100}
    assert second["trace_id"] == bytes(16)
    assert decode_map(second["attributes"]) == {"trace_id": "ABC", "span_id": "1"}
    assert (third["body"], third["body_value"], third["attributes"]) == (b"", b"\n\0", {})


LABELS: list[tuple[str, dict[str, str]]] = [
    ('{a="b"}', {"a": "b"}),
    (' { a = "b" , c = `d"\\n` , } ', {"a": "b", "c": 'd"\\n'}),
    ("{a='it'}", {"a": "it"}),
    (r'{a="\"quoted\" \\ back\nline\ttab\u00e9\xc3\xa9"}', {"a": '"quoted" \\ back\nline\ttabéé'}),
    ('{a="x=\\"1\\",b=\\"2\\"", b="}"}', {"a": 'x="1",b="2"', "b": "}"}),
    ('{a="", b="c"}', {"b": "c"}),
    ('{b="é漢", a="' + "v" * 300 + '"}', {"b": "é漢", "a": "v" * 300}),
]


async def test_labels_are_read_with_their_escapes() -> None:
    streams: list[Any] = [(labels, [(NOW + place, "x")]) for place, (labels, _) in enumerate(LABELS)]
    answer, rows = await store(snappy(push_request(*streams)))
    assert answer.status_code == 204
    assert [decode_map(row["labels"]) for row in rows] == [expected for _, expected in LABELS]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("", "error: 1:1: parse error"),
        ("{}", "error at least one label pair is required per stream"),
        ('{a=""}', "at least one label pair"),
        ('{a="b"', "1:7: parse error: unexpected end of input"),
        ('{a=~"b"}', "1:3: parse error: unexpected character '='"),
        ("{a=b}", "1:4: parse error: unexpected character 'b', expected a value in quotes"),
        ('{a="b" c="d"}', "1:8: parse error: unexpected character 'c', expected \",\""),
        ('{a="b"} |= "x"', "1:9: parse error: unexpected character '|' after the labels"),
        ('{a="b\n"}', "unterminated quoted string"),
        ('{a="\\q"}', "unknown escape sequence"),
        ('{1a="b"}', "expected a label name"),
        ('{a="1", a="2"}', "duplicate label name: 'a'"),
        (f'{{{"n" * 1025}="b"}}', "label name too long"),
        (f'{{a="{"v" * 2049}"}}', "label value too long"),
        (MANY, "has 101 label names; limit 100"),
        ('{a="\\xff"}', "a value is no UTF-8"),
        ('{a="\udcff"}', "byte 4 is no UTF-8"),
    ],
    ids=[
        "nothing", "none", "no value", "open", "matcher", "no quotes", "no comma", "more", "line end", "escape",
        "digit", "twice", "long name", "long value", "many", "escaped byte", "byte",
    ],
)  # fmt: skip
async def test_bad_labels_are_refused_and_other_streams_stored(labels: str, words: str) -> None:
    bench = make_bench()
    answer = await post(bench, snappy(push_request((labels, [(NOW, "x"), (NOW, "y")]), (SHOP, [(NOW, "good")]))))
    assert answer.status_code == 400
    assert words in answer.text
    assert "2 lines were refused, all others are stored" in answer.text
    (request,) = bench.store.stored
    assert b"good" in request.body
    assert b"\x12\x01x" not in request.body


async def test_refused_lines_are_on_record() -> None:
    body = snappy(push_request(("{}", [(NOW, "x"), (NOW, "y")]), (SHOP, [(NOW, "good")])))
    tenant = f"loki-{secrets.token_hex(4)}"
    assert (await post(make_bench(store=engine()), body, x_scope_orgid=tenant)).status_code == 400
    rows = await read("SELECT signal, items, reason FROM rejects WHERE tenant = {tenant:String}", tenant)
    reason = b"error at least one label pair is required per stream"
    assert rows == [{"signal": b"logs", "items": 2, "reason": reason}]
    (usage,) = await read("SELECT * FROM usage WHERE tenant = {tenant:String}", tenant)
    assert (usage["signal"], usage["service"], usage["items"]) == (b"logs", b"shop", 1)
    assert usage["bytes"] > 10


@pytest.mark.parametrize("form", ["protobuf", "JSON"])
async def test_lines_of_a_mebibyte_are_stored_and_longer_ones_refused(form: str) -> None:
    lines: list[Any] = [
        (NOW, "a" * LONGEST),
        (NOW + 1, "b" * (LONGEST + 1)),
        (NOW + 2, "c", {"m": "d" * (LONGEST + 1)}),
    ]
    lines.append((NOW + 3, "last"))
    body = snappy(push_request((SHOP, lines))) if form == "protobuf" else push_json(({"app": "shop"}, lines))
    answer, rows = await store(body, content_type=JSON if form == "JSON" else "")
    assert answer.status_code == 400
    assert "Max entry size '1048576' bytes exceeded for stream '{app=" in answer.text
    assert "adding an entry with length '1048577' bytes" in answer.text
    assert "structured metadata too large" in answer.text
    assert [row["body"] for row in rows] == [b"a" * LONGEST, b"last"]


async def test_lines_are_kept_as_they_are_in_any_order_of_time() -> None:
    binary = bytes(range(256))
    lines: list[Any] = [
        (NOW + 5, binary),
        (NOW - 10**15, "old"),
        (0, "no time"),
        (NOW + 10**15, "ahead"),
        (-5, "before"),
    ]
    tenant = f"loki-{secrets.token_hex(4)}"
    body = push_request((SHOP, lines))
    far = body.streams[0].entries.add(line=b"far")
    far.timestamp.seconds = 1 << 62
    assert (await post(make_bench(store=engine()), snappy(body), x_scope_orgid=tenant)).status_code == 204
    sql = "SELECT body, toUnixTimestamp64Nano(time) AS ns FROM logs WHERE tenant = {tenant:String}"
    found = {row["body"]: row["ns"] for row in await read(sql, tenant)}
    assert {line: found[line] for line in (binary, b"old", b"ahead", b"before")} == {
        binary: NOW + 5, b"old": NOW - 10**15, b"ahead": NOW + 10**15, b"before": -5,
    }  # fmt: skip
    assert all(abs(found[line] - NOW) < 3600 * 10**9 for line in (b"no time", b"far"))


async def test_service_is_found_as_loki_finds_it() -> None:
    labels = {
        '{service_name="a", app="b"}': b"a",
        '{job="j", app="b"}': b"b",
        '{job="j", container="c"}': b"c",
        '{filename="/var/log/syslog"}': b"unknown_service",
    }
    streams: list[Any] = [(text, [(NOW + place, "x")]) for place, text in enumerate(labels)]
    _, rows = await store(snappy(push_request(*streams)))
    assert [row["service"] for row in rows] == [row["owner"] for row in rows] == list(labels.values())


LEVELS: list[tuple[str, dict[str, str], str, str, int]] = [
    ('{level="WARNING"}', {}, "level=error", "warn", 13),
    ('{a="b"}', {"severity": "Err"}, "info", "error", 17),
    ('{level="info"}', {"detected_level": "CRITICAL"}, "", "critical", 18),
    ('{level="notice"}', {}, "", "notice", 10),
    ('{level="whatever"}', {}, "error:", "whatever", 0),
    ('{a="b"}', {}, '{"msg":"x","level":"debug"}', "debug", 5),
    ('{a="b"}', {}, '{"msg":"x", "severity" : "FATAL"}', "fatal", 21),
    ('{a="b"}', {}, "ts=1 lvl=trc msg=x", "trace", 1),
    ('{a="b"}', {}, "level=err msg=x", "error", 17),
    ('{a="b"}', {}, "sublevel=3 msg=x level=warn", "warn", 13),
    ('{a="b"}', {}, "[ERROR] no space", "error", 17),
    ('{a="b"}', {}, "2026-01-01 ERROR no space", "error", 17),
    ('{a="b"}', {}, "a warning, nothing else", "warn", 13),
    ('{a="b"}', {}, "TERROR in PARADISE", "", 0),
    ('{a="b"}', {}, "GET / HTTP/1.1 200", "", 0),
    ('{a="b"}', {}, "", "", 0),
]


async def test_level_is_found_in_labels_metadata_and_lines() -> None:
    streams: list[Any] = [
        (labels, [(NOW + place, line, metadata)]) for place, (labels, metadata, line, _, _) in enumerate(LEVELS)
    ]
    _, rows = await store(snappy(push_request(*streams)))
    found = [(row["severity_text"].decode(), row["severity_number"]) for row in rows]
    assert found == [(text, number) for *_, text, number in LEVELS]


async def test_unknown_fields_cannot_speak_for_the_receiver() -> None:
    """Fields of its own, which are read without being looked at, and what a newer Loki may send."""
    bench = make_bench()
    own = b"\xaa\x01\x02\x08\x07" + b"\xa2\x01\x02\x0a\x00"  # a refusal and a stream's columns
    assert (await post(bench, snappy(ONE.SerializeToString() + own))).status_code == 204
    (request,) = bench.store.stored
    assert own[:5] not in request.body
    assert b"hello" in rewrite(Signal.LOKI, request.body)


async def test_nothing_to_store_is_fine() -> None:
    for body, media in ((snappy(b""), ""), (b'{"streams": []}', JSON)):
        answer, rows = await store(body, content_type=media)
        assert (answer.status_code, rows) == (204, [])


@pytest.mark.parametrize("change", [lambda text: text, lambda text: text.replace(b", ", b",")], ids=["spaces", "none"])
def test_usual_texts_are_passed_on_as_they_are(change: Callable[[bytes], bytes]) -> None:
    text = change(SHOP.encode())
    assert read_labels(text).text == text
