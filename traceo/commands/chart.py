"""Lines over time for a terminal: several series in colour, drawn with Braille dots, with axes and units."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.text import Text

COLOURS = (
    "bright_green",
    "yellow",
    "bright_blue",
    "magenta",
    "cyan",
    "red",
    "bright_white",
    "green",
    "blue",
    "bright_red",
)
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a Braille cell, by row and column
BLANK = 0x2800
HEIGHT = 16
TICK_ROWS = 4  # about so many rows between two lines of the grid
TICK_COLUMNS = 14
SAME = 1e-6  # values that differ by less, relatively, are one: what is left is rounding
NICE_SECONDS = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
    172800,
    604800,
)
SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
BINARY = ((2.0**40, "Ti"), (2.0**30, "Gi"), (2.0**20, "Mi"), (2.0**10, "Ki"))
TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


@dataclass(frozen=True, slots=True)
class Line:
    """One series: seconds since 1970, and values, of which some may be no numbers."""

    times: Sequence[float]
    values: Sequence[float]


def draw_chart(console: Console, lines: Sequence[Line], start: float, end: float, unit: str, step: float) -> None:
    """Print the lines over the time from `start` to `end`; points further apart than `step` are not joined."""
    values = [value for line in lines for value in line.values if math.isfinite(value)]
    if not values:
        console.print(Text("no numbers to draw", "dim"))
        return
    ticks = value_ticks(min(values), max(values), unit)
    labels = show_ticks(ticks, unit)
    margin = max(map(len, labels)) + 1
    canvas = _Canvas(max(20, console.width - margin - 2), HEIGHT)
    low, high = ticks[0], ticks[-1]
    for number, line in reversed(list(enumerate(lines))):  # the first one lies on top
        canvas.draw(line, (start, end), (low, high), COLOURS[number % len(COLOURS)], step)
    at_row = {
        round((high - tick) / (high - low) * (HEIGHT - 1)): label for tick, label in zip(ticks, labels, strict=True)
    }
    for row in range(HEIGHT):
        label = at_row.get(row)
        text = Text(f"{label or '':>{margin}} ", "dim").append("┤" if label else "│", "dim")
        console.print(text.append(canvas.row(row, grid=label is not None)), no_wrap=True)
    _print_times(console, start, end, canvas.width, margin)


class _Canvas:
    """Cells of 2 by 4 dots; a cell has the colour of what was drawn there last."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self._cells = [[0] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]

    def draw(
        self, line: Line, times: tuple[float, float], values: tuple[float, float], style: str, step: float
    ) -> None:
        """A line within these bounds."""
        across, down = 2 * self.width - 1, 4 * len(self._cells) - 1
        before: tuple[float, int, int] | None = None
        for time, value in zip(line.times, line.values, strict=True):
            if not math.isfinite(value):
                before = None
                continue
            x = round((time - times[0]) / ((times[1] - times[0]) or 1) * across)
            y = round((values[1] - value) / (values[1] - values[0]) * down)
            joined = before is not None and time - before[0] <= 1.5 * step
            self._stroke(before[1:] if before and joined else (x, y), (x, y), style)
            before = (time, x, y)

    def _stroke(self, begin: tuple[int, int], end: tuple[int, int], style: str) -> None:
        steps = max(abs(end[0] - begin[0]), abs(end[1] - begin[1]), 1)
        for number in range(steps + 1):
            x = round(begin[0] + (end[0] - begin[0]) * number / steps)
            y = round(begin[1] + (end[1] - begin[1]) * number / steps)
            if 0 <= x < 2 * self.width and 0 <= y < 4 * len(self._cells):
                self._cells[y // 4][x // 2] |= DOTS[y % 4][x % 2]
                self._styles[y // 4][x // 2] = style

    def row(self, number: int, *, grid: bool) -> Text:
        """One row of cells; where nothing is drawn, a line of the grid."""
        text = Text()
        for bits, style in zip(self._cells[number], self._styles[number], strict=True):
            text.append(chr(BLANK + bits) if bits else "┄" if grid else " ", style or "bright_black")
        return text


def value_ticks(low: float, high: float, unit: str) -> list[float]:
    """Round values from below `low` to above `high`, at equal distances."""
    if low >= 0 and low < 0.6 * high:
        low = 0.0
    if high - low <= SAME * max(abs(low), abs(high)):
        low, high = (low - abs(low) * 0.1, high + abs(high) * 0.1) if low else (0.0, 1.0)
    rough = (high - low) / (HEIGHT / TICK_ROWS)
    size_of_unit = max(abs(low), abs(high), 1.0)
    base = 1024.0 ** math.floor(math.log(size_of_unit, 1024)) if unit.startswith("B") else 1.0
    power = base * 10.0 ** math.floor(math.log10(rough / base))
    size = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / size + 1e-9), math.ceil(high / size - 1e-9)
    return [number * size for number in range(first, max(last, first + 1) + 1)]


def show_ticks(ticks: Sequence[float], unit: str) -> list[str]:
    """All in the same unit, with as many digits as tell them apart."""
    scale, name = _scale(max(map(abs, ticks)), unit)
    step = (ticks[1] - ticks[0]) * scale
    places = next((places for places in range(9) if abs(round(step, places) - step) < 1e-6 * step), 9)
    return [f"{tick * scale:.{places}f}{_after(name)}" for tick in ticks]


def show_value(value: float, unit: str = "") -> str:
    """A value with its unit (`s`, `B`, `%`, any of them with `/s`), in four digits."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    scale, name = _scale(abs(value), unit)
    shown = value * scale
    digits = f"{shown:.4g}" if not shown or 1e-4 <= abs(shown) < 10_000 else f"{shown:.3e}"
    return f"{digits}{_after(name)}"


def _after(name: str) -> str:
    """A unit stands apart from its number, a mere `k` or `M` does not."""
    return f" {name}" if name and name not in "kMGT" else name


def _scale(size: float, unit: str) -> tuple[float, str]:
    """What to multiply a value of this size with, and the name of the unit then."""
    if unit.startswith(("%", "percent")):
        return (100.0 if unit.startswith("%") else 1.0), unit.replace("percent", "%")
    if unit == "s":
        length, name = next((row for row in TIMES if size >= row[0]), (1.0, "s"))
        return 1 / length, name
    length, prefix = next((row for row in (BINARY if unit.startswith("B") else SI) if size >= row[0]), (1.0, ""))
    return 1 / length, f"{prefix}{unit}"


def _print_times(console: Console, start: float, end: float, width: int, margin: int) -> None:
    """The axis below: round times of this machine's zone."""
    wanted = (end - start) / max(1, width // TICK_COLUMNS)
    size = next((size for size in NICE_SECONDS if size >= wanted), math.ceil(wanted / 604_800) * 604_800)
    offset = datetime.fromtimestamp(start).astimezone().utcoffset()
    shift = offset.total_seconds() if offset else 0.0
    axis, labels = ["─"] * width, [" "] * (width + 12)
    tick = math.ceil((start + shift) / size) * size - shift
    pattern = (
        "%b %d" if size >= 86_400 else "%a %H:%M" if end - start > 86_400 else "%H:%M" if size >= 60 else "%H:%M:%S"
    )
    while tick <= end and end > start:
        column = round((tick - start) / (end - start) * (width - 1))
        label = datetime.fromtimestamp(tick).strftime(pattern)
        axis[column] = "┬"
        begin = max(0, min(column - len(label) // 2, width - len(label)))
        labels[begin : begin + len(label)] = label
        tick += size
    console.print(Text(f"{'':>{margin}} └{''.join(axis)}", "dim"), no_wrap=True)
    console.print(Text(f"{'':>{margin}}  {''.join(labels).rstrip()}", "dim"), no_wrap=True)
