"""Warnings and infos of a query, in Prometheus' words."""

from __future__ import annotations

from traceo.query.promql.ast import Span
from traceo.query.promql.errors import position_of
from traceo.query.promql.numbers import format_short
from traceo.query.promql.quoting import quote

MONOTONICITY = (
    "input to histogram_quantile needed to be fixed for monotonicity (see "
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


class Annotations:
    """Collects them; each text once, in the order of first sight."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._warnings: dict[str, None] = {}
        self._infos: dict[str, None] = {}

    @property
    def warnings(self) -> list[str]:
        """All warnings."""
        return list(self._warnings)

    @property
    def infos(self) -> list[str]:
        """All infos."""
        return list(self._infos)

    def warn(self, message: str, span: Span, metric: str | None = None) -> None:
        """Something is probably wrong with the result."""
        self._warnings[self._format("warning", message, span, metric)] = None

    def info(self, message: str, span: Span, metric: str | None = None) -> None:
        """Something is worth a look."""
        self._infos[self._format("info", message, span, metric)] = None

    def _format(self, kind: str, message: str, span: Span, metric: str | None) -> str:
        name = "" if metric is None else f" for metric name {quote(metric)}"
        return f"PromQL {kind}: {message}{name} ({position_of(self._text, span.start)})"

    def check_quantile(self, value: float, span: Span) -> None:
        """A quantile lies between 0 and 1."""
        if not 0 <= value <= 1:
            self.warn(f"quantile value should be between 0 and 1, got {format_short(value)}", span)

    def mixed(self, span: Span, metric: str) -> None:
        """Floats and histograms in one range."""
        self.warn("encountered a mix of histograms and floats", span, metric)

    def mixed_schemas(self, span: Span, metric: str) -> None:
        """Histograms that cannot be added."""
        message = "vector contains a mix of histograms with exponential and custom buckets schemas"
        self.warn(message, span, metric)

    def reconciled(self, what: str, span: Span) -> None:
        """Custom buckets with different bounds were brought together."""
        self.info(f"mismatched custom buckets were reconciled during {what}", span)

    def collision(self, what: str, span: Span) -> None:
        """One histogram follows a counter reset, the other does not."""
        self.warn(f"conflicting counter resets during histogram {what}", span)

    def ignored(self, span: Span, metric: str) -> None:
        """Histograms in a range that also has floats."""
        self.info("ignored histograms in a range containing both floats and histograms", span, metric)
