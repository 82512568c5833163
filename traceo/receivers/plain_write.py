"""Finds out whether a remote write 1.0 request is as plain as nearly all are, and reads it with numpy if it is.

Plain: every series has labels that need no judgement (each with a name and a value, in strict order of the names, one
of them `__name__`, all UTF-8) and then one sample, and nothing else. Such a request will be stored whole, so that it
may be answered before the engine has seen it, and the engine need not take its messages apart. Senders repeat the same
labels all day: those of a series whose labels are stored already are known by their hash, and only its id goes on.
"""

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from traceo.config import Limits
from traceo.receivers.plain_labels import Bytes, judge
from traceo.receivers.plain_memo import ID_BYTES, Memo, hash_rows, hash_texts, slices
from traceo.receivers.plain_samples import SAMPLE_BYTES, SHORTEST, Samples, find_ends, read_samples, split
from traceo.store.messages import encode_varint, make_messages
from traceo.store.series_ids import series_ids

MAX_KNOWN = 2_000_000  # series of all tenants, each of about 200 bytes
# The engine notes labels by its day, whose beginning depends on its time zone: all of them are at a quarter of an hour.
# Labels are sent to it again in each, which also brings back what was deleted.
FORGET_S = 900
# Tags of wire/plain_write.proto.
TIMES, VALUES, LABEL_BYTES, KNOWN_IDS, KNOWN_TIMES, KNOWN_VALUES, SENT_BYTES = (
    bytes((number << 3 | kind,)) for number, kind in ((2, 2), (3, 2), (4, 2), (5, 2), (6, 2), (7, 2), (8, 0))
)

MESSAGE = make_messages("message Request { repeated bytes series = 1; }")["Request"]


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain request as `wire/plain_write.proto`, and the series whose labels it holds."""

    body: bytes
    memo: Memo
    new: dict[int, bytes]

    def remember(self) -> None:
        """Call it when the request is certain to be stored, never before: from then on its labels are left out."""
        self.memo.ids.update(self.new)


class PlainReader:
    """Reads plain requests; remembers whose labels are stored. Threads may share it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._memos: dict[str, Memo] = {}

    def read(self, tenant: str, body: bytes) -> Plain | None:
        """None for a request that the engine has to look at."""
        if len(body) < SHORTEST:
            return None
        memo, data = self._memo_of(tenant), np.frombuffer(body, np.uint8)
        if known := memo.read_known(body, data):
            return Plain(_known_body(*known, len(body)), memo, {})
        return self._read_new(tenant, body, data, memo)

    def forget(self) -> None:
        """Take no series' labels for stored any more."""
        self._memos.clear()

    def _memo_of(self, tenant: str) -> Memo:
        memo, now = self._memos.get(tenant), int(time.time()) // FORGET_S
        if memo is None or memo.since != now:
            memo = self._memos[tenant] = Memo(now)
        if sum(len(one.ids) for one in list(self._memos.values())) > MAX_KNOWN:
            self.forget()
        return memo

    def _read_new(self, tenant: str, body: bytes, data: Bytes, memo: Memo) -> Plain | None:
        """By rows of series, if all are known; else one by one."""
        try:
            encoded = MESSAGE.FromString(body).series
        except DecodeError:
            return None
        ends, lengths = find_ends(encoded)
        if not encoded or ends[-1] != len(body) or lengths.min() < SAMPLE_BYTES:
            return None
        if (samples := read_samples(data, ends)) is None:
            return None
        series = split(ends, lengths, samples)
        rows = hash_rows(body, series, samples)
        if (ids := memo.ids_of(rows, len(ends))) is None:
            found = [*map(memo.ids.get, hash_texts(slices(body, series.firsts, series.samples)))]
            is_new = np.fromiter((one is None for one in found), bool, len(found))
            ids = b"".join(one for one in found if one is not None)
            if is_new.any():
                sent = b"".join(slices(body, series.heads[is_new], ends[is_new]))
                known = _known_body(ids, samples.of(~is_new), len(body))
                return self._read_labels(tenant, sent, samples.of(is_new), known, memo)
            memo.remember_rows(rows, ids)
        memo.remember_layout(body, ends, series, samples, rows, ids)
        return Plain(_known_body(ids, samples, len(body)), memo, {})

    def _read_labels(self, tenant: str, sent: bytes, samples: Samples, known: bytes, memo: Memo) -> Plain | None:
        """New series, whose labels have to be judged and to go on; `known`: the part for all others."""
        judged = judge(sent, self._limits)
        if judged is None:
            return None
        labels = slices(sent, judged.firsts, judged.samples)
        hashes = hash_texts(labels)
        ids = (one.to_bytes(ID_BYTES, "little") for one in series_ids(tenant, labels, hashes))
        label_bytes = (judged.samples - judged.firsts).astype("<u4")
        columns = (_pack(TIMES, samples.times), _pack(VALUES, samples.values), _pack(LABEL_BYTES, label_bytes))
        return Plain(b"".join((sent, *columns, known)), memo, dict(zip(hashes, ids, strict=True)))


def _known_body(ids: bytes, samples: Samples, sent_bytes: int) -> bytes:
    """Fields 5 to 8."""
    packed = (
        b"".join((KNOWN_IDS, encode_varint(len(ids)), ids)) if ids else b"",
        _pack(KNOWN_TIMES, samples.times),
        _pack(KNOWN_VALUES, samples.values),
    )
    return b"".join((*packed, SENT_BYTES, encode_varint(sent_bytes)))


def _pack(tag: bytes, column: npt.NDArray[np.generic]) -> bytes:
    """A packed field; nothing where the column is empty."""
    return b"".join((tag, encode_varint(column.nbytes), column.tobytes())) if column.size else b""
