"""Whether series have values at each step, for `count` and `group`: the engine answers with a bit for each unit.

The unit divides the step and the lookback, so that all points of a unit are within the lookback of the same steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from traceo.query.promql.values import Floats, Grid, Ints, Labels

SMALLEST_UNIT_MS = 1000
MAX_BITS = 1 << 24  # of a query: more are not worth their memory
# A stale marker (flags or a NaN) is seen, not understood: then the points themselves are read.
COLUMNS = """
key, groupBitOr(bitShiftLeft(toUInt64(1), bitAnd(place, 63))) AS bits,
max(isNaN(fractional) OR flags % 2 = 1) AS unclear
"""
# The lower half of the series' id and the number of the word are one key: the engine groups by two in twice the time.
PLACE = """
intDiv(toUInt32({until_ms} - toUnixTimestamp64Milli(time)), toUInt32({unit_ms})) AS place,
bitOr(bitShiftLeft(series_id, 32), bitShiftRight(place, 6)) AS key, fractional, flags
"""


@dataclass(frozen=True, slots=True)
class Presence:
    """Bits of series: the b-th says whether a point lies in the b-th unit before `until_ms`, its later end included."""

    labels: list[Labels]
    bits: npt.NDArray[np.uint8]
    until_ms: int
    unit_ms: int

    @property
    def size(self) -> int:
        """What it costs, in points."""
        return self.bits.size

    def grid(self, ends: Ints, lookback_ms: int) -> Grid:
        """Which series have a point within the lookback of each step; values are 0."""
        last = (self.until_ms - ends) // self.unit_ms
        seen = np.zeros((len(self.labels), self.bits.shape[1] + 1), dtype=np.int32)
        np.cumsum(self.bits, axis=1, out=seen[:, 1:])
        present = seen[:, last + lookback_ms // self.unit_ms] > seen[:, last]
        values: Floats = np.zeros(present.shape)
        return Grid(self.labels, values, present, np.zeros(len(self.labels), dtype=bool)).compact()


def unit_of(step_ms: int, lookback_ms: int, length_ms: int) -> int:
    """The unit for a read of so much time; 0: there is none, or it is too small to be worth it."""
    unit = math.gcd(step_ms, lookback_ms)
    return unit if unit >= SMALLEST_UNIT_MS and length_ms < 1 << 32 else 0


def place_columns(until_ms: int, unit_ms: int) -> str:
    """SQL: what COLUMNS are made of, out of `samples`."""
    return PLACE.format(until_ms=until_ms, unit_ms=unit_ms)


def unpack(table: pa.Table, ids: npt.NDArray[np.uint64], units: int) -> npt.NDArray[np.uint8] | None:
    """(series x units): the bits of COLUMNS, in the order of `ids`. None: stale markers, or halves that are alike."""
    short = ids.astype(np.uint32)
    order = np.argsort(short)
    if (np.diff(short[order]) == 0).any() or table["unclear"].to_numpy().any():
        return None
    keys = table["key"].to_numpy()
    rows = order[np.searchsorted(short[order], (keys >> 32).astype(np.uint32))]
    words = np.zeros((len(ids), -(-units // 64)), dtype="<u8")
    words[rows, keys & 0xFFFFFFFF] = table["bits"].to_numpy()
    return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, :units]
