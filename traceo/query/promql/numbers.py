"""Numbers and durations as Prometheus reads and writes them."""

import math
import re

UNITS_MS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
PART = re.compile(r"(\d+)(ms|[ywdhms])")
MAX_MS = (1 << 63) // 1_000_000


def parse_number(text: str) -> float:
    """A number's value; hexadecimal and underscores are allowed. Raises ValueError."""
    lowered = text.lower()
    if lowered.startswith("0x"):
        return float(int(lowered.replace("_", ""), 16))
    return float(lowered.replace("_", ""))


def parse_duration_ms(text: str) -> int:
    """`1h30m` in milliseconds. Units MUST go from large to small. Raises ValueError with Prometheus' text."""
    parts = PART.findall(text)
    order = list(UNITS_MS)
    ranks = [order.index(unit) for _, unit in parts]
    if ranks != sorted(set(ranks)) or "".join(amount + unit for amount, unit in parts) != text:
        raise ValueError(f'not a valid duration string: "{text}"')
    total = sum(int(amount) * UNITS_MS[unit] for amount, unit in parts)
    if total > MAX_MS:
        raise ValueError("duration out of range")
    return total


def format_duration(ms: int) -> str:
    """As Prometheus prints it: `1h30m`, `-5m`, `0s`; years and weeks only when nothing remains."""
    if ms == 0:
        return "0s"
    if ms < 0:
        return f"-{format_duration(-ms)}"
    text = ""
    for unit, length in UNITS_MS.items():
        if ms >= length and (unit not in ("y", "w") or ms % length == 0):
            text += f"{ms // length}{unit}"
            ms %= length
    return text


def format_float(value: float) -> str:
    """As Go's `strconv.FormatFloat(value, 'f', -1, 64)`: shortest, without an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" not in text:
        return text.removesuffix(".0")
    mantissa, exponent = text.split("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    digits, point = whole + fraction, len(whole) + int(exponent)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}".rstrip("0").rstrip(".")
    if point >= len(digits):
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    return f"{sign}{digits[:point]}.{digits[point:]}".rstrip("0").rstrip(".")


def format_short(value: float) -> str:
    """As Go's `%g` and `FormatFloat(value, 'g', -1, 64)`: an exponent below 1e-4 and from 1e21."""
    if not math.isfinite(value):
        return format_float(value)
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        return "-0" if value == 0 and math.copysign(1, value) < 0 else format_float(value)
    mantissa, exponent = repr(value).split("e") if "e" in repr(value) else f"{value:.16e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+03d}"
