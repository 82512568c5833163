"""The labels that a sample is stored with: its own, its target's, and what metric relabelling makes of them."""

from collections.abc import Callable, Iterator

from traceo.scraping.config import LEGACY, ScrapeConfig
from traceo.scraping.exposition import NAME, ExpositionError, parse_series
from traceo.scraping.floats import format_bound
from traceo.scraping.relabel import LEGACY_NAME, Labels, relabel
from traceo.scraping.target import Target
from traceo.scraping.write import encode_labels

EXPORTED = "exported_"
# A label that holds a number, the type of metric that has it, and what its series' names end with.
BOUNDS = (("le", "histogram", "_bucket"), ("quantile", "summary", ""))


class LimitReached(Exception):
    """The answer has more than the configuration allows: nothing of it is stored."""


class SeriesLabels:
    """One target's way from series texts to encoded labels."""

    def __init__(self, config: ScrapeConfig, target: Target, kind_of: Callable[[str], str] = lambda name: "") -> None:
        """`kind_of`: a metric's type, by the name that its comments have; "" if it is not known."""
        self._config = config
        self._kind_of = kind_of
        self._own = target.labels
        self._limits = {name: config.limit(f"label_{name}limit") for name in ("", "name_length_", "value_length_")}

    def encode(self, text: bytes) -> bytes | None:
        """Of one series text; None: relabelling drops it. Raises ExpositionError and LimitReached."""
        try:
            labels = parse_series(text.decode())
        except UnicodeDecodeError as error:
            raise ExpositionError(f"invalid UTF-8 in {text[:100]!r}") from error
        for name, kind, suffix in BOUNDS:
            if name in labels and self._kind_of(labels[NAME].removesuffix(suffix)) == kind:
                labels[name] = _normal_bound(labels[name])
        found = relabel(self._merge(labels), self._config.metric_relabel)
        if found is None:
            return None
        if not found.get(NAME):
            raise ExpositionError(f"metric relabelling left no metric name of {labels[NAME]}")
        if self._config.validation == LEGACY:
            _check_legacy(found)
        self._check_limits(found)
        return encode_labels(found.items())

    def encode_report(self, metric: str) -> bytes:
        """Of one of the scrape's own series."""
        return encode_labels({**self._own, NAME: metric}.items())

    def _merge(self, labels: Labels) -> Labels:
        """Where both have a label, the sample's wins with `honor_labels`; else it becomes `exported_...`."""
        if self._config.honor_labels:
            return {**self._own, **labels}
        merged = {**labels, **self._own}
        for name, value in labels.items():
            if name in self._own and value:
                other = EXPORTED + name
                while other in merged:
                    other = EXPORTED + other
                merged[other] = value
        return merged

    def _check_limits(self, labels: Labels) -> None:
        for problem in self._exceeded(labels):
            raise LimitReached(f"{problem} (metric: {labels[NAME]:.50})")

    def _exceeded(self, labels: Labels) -> Iterator[str]:
        most, name_length, value_length = self._limits.values()
        if most and len(labels) > most:
            yield f"label_limit exceeded: {len(labels)} labels, limit {most}"
        for name, value in labels.items() if name_length or value_length else ():
            if name_length and len(name.encode()) > name_length:
                yield f"label_name_length_limit exceeded: {name:.50}, length {len(name.encode())}, limit {name_length}"
            if value_length and len(value.encode()) > value_length:
                shown = f"{name:.50}={value:.50}, length {len(value.encode())}"
                yield f"label_value_length_limit exceeded: {shown}, limit {value_length}"


def _normal_bound(text: str) -> str:
    try:
        return format_bound(float(text))
    except ValueError:
        return text


def _check_legacy(labels: Labels) -> None:
    for name, value in labels.items():
        if not LEGACY_NAME.fullmatch(name) or (name == NAME and not LEGACY_NAME.fullmatch(value.replace(":", "_"))):
            raise ExpositionError(f"invalid name {value if name == NAME else name!r} under the legacy scheme")
