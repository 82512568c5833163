"""From an answer's bytes to remote-write requests, with what one target's answers are compared to."""

from dataclasses import dataclass

from traceo.scraping.cache import SeriesCache, TooManySamples
from traceo.scraping.config import PROTOBUF, ScrapeConfig
from traceo.scraping.exposition import Samples, parse_text
from traceo.scraping.extras import Exemplars, Metadata
from traceo.scraping.fetch import OPENMETRICS
from traceo.scraping.native import NativeHistograms
from traceo.scraping.protobuf import NativeSample, parse_protobuf
from traceo.scraping.series import SeriesLabels
from traceo.scraping.target import Target
from traceo.scraping.write import STALE, encode_sample

REPORT = ("up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
          "scrape_series_added")  # fmt: skip
EXTRA_REPORT = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")


@dataclass(slots=True)
class Outcome:
    """One scrape. `error` is "" when it went well; `scraped` counts samples before relabelling, `stored` after."""

    duration_s: float = 0.0
    error: str = ""
    scraped: int = 0
    stored: int = 0
    added: int = 0
    body_bytes: int = 0

    def report(self, config: ScrapeConfig, timeout_s: float) -> dict[str, float]:
        """The scrape's own series, by name."""
        values = (not self.error, self.duration_s, self.scraped, self.stored, self.added)
        found = {name: float(value) for name, value in zip(REPORT, values, strict=True)}
        if config.flag("extra_scrape_metrics"):
            extra = (timeout_s, config.limit("sample_limit"), self.body_bytes)
            found |= {name: float(value) for name, value in zip(EXTRA_REPORT, extra, strict=True)}
        return found


class Digest:
    """One target's memory of what it exposed. Not safe for threads: one answer at a time."""

    def __init__(self, config: ScrapeConfig, target: Target, before: "Digest | None" = None) -> None:
        """`before`: of the same target under another configuration; what it alone had becomes stale."""
        self._config = config
        self.metadata = Metadata()
        self._labels = SeriesLabels(config, target, self.metadata.kind_of)
        limit, track = config.limit("sample_limit"), config.track_timestamps_staleness
        floats, histograms = (before._cache, before._native) if before else (None, None)
        self._cache: SeriesCache = SeriesCache(self._labels.encode, limit, track_timed=track, before=floats)
        self._native: NativeHistograms = NativeHistograms(self._labels.encode, track_timed=track, before=histograms)
        self._exemplars = Exemplars()
        self._reports = {name: self._labels.encode_report(name) for name in (*REPORT, *EXTRA_REPORT)}

    def take(self, body: bytes, format_name: str, time_ms: int, outcome: Outcome) -> list[bytes]:
        """The requests for an answer; counts in `outcome`. Raises ExpositionError, LimitReached, TooManySamples."""
        outcome.body_bytes = len(body)
        samples, native = self._parse(body, format_name)
        outcome.scraped = len(samples) + len(native)
        labels = self._native.find_labels(native)
        stored_natives = sum(labels[row.series] is not None for row in native)
        honor = self._config.honor_timestamps
        try:
            answer = self._cache.take(samples, time_ms, honor, others=stored_natives)
        except TooManySamples as error:
            outcome.stored = error.count
            raise
        outcome.stored, outcome.added = answer.stored + stored_natives, answer.added + self._native.count_new(labels)
        extra = self.metadata.encode_changed() + self._take_exemplars(samples, time_ms)
        extra += self._native.take(native, labels, time_ms, honor)
        return [extra, *answer.requests] if extra else answer.requests

    def fail(self, time_ms: int) -> list[bytes]:
        """Stale markers for everything that the last answer had."""
        native = self._native.fail(time_ms)
        return [native, *self._cache.fail(time_ms)] if native else self._cache.fail(time_ms)

    def _parse(self, body: bytes, format_name: str) -> tuple[Samples, list[NativeSample]]:
        if format_name != PROTOBUF:
            samples = parse_text(body, openmetrics=format_name == OPENMETRICS)
            self.metadata.read(samples.comments)
            return samples, []
        native, classic = "scrape_native_histograms", "always_scrape_classic_histograms"
        found = parse_protobuf(body, native=self._config.flag(native), classic=self._config.flag(classic))
        self.metadata.families = found.families
        return found.samples(), found.native

    def encode_report(self, values: dict[str, float], time_ms: int) -> bytes:
        """The scrape's own series."""
        return b"".join([encode_sample(self._reports[name], value, time_ms) for name, value in values.items()])

    def encode_stale_report(self, config: ScrapeConfig, time_ms: int) -> bytes:
        """Stale markers for the scrape's own series."""
        return self.encode_report(dict.fromkeys(Outcome().report(config, 0.0), float(STALE)), time_ms)

    def _take_exemplars(self, samples: Samples, time_ms: int) -> bytes:
        if not samples.exemplars:
            return b""
        found = [(self._cache.labels_of(row), text) for row, text in samples.exemplars]
        return self._exemplars.take([(labels, text) for labels, text in found if labels is not None], time_ms)
