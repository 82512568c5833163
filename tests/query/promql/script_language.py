"""Reads scripts of Prometheus' promqltest: loads, evaluations and what they expect."""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.query.promql.script_nhcb import Data, Key, as_native
from tests.query.promql.script_values import Value, parse_values
from traceo.query.promql.numbers import parse_duration_ms
from traceo.query.promql.parser import parse_selector

LOAD = re.compile(r"load(_with_nhcb)?\s+(\S+)")
EVAL = re.compile(
    r"eval(?:_(?P<old>\w+))?\s+(?:instant\s+at\s+(?P<at>\S+)|range\s+from\s+(?P<start>\S+)\s+to\s+(?P<end>\S+)\s+step\s+(?P<step>\S+))\s+(?P<query>.+)"
)
EXPECT = re.compile(r"expect\s+(\w+)(?:\s+(msg|regex):\s*(.*)|\s+(.*))?")
RANGE = re.compile(r"expect range vector from (\S+) to (\S+) step (\S+)")


@dataclass
class Eval:
    """One evaluation: an instant one has no step."""

    line: int
    query: str
    start_ms: int
    end_ms: int
    step_ms: int
    expects: list[tuple[str, str, str]] = field(default_factory=list)  # word, msg or regex, text
    vector_ms: tuple[int, int] | None = None  # of an expected range vector: its first moment, and the step
    series: list[tuple[Key, list[Value], str]] = field(default_factory=list)
    scalar: Value = None
    tenant: str = ""

    @property
    def is_native(self) -> bool:
        """Whether native histograms are in its expectation."""
        return any("{{" in text for _, _, text in self.series)


@dataclass
class Script:
    """Its evaluations, and for each tenant what it holds: everything loaded before."""

    evals: list[Eval] = field(default_factory=list)
    tenants: dict[str, Data] = field(default_factory=dict)


def parse_time(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("-")
    return sign * (int(float(text) * 1000) if re.fullmatch(r"[\d.]+", text) else parse_duration_ms(text))


def parse_script(path: Path) -> Script:
    script = Script()
    lines = path.read_text(encoding="utf-8").split("\n")
    data: Data = {}
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if not line or line.startswith("#"):
            continue
        start = number
        while number < len(lines) and (lines[number].startswith("#") or lines[number][:1].isspace()):
            number += 1
        block = [text.strip() for text in lines[start:number] if text.strip() and not text.strip().startswith("#")]
        if line == "clear":
            data = {}
        elif found := LOAD.fullmatch(line):
            data = {key: dict(points) for key, points in data.items()}
            _load(data, block, parse_duration_ms(found[2]), found[1] is not None)
        elif found := EVAL.fullmatch(line):
            made = _eval(found, block, start)
            made.tenant = _tenant(script, path.stem, data)
            script.evals.append(made)
        else:
            raise ValueError(f"{path.name}:{start}: {line}")
    return script


def _tenant(script: Script, name: str, data: Data) -> str:
    """The last tenant if it holds the same, otherwise a new one."""
    if script.tenants:
        last = list(script.tenants)[-1]
        if script.tenants[last] is data:
            return last
    tenant = f"promql-{name}-{len(script.tenants)}"
    script.tenants[tenant] = data
    return tenant


def split_series(line: str) -> tuple[Key, str]:
    """Labels and points of `metric{label="value"} 1 2`."""
    depth, quoted, end = 0, "", len(line)
    for place, char in enumerate(line):
        if quoted:
            if char == quoted and line[place - 1] != "\\":
                quoted = ""
        elif char in "\"'`":
            quoted = char
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
        elif char in " \t" and depth == 0:
            end = place
            break
    return labels_of(line[:end]), line[end:].strip()


def labels_of(text: str) -> Key:
    inner = text.strip()
    if inner == "{}":
        return frozenset()
    if inner.startswith("{"):  # a selector needs a condition that is not empty: labels alone may have none
        inner = f"x{inner}" if "__name__" not in inner and not re.match(r"\{\s*[\"']", inner) else inner
        found = parse_selector(inner)
        return frozenset((m.name, m.value) for m in found if (m.name, m.value) != ("__name__", "x") and m.value)
    return frozenset((m.name, m.value) for m in parse_selector(inner) if m.value)


def _load(data: Data, block: list[str], interval_ms: int, nhcb: bool) -> None:
    loaded: Data = {}
    for line in block:
        key, text = split_series(line)
        loaded[key] = {n * interval_ms: value for n, value in enumerate(parse_values(text)) if value is not None}
    if nhcb:
        loaded.update(as_native(loaded))
    for key, points in loaded.items():
        data.setdefault(key, {}).update(points)


def _eval(found: re.Match[str], block: list[str], line: int) -> Eval:
    if found["at"]:
        at = parse_time(found["at"])
        made = Eval(line, found["query"].strip(), at, at, 0)
    else:
        made = Eval(line, found["query"].strip(), *(parse_time(found[name]) for name in ("start", "end", "step")))
    if found["old"]:
        made.expects.append((found["old"], "", ""))
    for text in block:
        if vector := RANGE.fullmatch(text):
            made.vector_ms = parse_time(vector[1]), parse_time(vector[3])
        elif expect := EXPECT.fullmatch(text):
            made.expects.append((expect[1], expect[2] or "", (expect[3] or expect[4] or "").strip()))
        elif re.match(r"[-+\d.]|NaN|Inf", text) and not re.match(r"[A-Za-z_:][\w:]*\s*[{]", text):
            made.scalar = parse_values(text)[0]
        else:
            key, values = split_series(text)
            made.series.append((key, parse_values(values), values))
    return made


def unquote(text: str) -> str:
    return text[1:-1] if text.startswith("`") else str(ast.literal_eval(text))
