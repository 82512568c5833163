"""Numbers as Prometheus writes them into the labels `le` and `quantile`."""

import math
from decimal import Decimal


def format_bound(number: float) -> str:
    """OpenMetrics' canonical form: `1.0`, `0.25`, `1e+06`, `+Inf` (Go's `%g` in as few digits as tell it apart)."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    if not any(digits):
        return "-0.0" if sign else "0.0"
    power = len(digits) + int(exponent) - 1
    minus, text = "-" if sign else "", "".join(map(str, digits))
    if -4 <= power < 6:
        plain = format(abs(Decimal(repr(number))).normalize(), "f")
        return minus + (plain if "." in plain else f"{plain}.0")
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"
