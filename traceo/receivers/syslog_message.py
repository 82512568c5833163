"""Syslog messages as log records: RFC 5424, and RFC 3164 as senders have it.

Whatever is neither is a message all the same (RFC 3164 4.3.3): its bytes are the body, and it has no severity.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from traceo.errors import InvalidRequest
from traceo.receivers.json_record import read_time
from traceo.receivers.log_records import Record, encode_pair

PRIORITY = re.compile(rb"<(\d{1,3})>")
# <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID, then structured data (RFC 5424 6).
RFC5424 = re.compile(rb"1 (\S{1,64}) (\S{1,255}) (\S{1,255}) (\S{1,128}) (\S{1,128}) ")
ELEMENT = re.compile(rb'\[([^\s=\]"]{1,255})((?: +[^\s=\]"]{1,255}="(?:[^"\\]|\\.)*")*)\]', re.DOTALL)
PARAMETER = re.compile(rb'([^\s=\]"]+)="((?:[^"\\]|\\.)*)"', re.DOTALL)
ESCAPED = re.compile(rb'\\(["\\\]])')
# Mmm dd hh:mm:ss, perhaps with a fraction, or RFC 3339 as rsyslog has it; then a host, a tag, perhaps a process id.
RFC3164_TIME = re.compile(rb"(?:([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)(?:\.\d+)?|(\d{4}-\d\d-\d\dT\S{8,30})) +")
HOST = re.compile(rb"([^\s:\[\]]{1,255}(?::[0-9a-fA-F:]+)?) +(?=\S)")
TAG = re.compile(rb"([^\s:\[\]]{1,128})(?:\[([^\]\s]{0,64})\])?: ?")
MONTHS = {name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
BOM, NIL = b"\xef\xbb\xbf", b"-"
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp"),
    *("audit", "alert", "clock", *(f"local{number}" for number in range(8))),
)
# Emergency to debug as OpenTelemetry numbers them (logs data model, appendix B).
SEVERITIES = (21, 19, 18, 17, 13, 10, 9, 5)
SEVERITY_TEXTS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def make_reader(zone: tzinfo, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Callable[[bytes], Record]:
    """A reader of messages. Times without a zone are of `zone`, and of the year that is closest to now."""

    def read(message: bytes) -> Record:
        priority = PRIORITY.match(message)
        if not priority or int(priority[1]) > 191:
            return Record(body=message)
        facility, severity = divmod(int(priority[1]), 8)
        record = Record(severity=SEVERITIES[severity], severity_text=SEVERITY_TEXTS[severity])
        record.attributes.append(encode_pair("syslog.facility", FACILITIES[facility]))
        found = RFC5424.match(message, priority.end())
        if not (found and _read_5424(record, found, message)):
            _read_3164(record, message[priority.end() :], zone, now)
        return record

    return read


def _read_5424(record: Record, found: re.Match[bytes], message: bytes) -> bool:
    """Fill the record; False when it is not of this form after all."""
    moment, host, app, process, kind = found.groups()
    at = found.end()
    if moment != NIL:
        try:
            record.time_ns = read_time(moment.decode("ascii"))
        except (InvalidRequest, UnicodeDecodeError):
            return False
    pairs = []
    if message[at : at + 1] == NIL:
        at += 1
    else:
        while element := ELEMENT.match(message, at):
            name = _text(element[1])
            for key, value in PARAMETER.findall(element[2]):
                pairs.append(encode_pair(f"{name}.{_text(key)}", _text(ESCAPED.sub(rb"\1", value))))
            at = element.end()
        if at == found.end():
            return False
    record.resource = _resource(app, host)
    record.attributes += [*_process(process), *pairs]
    if kind != NIL:
        record.attributes.append(encode_pair("syslog.msgid", _text(kind)))
    record.body = message[at:].removeprefix(b" ").removeprefix(BOM)
    return True


def _read_3164(record: Record, rest: bytes, zone: tzinfo, now: Callable[[], datetime]) -> None:
    """Each part may be missing: what is left is the body."""
    app = host = NIL
    found = RFC3164_TIME.match(rest)
    if found:
        record.time_ns = _read_moment(found, zone, now())
        rest = rest[found.end() :]
        if named := HOST.match(rest):
            host, rest = named[1], rest[named.end() :]
    if tag := TAG.match(rest):
        app, rest = tag[1], rest[tag.end() :]
        record.attributes += _process(tag[2] or NIL)
    record.resource = _resource(app, host)
    record.body = rest


def _read_moment(found: re.Match[bytes], zone: tzinfo, now: datetime) -> int:
    """0 for a time that does not exist: the record is placed at its arrival."""
    month, day, hour, minute, second, whole = found.groups()
    try:
        if whole:
            return read_time(whole.decode())
        parts = MONTHS[month], int(day), int(hour), int(minute), min(int(second), 59)
        moments = []
        for year in (now.year - 1, now.year, now.year + 1):
            try:
                moments.append(datetime(year, *parts, tzinfo=zone))
            except ValueError:  # the 29th of February
                continue
        nearest = min(moments, key=lambda moment: abs(moment - now))
        return (nearest - EPOCH) // timedelta(microseconds=1) * 1000
    except (KeyError, ValueError, InvalidRequest):
        return 0


def _resource(app: bytes, host: bytes) -> tuple[tuple[str, str], ...]:
    named = (("service.name", app), ("host.name", host))
    return tuple((key, _text(value)) for key, value in named if value != NIL)


def _process(process: bytes) -> list[bytes]:
    if process == NIL or not process:
        return []
    is_number = process.isdigit() and len(process) < 10
    pair = encode_pair("process.pid", int(process)) if is_number else encode_pair("syslog.procid", _text(process))
    return [pair]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
