"""How OTLP's names become Prometheus', by `metrics.translation_strategy`: SQL for the views that make label sets.

A view holds the expressions of one strategy, because each function in it costs all inserts some planning. Source:
Prometheus' `otlp.translation_strategy` and the names of OpenTelemetry's "Prometheus and OpenMetrics compatibility".
"""

from collections.abc import Callable
from dataclasses import dataclass

from traceo.store.metric_types import label_of

VIEWS = ("series_label_sets_view", "target_label_sets_view")
DEFAULT = "UnderscoreEscapingWithSuffixes"
# Of a series `s` beside what its view has of it: the unit's words and tokens, and the last suffix ('total', 'ratio').
TOKENS = """
arrayStringConcat(if(last = '', with_unit, arrayPushBack(arrayFilter(token -> token != last, with_unit), last)), '_')
""".strip()
ESCAPED = """
replaceRegexpAll(replaceRegexpAll(s.metric, '^[^a-zA-Z0-9_:]+|[^a-zA-Z0-9_:]+$', ''), '[^a-zA-Z0-9_:]+', '_')
""".strip()
SUFFIXED = """
arrayFold((name, suffix) -> concat(if(endsWith(name, suffix) AND length(name) > length(suffix) + 1,
        substring(name, 1, length(name) - length(suffix) - 1), name), '_', suffix),
    arrayFilter(suffix -> notEmpty(suffix), [unit_word, if(per_word = '', '', concat('per_', per_word)), last]),
    CAST(s.metric AS String))
""".strip()


@dataclass(frozen=True, slots=True)
class Naming:
    """SQL: a metric's name, and an attribute's name as a label's."""

    metric: str
    label: Callable[[str], str]


def _not_a_digit(name: str) -> str:
    return f"concat(if(match({name}, '^[0-9]'), '_', ''), {name})"


STRATEGIES = {
    DEFAULT: Naming(_not_a_digit(TOKENS), label_of),
    "UnderscoreEscapingWithoutSuffixes": Naming(_not_a_digit(ESCAPED), label_of),
    "NoUTF8EscapingWithSuffixes": Naming(SUFFIXED, str),
    "NoTranslation": Naming("s.metric", str),
}
