"""Numbers as Prometheus writes them: the shortest digits that read back as the same number, without an exponent
between 1e-6 and 1e21; `+Inf`, `-Inf`, `NaN`. Times are seconds, with milliseconds only where there are some.
"""

import math
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

LARGEST_WHOLE = 2.0**53  # up to here, all digits of a whole number are its shortest ones
# Between these, Arrow writes no exponent, as Prometheus does.
PLAIN_FROM, PLAIN_TO = 1e-6, 1e10
EXPONENT_BELOW, EXPONENT_FROM = 1e-6, 1e21


def format_float(value: float) -> str:
    """One number."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value and not EXPONENT_BELOW <= abs(value) < EXPONENT_FROM:
        return repr(value)
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def format_floats(values: npt.NDArray[np.float64]) -> pa.Array:
    """Many numbers, as an Arrow array of texts. Costs about 0.1 µs each; odd ones (NaN, very large) 2 µs."""
    size = np.abs(values)
    whole = (size < LARGEST_WHOLE) & (np.trunc(values) == values) & ~((values == 0) & np.signbit(values))
    plain = (size >= PLAIN_FROM) & (size < PLAIN_TO) | (values == 0)
    if whole.all():
        return pa.array(values.astype(np.int64)).cast(pa.string())
    texts = pa.array(values).cast(pa.string())
    large = whole & ~plain
    if large.any():
        texts = pc.replace_with_mask(texts, large, pa.array(values[large].astype(np.int64)).cast(pa.string()))
    odd = ~(whole | plain)
    if odd.any():
        texts = pc.replace_with_mask(texts, odd, pa.array([format_float(value) for value in values[odd].tolist()]))
    return texts


def format_time(time_ms: int) -> str:
    """Milliseconds since 1970 as seconds: `1.5` is written `1.500`."""
    seconds, rest = divmod(abs(time_ms), 1000)
    return f"{'-' if time_ms < 0 else ''}{seconds}{f'.{rest:03d}' if rest else ''}"


def format_times(times_ms: npt.NDArray[np.int64]) -> pa.Array:
    """Many times; the same ones, as of the steps of a query, are written once."""
    encoded = pa.array(times_ms).dictionary_encode()
    return pa.array(map(format_time, encoded.dictionary.to_pylist()), pa.string()).take(encoded.indices)
