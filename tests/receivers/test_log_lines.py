"""Elasticsearch's `_bulk`, JSON lines and syslog: what is stored, what is refused, what senders are told."""

import asyncio
import base64
import contextlib
import gzip
import json
import re
import shutil
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tests.receivers.stubs import Bench, make_bench
from traceo.config import Syslog
from traceo.errors import ConfigError, InvalidRequest, StoreUnavailable
from traceo.receivers import syslog
from traceo.receivers.elastic import with_elastic
from traceo.receivers.http import Event, Receive, Send, send_answer
from traceo.receivers.json_record import Roles, make_record, parse_line, read_time
from traceo.receivers.log_records import Record, encode_pair, encode_request, severity_of
from traceo.receivers.ndjson import with_ndjson
from traceo.receivers.syslog import serve_syslog, split_frames
from traceo.receivers.syslog_message import make_reader
from traceo.receivers.verify import MESSAGES
from traceo.store.attributes import encode_value
from traceo.store.base import Signal

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SECOND = 10**9


def show(bodies: list[bytes]) -> list[dict[str, Any]]:
    """All records of these requests."""
    found = []
    for body in bodies:
        for group in MESSAGES[Signal.LOGS].FromString(body).resource_logs:
            resource = {pair.key.decode(): _value(pair.value) for pair in group.resource.attributes}
            for scope in group.scope_logs:
                for record in scope.log_records:
                    found.append(
                        {
                            "scope": scope.scope.name.decode(),
                            "resource": resource,
                            "time": record.time_unix_nano,
                            "severity": (record.severity_number, record.severity_text.decode()),
                            "body": _value(record.body),
                            "attributes": {pair.key.decode(): _value(pair.value) for pair in record.attributes},
                            "ids": (record.trace_id.hex(), record.span_id.hex()),
                        }
                    )
    return found


def _value(raw: bytes) -> Any:
    value = AnyValue.FromString(raw)
    return getattr(value, value.WhichOneof("value") or "string_value")


def show_one(record: Record) -> dict[str, Any]:
    (found,) = show([encode_request("test", [record])])
    return found


async def nothing(scope: Event, receive: Receive, send: Send) -> None:
    await send_answer(send, 418, b"text/plain", b"another's")


def call(bench: Bench, method: str, path: str, **request: Any) -> httpx.Response:
    async def work() -> httpx.Response:
        app: Any = with_elastic(with_ndjson(nothing, bench.ingest), bench.ingest)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://traceo") as client:
            return await client.request(method, path, **request)

    return asyncio.run(work())


def stored(bench: Bench) -> list[dict[str, Any]]:
    return show([request.body for request in bench.store.stored])


def bulk(*lines: Any) -> bytes:
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


# Of Filebeat 8, Fluent Bit 3 (es output), Vector (elasticsearch sink) and Logstash (ecs).
FILEBEAT = {
    "@timestamp": "2026-01-01T10:00:00.123Z",
    "message": "GET /cart 200",
    "log": {"file": {"path": "/var/log/app.log"}, "offset": 12, "level": "WARN"},
    "service": {"name": "cart"},
    "host": {"name": "node-1"},
    "agent": {"type": "filebeat", "version": "8.17.0"},
    "trace": {"id": "0af7651916cd43dd8448eb211c80319c"},
    "span": {"id": "b7ad6b7169203331"},
    "tags": ["a", "b"],
}
FLUENT_BIT = {
    "@timestamp": "2026-01-01T10:00:00.123456789Z",
    "log": "hello",
    "stream": "stdout",
    "kubernetes": {"labels": {"app": "cart"}},
}


def test_bulk_of_real_senders_is_stored_with_its_fields() -> None:
    bench = make_bench()
    body = bulk({"create": {"_index": "filebeat-8"}}, FILEBEAT, {"index": {"_id": "7"}}, FLUENT_BIT)
    answer = call(
        bench,
        "POST",
        "/elastic/logs/_bulk?filter_path=errors",
        content=gzip.compress(body),
        headers={"Content-Encoding": "gzip"},
    )
    assert (answer.status_code, answer.headers["x-elastic-product"]) == (200, "Elasticsearch")
    assert answer.json()["errors"] is False
    assert [(*item, *(part["status"] for part in item.values())) for item in answer.json()["items"]] == [
        ("create", 201),
        ("index", 201),
    ]
    assert answer.json()["items"][1]["index"]["_index"] == "logs"
    first, second = stored(bench)
    assert first["resource"] == {"service.name": "cart", "host.name": "node-1"}
    assert (first["time"], first["severity"], first["body"]) == (1767261600123 * 10**6, (13, "WARN"), "GET /cart 200")
    assert first["ids"] == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert {key: value for key, value in first["attributes"].items() if key != "tags"} == {
        "log.file.path": "/var/log/app.log",
        "log.offset": 12,
        "agent.type": "filebeat",
        "agent.version": "8.17.0",
        "elastic.index": "filebeat-8",
    }
    assert [item.string_value for item in first["attributes"]["tags"].values] == ["a", "b"]
    assert (second["resource"], second["time"] % 1000, second["body"]) == ({"service.name": "cart"}, 789, "hello")


def test_items_are_refused_one_by_one() -> None:
    bench = make_bench()
    body = bulk(
        {"index": {}}, {"message": "good"}, {"index": {}}, b"{broken", {"index": {}}, {"@timestamp": "yesterday"},
        {"delete": {"_id": "1"}}, {"update": {"_id": "1"}}, {"doc": {}}, {"index": {}}, b"[1]", {"create": {}}, b"",
        {"index": {}}, b'{"message":"' + b"x" * (2 << 20) + b'"}', {"index": {}}, b'{"message":"\xff"}',
        {"index": {}}, b'{"message":"' + b"y" * (1 << 20) + b'"}',
    )  # fmt: skip
    answer = call(bench, "POST", "/elastic/_bulk", content=body).json()
    items = [next(iter(item.values())) for item in answer["items"]]
    assert answer["errors"] is True
    assert [item["status"] for item in items] == [201, *[400] * 8, 201]
    reasons = [item["error"]["reason"] for item in items if "error" in item]
    for reason, words in zip(
        reasons, ["not valid JSON", "not a time", "delete", "update", "JSON list", "JSON", "bytes", "JSON"], strict=True
    ):
        assert words in reason
    assert [len(record["body"]) for record in stored(bench)] == [4, 1 << 20]


@pytest.mark.parametrize(
    ("content", "headers", "status", "kind"),
    [
        (b"no action\n", {}, 400, "illegal_argument_exception"),
        (b'{"index":{}, "create":{}}\n{}\n', {}, 400, "illegal_argument_exception"),
        (b'{"purge":{}}\n', {}, 400, "illegal_argument_exception"),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400, "illegal_argument_exception"),
        (b"", {"Authorization": "Bearer wrong"}, 401, "security_exception"),
        (b"", {"Authorization": "Bearer reader"}, 403, "security_exception"),
    ],
    ids=["no action", "two actions", "unknown action", "corrupt", "unauthenticated", "denied"],
)
def test_wrong_bulks_are_answered_as_elasticsearch_does(
    content: bytes, headers: dict[str, str], status: int, kind: str
) -> None:
    answer = call(make_bench(), "POST", "/elastic/_bulk", content=content, headers=headers)
    assert (answer.status_code, answer.json()["status"], answer.json()["error"]["type"]) == (status, status, kind)


def test_bulk_that_cannot_be_stored_now_is_to_be_repeated() -> None:
    bench = make_bench()
    bench.store.fail_with = StoreUnavailable("gone")
    answer = call(bench, "POST", "/elastic/_bulk", content=bulk({"index": {}}, {"a": 1}))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"]["type"] == "es_rejected_execution_exception"


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/elastic/", 200, "You Know, for Search"),
        ("GET", "/elastic", 200, "8.19"),
        ("HEAD", "/elastic/", 200, ""),
        ("GET", "/elastic/_license", 200, '"active"'),
        ("GET", "/elastic/_nodes/http", 200, "nodes"),
        ("PUT", "/elastic/_ilm/policy/filebeat", 200, "acknowledged"),
        ("HEAD", "/elastic/_index_template/filebeat-8", 200, ""),
        ("GET", "/elastic/logs/_search", 404, "resource_not_found_exception"),
    ],
)
def test_what_senders_ask_first_is_answered(method: str, path: str, status: int, words: str) -> None:
    answer = call(make_bench(), method, path)
    assert (answer.status_code, answer.headers["x-elastic-product"]) == (status, "Elasticsearch")
    assert words in answer.text and (method != "HEAD" or not answer.content)


def test_key_of_elasticsearch_is_a_token() -> None:
    key = base64.b64encode(b"id:wrong").decode()
    assert call(make_bench(), "GET", "/elastic/", headers={"Authorization": f"ApiKey {key}"}).status_code == 200
    answer = call(make_bench(), "POST", "/elastic/_bulk", content=b"", headers={"Authorization": f"ApiKey {key}"})
    assert answer.status_code == 401


def test_json_lines_are_stored_and_bad_ones_named() -> None:
    bench = make_bench()
    body = b'{"ts":1767261600.5,"msg":"a","level":"error"}\n\n{"msg":1\n{"msg":"c","time":null}\r\n[]\n'
    answer = call(bench, "POST", "/api/v1/logs/ndjson", content=body)
    assert answer.status_code == 200
    assert (answer.json()["accepted"], answer.json()["refused"]) == (2, 2)
    assert [error["line"] for error in answer.json()["errors"]] == [3, 5]
    first, second = stored(bench)
    assert (first["time"], first["severity"], first["body"]) == (17672616005 * 10**8, (17, "error"), "a")
    assert (second["time"], second["body"], second["attributes"]) == (0, "c", {})


def test_fields_of_json_lines_are_chosen_by_the_query() -> None:
    bench = make_bench()
    query = "time_field=at&message_field=text&level_field=sev&service_field=who&stream_fields=pod,zone"
    query += "&extra_fields=env=prod"
    line = {"at": "1767261600000", "text": "x", "sev": 40, "who": "cart", "pod": "p1", "zone": 7, "msg": "stays"}
    assert call(bench, "POST", f"/api/v1/logs/ndjson?{query}", content=json.dumps([line])).json()["accepted"] == 1
    (found,) = stored(bench)
    assert found["resource"] == {"service.name": "cart", "pod": "p1", "zone": "7"}
    assert (found["time"], found["severity"], found["body"]) == (1767261600 * SECOND, (13, "40"), "x")
    assert found["attributes"] == {"msg": "stays", "env": "prod"}


@pytest.mark.parametrize(
    ("content", "query", "headers", "status", "kind"),
    [
        (b"[1", "", {}, 400, "invalid_request"),
        (b"{}", "?extra_fields=x", {}, 400, "invalid_request"),
        (b"{}", "", {"Content-Encoding": "br"}, 415, "unsupported_media_type"),
        (b"{}", "", {"Authorization": "Bearer wrong"}, 401, "unauthenticated"),
    ],
    ids=["array", "parameter", "encoding", "token"],
)
def test_wrong_bodies_have_the_shape_of_own_errors(
    content: bytes, query: str, headers: dict[str, str], status: int, kind: str
) -> None:
    answer = call(make_bench(), "POST", f"/api/v1/logs/ndjson{query}", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)


def test_body_of_bad_lines_only_is_refused() -> None:
    answer = call(make_bench(), "POST", "/api/v1/logs/ndjson", content=b"plain text\n")
    assert (answer.status_code, answer.json()["accepted"], answer.json()["refused"]) == (400, 0, 1)


def test_line_without_a_message_is_its_own_body() -> None:
    line = b'{"a":{"b":1.5},"c":true,"n":null,"big":123456789012345678901}'
    found = show_one(make_record(parse_line(line), line, Roles()))
    assert found["body"] == line.decode()
    assert found["attributes"] == {"a.b": 1.5, "c": True, "big": 1.2345678901234568e20}


@pytest.mark.parametrize("value", [0, 1, 127, 128, -1, (1 << 63) - 1, -(1 << 63), True, 1.5, "", "x" * 200], ids=str)
def test_attributes_are_encoded_as_all_others(value: Any) -> None:
    pair = KeyValue(key="k", value=AnyValue.FromString(encode_value(value)))
    assert encode_pair("k", value) == pair.SerializeToString()


@pytest.mark.parametrize("depth", [19, 21])
def test_nesting_is_bounded(depth: int) -> None:
    line = b'{"a":' * depth + b"1" + b"}" * depth
    if depth < 20:
        assert make_record(parse_line(line), line, Roles()).attributes
    else:
        with pytest.raises(InvalidRequest, match="nested"):
            make_record(parse_line(line), line, Roles())


@pytest.mark.parametrize(
    ("value", "time_ns"),
    [
        ("2026-01-01T10:00:00Z", 1767261600 * SECOND),
        ("2026-01-01T11:00:00.5+01:00", 1767261600 * SECOND + SECOND // 2),
        ("2026-01-01 10:00:00", 1767261600 * SECOND),
        ("2026-01-01T10:00:00.123456789Z", 1767261600123456789),
        (1767261600, 1767261600 * SECOND),
        (1767261600.25, 1767261600 * SECOND + SECOND // 4),
        ("1767261600123", 1767261600123 * 10**6),
        (1767261600123456, 1767261600123456 * 1000),
        (1767261600123456789, 1767261600123456789),
    ],
    ids=str,
)
def test_times_are_read_by_their_form(value: Any, time_ns: int) -> None:
    assert read_time(value) == time_ns


@pytest.mark.parametrize("value", ["soon", "", True, [], -1, 1e30, "2026-13-01T00:00:00Z", "9" * 40], ids=str)
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match="not a time"):
        read_time(value)


@pytest.mark.parametrize(
    ("text", "number"), [("WARN", 13), ("Information", 9), ("30", 9), ("E", 17), ("loud", 0), ("7", 0), ("", 0)]
)
def test_levels_have_numbers(text: str, number: int) -> None:
    assert severity_of(text) == number


# RFC 5424 6.5 and RFC 3164 5.4 have these; the rest is of rsyslog, logger, Cisco and broken senders.
SYSLOG = [
    (
        b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed for lonvick",
        {"service.name": "su", "host.name": "mymachine.example.com"},
        1065910455003 * 10**6, (18, "crit"), "'su root' failed for lonvick",
        {"syslog.facility": "auth", "syslog.msgid": "ID47"},
    ),
    (
        b'<165>1 2003-10-11T22:14:15.003Z host evntslog 12 ID47 [ex@32473 iut="3" t="a \\"b\\" \\]"][x y="1"] An event',
        {"service.name": "evntslog", "host.name": "host"},
        1065910455003 * 10**6, (10, "notice"), "An event",
        {"syslog.facility": "local4", "syslog.msgid": "ID47", "process.pid": 12, "ex@32473.iut": "3",
         "ex@32473.t": 'a "b" ]', "x.y": "1"},
    ),
    (b"<0>1 - - - - - -", {}, 0, (21, "emerg"), "", {"syslog.facility": "kern"}),
    (
        b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
        {"service.name": "su", "host.name": "mymachine"},
        1760220855 * SECOND, (18, "crit"), "'su root' failed", {"syslog.facility": "auth"},
    ),
    (
        b"<13>2026-01-01T10:00:00.000001+00:00 web sshd[42]: ok",
        {"service.name": "sshd", "host.name": "web"},
        1767261600 * SECOND + 1000, (10, "notice"), "ok", {"syslog.facility": "user", "process.pid": 42},
    ),
    (b"<13>Jan  1 10:00:00 cron[7]: no host", {"service.name": "cron"}, 1767261600 * SECOND, (10, "notice"), "no host",
     {"syslog.facility": "user", "process.pid": 7}),
    (b"<13>Foo 99 10:00:00 h t: x", {"service.name": "t", "host.name": "h"}, 0, (10, "notice"), "x",
     {"syslog.facility": "user"}),
    (b"<999>x", {}, 0, (0, ""), "<999>x", {}),
    (b"no priority", {}, 0, (0, ""), "no priority", {}),
    (b"<13>just text", {}, 0, (10, "notice"), "just text", {"syslog.facility": "user"}),
    (b"<13>1 tomorrow h a p m - x", {}, 0, (10, "notice"), "1 tomorrow h a p m - x", {"syslog.facility": "user"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "resource", "time_ns", "severity", "body", "attributes"),
    SYSLOG,
    ids=[str(case[0][:30]) for case in SYSLOG],
)
def test_syslog_messages_are_read(
    message: bytes, resource: Any, time_ns: int, severity: Any, body: str, attributes: Any
) -> None:
    found = show_one(make_reader(UTC, lambda: NOW)(message))
    assert (found["resource"], found["time"], found["severity"]) == (resource, time_ns, severity)
    assert (found["body"], found["attributes"]) == (body, attributes)


def test_binary_message_keeps_its_bytes() -> None:
    assert b"\xff\x00\xfe" in encode_request("test", [make_reader(UTC)(b"<13>app: \xff\x00\xfe")])


@pytest.mark.parametrize(
    ("data", "messages", "rest"),
    [
        (b"<1>a\n<2>b\r\n<3>c", [b"<1>a", b"<2>b"], b"<3>c"),
        (b"5 <1>ab6 <2>abc7 <3>", [b"<1>ab", b"<2>abc"], b"7 <3>"),
        (b"7 <1>a\nbc<2>line\n", [b"<1>a\nbc", b"<2>line"], b""),
        (b"12", [], b"12"),
        (b"123 people came\n", [b"123 people came"], b""),
        (b"\n\n<1>a\0\n", [b"<1>a"], b""),
    ],
    ids=str,
)
def test_frames_are_counted_or_lines(data: bytes, messages: list[bytes], rest: bytes) -> None:
    assert split_frames(data) == (messages, rest)


@pytest.mark.parametrize("data", [b"x" * ((2 << 20) + 1), b"9999999 <1>x"], ids=["line", "counted"])
def test_frames_are_bounded(data: bytes) -> None:
    with pytest.raises(ValueError, match="longer than"):
        split_frames(data)


@contextlib.asynccontextmanager
async def listening(bench: Bench) -> AsyncIterator[dict[str, int]]:
    settings = Syslog(tcp="127.0.0.1:0", udp="127.0.0.1:0")
    async with serve_syslog(bench.ingest, settings, "mine") as ports:
        yield ports


async def until(bench: Bench, records: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        while len(stored(bench)) < records:
            bench.store.arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bench.store.arrived.wait(), 0.05)
    return stored(bench)


def test_syslog_over_tcp_and_udp_belongs_to_one_tenant() -> None:
    bench = make_bench()

    async def work() -> None:
        async with listening(bench) as ports:
            _, writer = await asyncio.open_connection("127.0.0.1", ports["tcp"])
            writer.write(b"<13>1 - h a - - - first\n30 <13>1 - h a - - - sec\nond")
            await writer.drain()
            writer.write(b" line<13>last")
            writer.close()
            found = await until(bench, 3)
            assert {record["body"] for record in found} == {"first", "sec\nond line", "last"}
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"<14>app: by udp\n", ("127.0.0.1", ports["udp"]))
                found = await until(bench, 4)
            assert (found[3]["body"], found[3]["resource"]) == ("by udp", {"service.name": "app"})
        assert {request.tenant for request in bench.store.stored} == {"mine"}

    asyncio.run(work())


def test_sender_over_tcp_is_held_back_until_it_can_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog, "RETRY_S", 0.01)
    bench = make_bench()

    async def work() -> None:
        bench.store.fail_with = StoreUnavailable("gone")
        async with listening(bench) as ports:
            _, writer = await asyncio.open_connection("127.0.0.1", ports["tcp"])
            writer.write(b"<13>app: patience\n")
            async with asyncio.timeout(20):
                while len(bench.store.attempts) < 2:
                    bench.store.arrived.clear()
                    await bench.store.arrived.wait()
            bench.store.fail_with = None
            assert (await until(bench, 1))[0]["body"] == "patience"
            writer.close()

    asyncio.run(work())


def test_messages_on_their_way_are_stored_when_the_server_stops() -> None:
    bench = make_bench()

    async def work() -> None:
        async with listening(bench) as ports:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"<14>app: late", ("127.0.0.1", ports["udp"]))
                await asyncio.sleep(0.02)

    asyncio.run(work())
    assert [record["body"] for record in stored(bench)] == ["late"]


def test_port_that_is_taken_is_named() -> None:
    async def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(ConfigError, match=re.escape(f"syslog.tcp: cannot listen on {address}")):
                async with serve_syslog(make_bench().ingest, Syslog(tcp=address), "mine"):
                    pass

    asyncio.run(work())


LOGGER = [["--tcp", "--rfc5424"], ["--tcp", "--octet-count"], ["--udp", "--rfc5424"], ["--udp", "--rfc3164"]]


@pytest.mark.skipif(shutil.which("logger") is None, reason="needs logger of util-linux")
@pytest.mark.parametrize("flags", LOGGER, ids=" ".join)
def test_logger_of_util_linux_is_understood(flags: list[str]) -> None:
    bench = make_bench()

    async def work() -> dict[str, Any]:
        async with listening(bench) as ports:
            port = str(ports["tcp" if "--tcp" in flags else "udp"])
            where = ["--server", "127.0.0.1", "--port", port, "--tag", "shop", "--id=77", "--priority", "local3.err"]
            process = await asyncio.create_subprocess_exec("logger", *flags, *where, "payment failed")
            assert await process.wait() == 0
            return (await until(bench, 1))[0]

    found = asyncio.run(work())
    assert (found["body"], found["severity"]) == ("payment failed", (17, "err"))
    assert found["resource"]["service.name"] == "shop" and found["resource"]["host.name"]
    assert (found["attributes"]["syslog.facility"], found["attributes"]["process.pid"]) == ("local3", 77)
    assert abs(found["time"] / SECOND - datetime.now(UTC).timestamp()) < 86_400
