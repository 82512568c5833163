"""Makes queries at random, out of all of PromQL that Prometheus 2.42 has; the same seed makes the same ones.

Windows end on seconds that are 0 or 1 modulo 5 and are 2 modulo 5 long, samples lie between seconds, and subqueries
step by multiples of 5 s: so nothing lies on the edge of a window, where Prometheus 2 and 3 differ.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.differential.metrics import END_S, START_S

COUNTERS = ("requests_total", "errors_total", "latency_count", "latency_sum", "latency_bucket")
FINITE = (*COUNTERS, "memory_bytes", "temperature", "limit", "sparse", "flapping")
METRICS = (*FINITE, "odd", "late", "ended", "lame_bucket", "nothing")
LABELS = ("job", "instance", "code", "le", "room", "n", "kind", "team")
VALUES = {
    "job": ("api", "web", "db", ""),
    "instance": ("i0", "i1", "i2"),
    "code": ("200", "404", "500", ""),
    "n": ("0", "1"),
    "kind": ("nan", "inf", "zero", "mixed"),
    "le": ("0.5", "+Inf"),
}
PATTERNS = ("i[01]", "a.*|w.+", ".*", ".+", "", "5..", "(?i)API", "[^a]+", "i0|", "0|1", "x")
RANGES, STEPS, OFFSETS = (
    ("17s", "47s", "62s", "127s", "302s", "607s"),
    ("", "5s", "30s", "1m"),
    ("35s", "5m", "-1m", "-5s"),
)
NUMBERS = ("0", "1", "2", "0.5", "-1", "3.25", "1e3", "100", "Inf", "NaN", "-Inf", "0x1f")
MATHS = (
    "abs",
    "ceil",
    "floor",
    "exp",
    "ln",
    "log2",
    "log10",
    "sqrt",
    "sgn",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "deg",
    "rad",
)
CALENDAR = ("minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year")
OVER_TIME = (
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "count_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "last_over_time",
    "present_over_time",
    "changes",
    "resets",
    "idelta",
    "delta",
    "deriv",
)
RATES = ("rate", "increase", "irate")
SIMPLE = ("sum", "avg", "min", "max", "count", "group")
SPREAD = ("stddev", "stdvar")
ARITHMETIC, COMPARISON, SETS = (
    ("+", "-", "*", "/", "%", "^", "atan2"),
    ("==", "!=", ">", "<", ">=", "<="),
    ("and", "or", "unless"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query and when; `step_s` 0: an instant one. `ties`: which of several equal series are kept is not defined."""

    text: str
    start_s: int
    end_s: int
    step_s: int
    ties: bool = False


class Generator:
    """An endless source of queries."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def next(self) -> Asked:
        """Seven in ten with a range; one in twenty likely to be refused."""
        rng = self.rng
        end = rng.randrange(START_S + 300, END_S + 300) // 5 * 5 + 1
        kinds: list[tuple[float, Callable[[], str]]] = [
            (0.82, lambda: self.vector(rng.randrange(1, 5))),
            (0.06, self._chosen),
            (0.05, self._wrong),
            (0.04, lambda: self.scalar(3)),
            (0.03, self._sorted),
        ]
        make = rng.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]
        text = make()
        if rng.random() < 0.3 or text.startswith("sort"):
            if rng.random() < 0.05:
                text = self.matrix(METRICS)
            return Asked(text, end, end, 0, make == self._chosen)
        step = rng.choice((5, 15, 30, 60, 300))
        return Asked(text, end - step * rng.randrange(1, 40), end, step, make == self._chosen)

    def vector(self, depth: int) -> str:
        """An instant vector, about `depth` operations deep."""
        if depth <= 0:
            return self.selector(METRICS) + self._modifier()
        makers = (self._function, self._function, self._aggregate, self._aggregate, self._binary, self._binary)
        return self.rng.choice((*makers, self._over_time, self._over_time, self._labels, self._quantile, self._other))(
            depth
        )

    def scalar(self, depth: int) -> str:
        """A scalar expression."""
        choice = self.rng.randrange(8 if depth > 0 else 3)
        if choice < 3:
            return self.rng.choice(NUMBERS)
        if choice == 3:
            return self.rng.choice(("time()", "pi()", "-pi()"))
        if choice == 4:
            return f"scalar({self.vector(depth - 1)})"
        if choice == 5:
            left, right = self.scalar(depth - 1), self.scalar(depth - 1)
            return f"({left} {self.rng.choice(COMPARISON)} bool {right})"
        left, right = self.scalar(depth - 1), self.scalar(depth - 1)
        return f"({left} {self.rng.choice(ARITHMETIC)} {right})"

    def matrix(self, metrics: tuple[str, ...]) -> str:
        """A range of stored points."""
        return f"{self.selector(metrics)}[{self.rng.choice(RANGES)}]{self._modifier()}"

    def selector(self, metrics: tuple[str, ...]) -> str:
        """A metric with up to two matchers of any kind."""
        rng = self.rng
        matchers = [self._matcher() for _ in range(rng.choice((0, 0, 0, 0, 0, 0, 1, 1, 2)))]
        name = rng.choice(metrics)
        if rng.random() < 0.05:
            matchers.insert(0, f'__name__="{name}"')
            name = ""
        return f"{name}{{{','.join(matchers)}}}" if matchers or not name else name

    def _matcher(self) -> str:
        label = self.rng.choice((*("job", "instance") * 4, *VALUES))
        operator = self.rng.choice(("=", "!=", "=~", "!~"))
        return f'{label}{operator}"{self.rng.choice(PATTERNS if "~" in operator else VALUES[label])}"'

    def _modifier(self) -> str:
        rng, text = self.rng, ""
        if rng.random() < 0.15:
            text += f" offset {rng.choice(OFFSETS)}"
        if rng.random() < 0.1:
            text += f" @ {rng.choice(('start()', 'end()', str(rng.randrange(START_S, END_S) // 5 * 5 + 1)))}"
        return text

    def _subquery(self, inner: str) -> str:
        return f"{inner}[{self.rng.choice(RANGES[2:])}:{self.rng.choice(STEPS)}]{self._modifier()}"

    def _function(self, depth: int) -> str:
        if self.rng.random() < 0.2:
            return f"{self.rng.choice(CALENDAR)}({self.vector(depth - 1)} < 1e10 > -1e10)"
        return f"{self.rng.choice(MATHS)}({self.vector(depth - 1)})"

    def _over_time(self, depth: int) -> str:
        """Extrapolation near zero differs between versions: rates are of counters only, which begin far from it."""
        rng = self.rng
        if rng.random() < 0.4:
            within = self.matrix(COUNTERS) if rng.random() < 0.8 else self._subquery(self.selector(COUNTERS))
            return f"{rng.choice(RATES)}({within})"
        within = self.matrix(METRICS) if depth < 3 or rng.random() < 0.5 else self._subquery(self.vector(depth - 2))
        plain, choice = f"{self.selector(METRICS)}[{rng.choice(RANGES)}]", rng.randrange(12)
        if choice == 0:
            return f"quantile_over_time({self.scalar(depth - 2)}, {plain})"
        if choice == 1:
            return f"predict_linear({plain}, {self.scalar(depth - 2)})"
        if choice == 2:
            return f"holt_winters({within}, {rng.choice(('0.5', '0.1', '0.9', '1'))}, 0.3)"
        if choice == 3:
            return f"absent_over_time({within})"
        return f"{rng.choice(OVER_TIME)}({within})"

    def _aggregate(self, depth: int) -> str:
        rng, inner = self.rng, self.vector(depth - 1)
        choice = rng.randrange(9)
        if choice == 0:
            return f"quantile{self._grouping()}({self.scalar(depth - 2)}, {inner})"
        if choice == 1:
            return f'count_values{self._grouping()}("{rng.choice(("value", "job", "n"))}", {self.selector(METRICS)})'
        if choice == 2:
            return f"{rng.choice(SPREAD)}{self._grouping()}({self._finite()})"
        return f"{rng.choice(SIMPLE)}{self._grouping()}({inner})"

    def _finite(self) -> str:
        return self.selector(FINITE) if self.rng.random() < 0.5 else f"rate({self.matrix(COUNTERS)})"

    def _grouping(self) -> str:
        labels = ", ".join(self.rng.sample(LABELS, self.rng.randrange(4)))
        return self.rng.choice(("", f" by ({labels}) ", f" without ({labels}) "))

    def _binary(self, depth: int) -> str:
        rng = self.rng
        left = self.vector(depth - 1)
        right = left if rng.random() < 0.4 else self.vector(depth - 1)
        if rng.random() < 0.4:
            scalar, flag = self.scalar(depth - 2), rng.choice(("", "bool "))
            operator = f"{rng.choice(COMPARISON)} {flag}" if rng.random() < 0.4 else rng.choice(ARITHMETIC)
            return _named(
                operator, f"({left} {operator} {scalar})" if rng.random() < 0.5 else f"({scalar} {operator} {left})"
            )
        if rng.random() < 0.3:
            return f"({left} {rng.choice(SETS)}{self._matching()} {right})"
        operator = rng.choice(ARITHMETIC) if rng.random() < 0.7 else rng.choice(COMPARISON) + rng.choice(("", " bool"))
        if rng.random() < 0.4:
            return self._grouped(operator, depth)
        return _named(operator, f"({left} {operator}{self._matching()} {right})")

    def _matching(self) -> str:
        labels = ", ".join(self.rng.sample(LABELS[:4], self.rng.randrange(3)))
        return self.rng.choice(("", "", f" on ({labels})", f" ignoring ({labels})"))

    def _grouped(self, operator: str, depth: int) -> str:
        """Many to one and one to many, on labels that make it likely to work."""
        rng = self.rng
        on = rng.choice(("job", "job, instance"))
        one = f"{rng.choice(SIMPLE)} by ({on}) ({self.vector(depth - 1)})" if rng.random() < 0.7 else "limit"
        include = rng.choice(("", "(team)", "(room, code)", "()"))
        many = self.vector(depth - 1)
        if rng.random() < 0.5:
            return _named(operator, f"({many} {operator} on ({on}) group_left{include} {one})")
        return _named(operator, f"({one} {operator} on ({on}) group_right{include} {many})")

    def _labels(self, depth: int) -> str:
        rng, inner = self.rng, self.vector(depth - 1)
        target = rng.choice(("copy", "job", "n", "code"))
        if rng.random() < 0.4:
            sources = ", ".join(f'"{label}"' for label in rng.sample(LABELS, rng.randrange(4)))
            return f'label_join({inner}, "{target}", "-"{", " if sources else ""}{sources})'
        pattern, replacement = rng.choice(
            (("(.*)", "$1"), ("i(.)", "x-$1"), ("(a)(.*)", "${2}_$1$3"), ("", "none"), ("z", "$0"))
        )
        return f'label_replace({inner}, "{target}", "{replacement}", "{rng.choice(LABELS)}", "{pattern}")'

    def _quantile(self, depth: int) -> str:
        rng = self.rng
        by = rng.choice(("le", "le, job", "job, le, instance", "job"))
        buckets = rng.choice(
            (
                f"sum by ({by}) (rate(latency_bucket[{rng.choice(RANGES)}]))",
                "latency_bucket" + self._modifier(),
                f"increase(latency_bucket[{rng.choice(RANGES)}])",
                "lame_bucket",
                self.vector(depth - 1),
            )
        )
        share = rng.choice((*("0.5", "0.9", "0.99", "0", "1", "-1", "2"), self.scalar(depth - 2)))
        return f"histogram_quantile({share}, {buckets})"

    def _other(self, depth: int) -> str:
        rng, inner = self.rng, self.vector(depth - 1)
        return rng.choice(
            (
                f"absent({inner})",
                f"timestamp({rng.choice((inner, self.selector(METRICS) + self._modifier()))})",
                f"-{inner}",
                f"({inner})",
                f"clamp({inner}, {self.scalar(depth - 2)}, {self.scalar(depth - 2)})",
                f"clamp_min({inner}, {self.scalar(depth - 2)})",
                f"clamp_max({inner}, {self.scalar(depth - 2)})",
                f"round({inner}, {rng.choice(('1', '5', '0.25', '10'))})",
                f"vector({self.scalar(depth - 1)})",
            )
        )

    def _chosen(self) -> str:
        """The largest or smallest few, as the whole query."""
        name, count = self.rng.choice(("topk", "bottomk")), self.rng.choice(("1", "2", "3", "0", "20", "-1"))
        return f"{name}{self._grouping()}({count}, {self.vector(self.rng.randrange(3))})"

    def _sorted(self) -> str:
        return f"{self.rng.choice(('sort', 'sort_desc'))}({self.vector(self.rng.randrange(3))})"

    def _wrong(self) -> str:
        """What is refused, or nearly so."""
        rng, inner = self.rng, self.vector(1)
        return rng.choice(
            (
                f"{inner} and 1",
                f"rate({inner})",
                f"sum({self.scalar(2)})",
                f"{self.scalar(1)} > {self.scalar(1)}",
                f"{inner} + on (job) {inner}",
                f"{inner} * on () group_left {inner}",
                f'label_replace({inner}, "job", "x", "", "")',
                f'label_replace({inner}, "a", "x", "job", "(")',
                f"{inner} offset 5m offset 5m",
                f"topk(NaN, {inner})",
                f"histogram_quantile({inner}, {inner})",
                "sum by (job",
                '{job=""}',
                '{job=~".*"}',
                f"{inner}[5m]",
                f"abs({inner}, 1)",
                f"clamp({inner}, 1)",
                f"{inner} == bool on (job) group_left () {inner}",
                f"{inner} or on () group_left {inner}",
            )
        )


def _named(operator: str, text: str) -> str:
    """Without the metric's name, which `atan2` keeps in version 2."""
    return f"({text} * 1)" if operator == "atan2" else text
