"""What an answer has beside samples: exemplars, and the type, help and unit of its metrics. Sent when they are new."""

import re
from dataclasses import dataclass, field
from typing import Any

from traceo.scraping.exposition import NAME, ExpositionError, parse_series, unescape
from traceo.scraping.write import METRIC_TYPES, encode_exemplar, encode_labels, encode_metadata

COMMENT = re.compile(rb"#[ \t]+(HELP|TYPE|UNIT)[ \t]+(?:\"((?:[^\"\\]|\\.)*)\"|([^ \t\n]+))(?:[ \t]+(.*))?", re.S)
EXEMPLAR = re.compile(r"[ \t]*(\{.*\})[ \t]+([^ \t]+)(?:[ \t]+([^ \t]+))?[ \t]*", re.S)
KINDS = {"untyped": "unknown"}


@dataclass(slots=True)
class Family:
    """What is known of a metric."""

    kind: str = "unknown"
    help: str = ""
    unit: str = ""


@dataclass(slots=True)
class Metadata:
    """One target's metrics, by name."""

    families: dict[str, Family] = field(default_factory=dict)
    _seen: Any = None
    _sent_families: Any = None
    _sent: dict[str, bytes] = field(default_factory=dict)

    def read(self, comments: Any) -> None:
        """An answer's comments: pa.LargeBinaryArray. Raises ExpositionError."""
        if self._seen is None or not comments.equals(self._seen):
            self.families = _parse_comments(comments)
            self._seen = comments

    def kind_of(self, name: str) -> str:
        """A metric's type; "" if it is not known."""
        family = self.families.get(name)
        return family.kind if family else ""

    def encode_changed(self) -> bytes:
        """What was not sent before, as a request."""
        if self.families is self._sent_families:
            return b""
        self._sent_families = self.families
        found = {name: encode_metadata(name, row.kind, row.help, row.unit) for name, row in self.families.items()}
        fresh = [message for name, message in found.items() if self._sent.get(name) != message]
        self._sent = found
        return b"".join(fresh)


def _parse_comments(comments: Any) -> dict[str, Family]:
    families: dict[str, Family] = {}
    for line in comments:
        match = COMMENT.fullmatch(line.as_py())
        if not match:
            continue
        try:
            name = (match[3] or match[2]).decode()
            text = (match[4] or b"").decode()
        except UnicodeDecodeError as error:
            raise ExpositionError(f"invalid UTF-8 in {match[0][:100]!r}") from error
        family = families.setdefault(name, Family())
        if match[1] == b"HELP":
            family.help = unescape(text)
        elif match[1] == b"UNIT":
            family.unit = text.strip()
        else:
            family.kind = _parse_kind(text.strip(), name)
    return families


def _parse_kind(text: str, name: str) -> str:
    kind = KINDS.get(text, text)
    if kind not in METRIC_TYPES:
        raise ExpositionError(f"invalid metric type {text!r} of {name!r}")
    return kind


class Exemplars:
    """One target's: each is sent once."""

    def __init__(self) -> None:
        self._seen: dict[bytes, bytes] = {}

    def take(self, found: list[tuple[bytes, bytes]], time_ms: int) -> bytes:
        """Those that changed, as a part of a request. `found`: encoded labels of the series, text behind the `#`."""
        fresh = [(labels, text) for labels, text in found if self._seen.get(labels) != text]
        messages = [_encode(labels, text.decode("utf-8", "strict"), time_ms) for labels, text in fresh]
        self._seen = dict(found)
        return b"".join(messages)


def _encode(labels: bytes, text: str, time_ms: int) -> bytes:
    match = EXEMPLAR.fullmatch(text)
    try:
        if not match:
            raise ValueError('expected {label="value"} value [timestamp]')
        own = parse_series(f"exemplar{match[1]}")
        del own[NAME]
        at = round(float(match[3]) * 1000) if match[3] else time_ms
        return encode_exemplar(labels, encode_labels(own.items()), float(match[2]), at)
    except (ValueError, OverflowError) as error:
        raise ExpositionError(f"not an exemplar: {text[:100]!r}: {error}") from error
