"""The text formats of metrics, Prometheus' 0.0.4 and OpenMetrics 1.0, read in columns.

Whole scrapes are split with numpy: which byte ends a line, a label set, a value. What a line says before its value is
one opaque text, its *series text*; `parse_series` reads such a text, which is needed once for each new one.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

NEWLINE, SPACE, TAB, QUOTE, HASH, BACKSLASH, CLOSE = (ord(sign) for sign in '\n \t"#\\}')
END = b"# EOF"
NORMAL_NAN = np.array([0x7FF8000000000001], np.uint64).view(np.float64)[0]  # Prometheus' own

METRIC_NAME = re.compile(r"[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)?[ \t]*")
LABEL = re.compile(
    r'[ \t]*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:[^"\\]|\\.)*)")[ \t]*(?:=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*)?(,|\})', re.S
)
# As nearly all series are written: without blanks, escapes and quoted names.
PLAIN_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
PLAIN_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*)"')
PLAIN_LABELS = re.compile(r'(?:[a-zA-Z_][a-zA-Z0-9_]*="[^"\\]*"(?:,|(?=\})))*\}')
ESCAPED = re.compile(r'\\([\\"n])')
LIST_END = re.compile(r"[ \t]*\}")
NAME = "__name__"

Ints = npt.NDArray[np.int64]
Labels = dict[str, str]


class ExpositionError(Exception):
    """A target's answer is not in the format that it claims."""


@dataclass(frozen=True, slots=True)
class Samples:
    """One answer, a row a line. `times_ms`: explicit timestamps where `timed`; None where no line has one.

    `exemplars`: row and text, from behind the `#`. `comments`: the lines that begin with `#`, in order.
    """

    series: Any  # pa.LargeBinaryArray
    values: npt.NDArray[np.float64]
    times_ms: Ints | None
    timed: npt.NDArray[np.bool_] | None
    exemplars: list[tuple[int, bytes]] = field(default_factory=list)
    comments: Any = None  # pa.LargeBinaryArray

    def __len__(self) -> int:
        return len(self.values)


def parse_text(body: bytes, *, openmetrics: bool) -> Samples:
    """Split an answer. Raises ExpositionError for values, timestamps and ends of lines that are none."""
    if openmetrics and not body.rstrip(b"\n").endswith(END):
        raise ExpositionError("data does not end with # EOF")
    data = body if body.endswith(b"\n") else body + b"\n"
    text = _Text(data)
    starts, ends = text.lines()
    is_comment = text.bytes[starts] == HASH
    comments = text.slices(starts[is_comment], ends[is_comment])
    starts, ends = starts[~is_comment], ends[~is_comment]
    stops = text.next_outside(text.structural(HASH), starts, ends)  # an exemplar begins
    series_ends = text.series_ends(starts, stops)
    value_starts = text.skip_blanks(series_ends, stops)
    value_ends = text.next_blank(value_starts, stops)
    time_starts = text.skip_blanks(value_ends, stops)
    values = _to_floats(text.slices(value_starts, value_ends), "value")
    times_ms, timed = _read_times(text, time_starts, stops, openmetrics)
    marked = np.flatnonzero(stops < ends)
    if len(marked) and not openmetrics:
        raise ExpositionError(f"unexpected # in {_shown(data[starts[marked[0]] : ends[marked[0]]])}")
    exemplars = [(int(row), data[stops[row] + 1 : ends[row]]) for row in marked]
    return Samples(text.slices(starts, series_ends), values, times_ms, timed, exemplars, comments)


class _Text:
    """The bytes of an answer, and where in them things begin. Positions are sorted."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.bytes = np.frombuffer(data, np.uint8)
        self._newlines = np.flatnonzero(self.bytes == NEWLINE)
        blank = self.bytes == SPACE
        if b"\t" in data:
            blank |= self.bytes == TAB
        self._blanks = np.flatnonzero(blank)
        self._quotes = self._find_quotes()
        self._line_quotes = np.searchsorted(self._quotes, np.concatenate(([0], self._newlines[:-1] + 1)))

    def _find_quotes(self) -> Ints:
        """All that no odd number of backslashes stands before."""
        quotes = np.flatnonzero(self.bytes == QUOTE)
        if b"\\" not in self._data:
            return quotes
        slashes = np.flatnonzero(self.bytes == BACKSLASH)
        rank = np.arange(len(slashes))
        begins = np.concatenate(([True], np.diff(slashes) != 1))
        run = rank - np.maximum.accumulate(np.where(begins, rank, 0)) + 1
        before = np.searchsorted(slashes, quotes - 1)
        before = np.minimum(before, len(slashes) - 1)
        escaped = (slashes[before] == quotes - 1) & (run[before] % 2 == 1)
        return np.asarray(quotes[~escaped])

    def lines(self) -> tuple[Ints, Ints]:
        """Where lines begin and end, without the blanks before them and without empty ones."""
        starts, ends = np.concatenate(([0], self._newlines[:-1] + 1)), self._newlines
        starts = self.skip_blanks(starts, ends)
        filled = starts < ends
        return starts[filled], ends[filled]

    def structural(self, sign: int) -> Ints:
        """Where a character stands outside of quotes."""
        found = np.flatnonzero(self.bytes == sign)
        line = np.searchsorted(self._newlines, found)
        inside = (np.searchsorted(self._quotes, found) - self._line_quotes[line]) % 2 == 1
        return np.asarray(found[~inside])

    def next_outside(self, positions: Ints, starts: Ints, ends: Ints) -> Ints:
        """The first of some positions from each start on; the end where there is none before it."""
        if not len(positions):
            return ends
        padded = np.append(positions, len(self.bytes))
        return np.asarray(np.minimum(padded[np.searchsorted(positions, starts)], ends))

    def next_blank(self, starts: Ints, ends: Ints) -> Ints:
        """The first blank from each start on."""
        return self.next_outside(self._blanks, starts, ends)

    def skip_blanks(self, starts: Ints, ends: Ints) -> Ints:
        """Each start, moved behind the blanks that it stands at."""
        while True:
            at_blank = (starts < ends) & _is_blank(self.bytes[np.minimum(starts, len(self.bytes) - 1)])
            if not at_blank.any():
                return starts
            starts = starts + at_blank

    def series_ends(self, starts: Ints, stops: Ints) -> Ints:
        """Behind the brace that closes the labels; without labels at the first blank."""
        closes = self.next_outside(self.structural(CLOSE), starts, stops)
        return np.where(closes < stops, closes + 1, self.next_blank(starts, stops))

    def slices(self, starts: Ints, ends: Ints) -> Any:
        """The texts from starts to ends, as pa.LargeBinaryArray; they MUST be sorted and not overlap."""
        offsets = np.empty(2 * len(starts) + 1, np.int64)
        offsets[0:-1:2], offsets[1::2] = starts, ends
        offsets[-1] = offsets[-2] if len(starts) else 0
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(self._data)]
        both = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)
        return both.take(pa.array(np.arange(0, 2 * len(starts), 2)))


def _is_blank(signs: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return np.asarray((signs == SPACE) | (signs == TAB))


def _to_floats(texts: Any, what: str) -> npt.NDArray[np.float64]:
    try:
        found = np.array(pc.cast(texts.cast(pa.large_string()), pa.float64()))
    except pa.ArrowInvalid as error:
        raise ExpositionError(f"expected a {what}, got {_first_bad(texts)}") from error
    found[np.isnan(found)] = NORMAL_NAN
    return found


def _first_bad(texts: Any) -> str:
    for text in texts:
        try:
            float(text.as_py())
        except ValueError:
            return _shown(text.as_py())
    return "something else"


def _read_times(
    text: _Text, starts: Ints, stops: Ints, openmetrics: bool
) -> tuple[Ints | None, npt.NDArray[np.bool_] | None]:
    """Milliseconds, as integers in Prometheus' format; seconds in OpenMetrics."""
    timed = starts < stops
    if not timed.any():
        return None, None
    ends = text.next_blank(starts, stops)
    if (text.skip_blanks(ends, stops) < stops).any():
        raise ExpositionError("expected the end of the line behind a timestamp")
    texts = text.slices(starts[timed], ends[timed])
    times = np.zeros(len(starts), np.int64)
    if openmetrics:
        seconds = _to_floats(texts, "timestamp")
        if not (np.abs(seconds) < 2**53).all():
            raise ExpositionError("a timestamp is out of range")
        times[timed] = np.rint(seconds * 1000)
    else:
        try:
            times[timed] = np.array(pc.cast(texts.cast(pa.large_string()), pa.int64()))
        except pa.ArrowInvalid as error:
            raise ExpositionError(f"expected a timestamp: {error}") from error
    return times, timed


def parse_series(text: str) -> Labels:
    """`name{label="value"}` or `{"name",label="value"}` -> labels, `__name__` too. Raises ExpositionError."""
    name, _, inner = text.partition("{")
    if inner and PLAIN_NAME.fullmatch(name) and PLAIN_LABELS.fullmatch(inner):
        pairs = PLAIN_LABEL.findall(inner)
        labels = dict(pairs)
        if len(labels) == len(pairs) and NAME not in labels:
            labels[NAME] = name
            return labels
    return _parse_any_series(text)


def _parse_any_series(text: str) -> Labels:
    match = METRIC_NAME.match(text)
    assert match
    labels = {NAME: match[1]} if match[1] else {}
    position = match.end()
    if position < len(text):
        _parse_labels(text, position, labels)
    if not labels.get(NAME):
        raise ExpositionError(f"a series without a name: {_shown(text.encode())}")
    return labels


def _parse_labels(text: str, position: int, labels: Labels) -> None:
    closed = text[position] == "{"
    position += 1
    while closed:
        end = LIST_END.match(text, position)
        if end:
            position = end.end()
            break
        match = LABEL.match(text, position)
        if not match:
            closed = False
            break
        _add_label(match, text, labels)
        position = match.end()
        if match[4] == "}":
            break
    if not closed or position != len(text):
        raise ExpositionError(f'expected name{{label="value"}}, got {_shown(text.encode())}')


def _add_label(match: re.Match[str], text: str, labels: Labels) -> None:
    quoted = match[2] is not None
    name = unescape(match[2]) if quoted else match[1]
    if match[3] is not None:
        value = unescape(match[3])
    elif quoted:
        name, value = NAME, name
    else:
        raise ExpositionError(f"label {name!r} has no value in {_shown(text.encode())}")
    if name in labels or not name:
        raise ExpositionError(f"label name {name!r} is not unique or empty in {_shown(text.encode())}")
    labels[name] = value


def unescape(text: str) -> str:
    r"""`\\`, `\"` and `\n` as what they mean; other backslashes stay."""
    if "\\" not in text:
        return text
    return ESCAPED.sub(lambda match: "\n" if match[1] == "n" else match[1], text)


def _shown(text: bytes) -> str:
    return repr(text[:100].decode("utf-8", "replace"))
