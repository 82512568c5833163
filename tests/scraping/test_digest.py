"""From one answer to the next: labels, limits, relabelling, staleness, and what costs nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.scraping.received import STALE, Received, read_requests
from tests.scraping.test_relabel import rules_of
from traceo.scraping.cache import TooManySamples
from traceo.scraping.config import ScrapeConfig
from traceo.scraping.digest import Digest, Outcome
from traceo.scraping.exposition import ExpositionError
from traceo.scraping.fetch import TEXT
from traceo.scraping.series import LimitReached
from traceo.scraping.target import Target

TARGET = Target("http://x:80/metrics", {"job": "api", "instance": "x:80"}, {}, 15, 10)
OWN = 'instance="x:80",job="api"'
NOW = 1_795_633_795_000


def make(labels: dict[str, str] | None = None, **settings: Any) -> Callable[[str], Received]:
    """A target that answers one text after the other, a second apart."""
    config = ScrapeConfig("a", **settings)
    digest = Digest(config, TARGET if labels is None else Target("http://x", labels, {}, 15, 10))
    times = iter(range(NOW, NOW + 100_000, 1000))

    def answer(text: str) -> Received:
        return read_requests(digest.take(text.encode(), TEXT, next(times), Outcome()))

    return answer


def test_own_labels_of_a_sample_are_exported_when_the_target_has_them_too() -> None:
    found = make()('a{job="own",exported_job="other",b="c"} 1').values
    assert found == {f'a{{b="c",exported_exported_job="own",exported_job="other",{OWN}}}': 1}


def test_own_labels_of_a_sample_win_with_honor_labels() -> None:
    answer = make(honor_labels=True)
    assert answer('a{job="own",instance=""} 1').values == {'a{job="own"}': 1}


def test_metric_relabelling_drops_and_renames() -> None:
    rules = rules_of("[{source_labels: [__name__], regex: 'go_.*', action: drop}, {regex: 'pod', action: labeldrop}]")
    answer = make({}, metric_relabel=rules)
    assert answer('go_x 1\na{pod="1"} 2').values == {"a": 2}


def test_metric_relabelling_that_leaves_no_name_fails_the_scrape() -> None:
    with pytest.raises(ExpositionError, match="left no metric name of a"):
        make({}, metric_relabel=rules_of("[{regex: '__name__', action: labeldrop}]"))("a 1")


def test_first_of_two_equal_series_is_stored() -> None:
    answer = make({})
    assert answer('a{x="1",y="2"} 1\nb 5\na{y="2",x="1"} 2\n').samples == [('a{x="1",y="2"}', 1, NOW), ("b", 5, NOW)]


def test_equal_series_with_different_times_are_all_stored() -> None:
    assert [time for _, _, time in make({})("a 1 1000\na 2 3000\na 3 2000\na 9 1000").samples] == [1000, 3000, 2000]


def test_series_that_vanish_become_stale_once() -> None:
    answer = make({})
    answer("a 1\nb 2\nc 3")
    assert answer("b 4").values == {"b": 4, "a": STALE, "c": STALE}
    assert answer("b 5").values == {"b": 5}
    assert answer("a 6\nb 7").values == {"a": 6, "b": 7}


def test_series_whose_text_changes_but_not_its_labels_does_not_become_stale() -> None:
    answer = make({})
    answer('a{x="1",y="2"} 1')
    assert answer('a{y="2",x="1"} 2').samples == [('a{x="1",y="2"}', 2, NOW + 1000)]


def test_series_with_own_timestamps_become_stale_only_on_request() -> None:
    plain, tracked = make({}), make({}, track_timestamps_staleness=True)
    for answer in (plain, tracked):
        answer("a 1 1000\nb 2")
    assert plain("").values == {"b": STALE}
    assert tracked("").values == {"a": STALE, "b": STALE}


def test_failed_scrape_makes_all_stale_and_the_next_starts_again() -> None:
    digest = Digest(ScrapeConfig("a"), Target("http://x", {}, {}, 15, 10))
    digest.take(b"a 1\nb 2", TEXT, NOW, Outcome())
    assert read_requests(digest.fail(NOW + 1)).values == {"a": STALE, "b": STALE}
    assert digest.fail(NOW + 2) == []
    outcome = Outcome()
    assert read_requests(digest.take(b"a 1\nb 2", TEXT, NOW + 3, outcome)).values == {"a": 1, "b": 2}
    assert read_requests(digest.take(b"b 2", TEXT, NOW + 4, Outcome())).values == {"a": STALE, "b": 2}


def test_series_added_counts_those_that_were_not_there() -> None:
    digest, added = Digest(ScrapeConfig("a"), TARGET), []
    for text in (b"a 1\nb 2", b"a 1\nb 2", b"b 2\nc 3\nd 4", b""):
        outcome = Outcome()
        digest.take(text, TEXT, NOW, outcome)
        added.append((outcome.scraped, outcome.stored, outcome.added))
    assert added == [(2, 2, 2), (2, 2, 0), (3, 3, 2), (0, 0, 0)]


def test_other_configuration_ends_the_series_that_it_no_longer_has() -> None:
    target = Target("http://x", {}, {}, 15, 10)
    before = Digest(ScrapeConfig("a"), target)
    before.take(b"a 1\nb 2", TEXT, NOW, Outcome())
    rules = rules_of("[{source_labels: [__name__], regex: a, action: drop}]")
    after = Digest(ScrapeConfig("a", metric_relabel=rules), target, before)
    assert read_requests(after.take(b"a 1\nb 2", TEXT, NOW, Outcome())).values == {"b": 2, "a": STALE}


LIMITS = [
    ({"sample_limit": 1}, TooManySamples, "sample_limit exceeded: 2 samples, limit 1"),
    ({"label_limit": 1}, LimitReached, r"label_limit exceeded: 2 labels, limit 1 \(metric: long\)"),
    ({"label_name_length_limit": 8}, LimitReached, r"label_name_length_limit exceeded: abcdefghi, length 9, limit 8"),
    ({"label_value_length_limit": 4}, LimitReached, r"label_value_length_limit exceeded: abcdefghi=valüe, length 6"),
]


@pytest.mark.parametrize(("limits", "kind", "message"), LIMITS, ids=[next(iter(row[0])) for row in LIMITS])
def test_limit_fails_the_scrape_and_changes_nothing(limits: Any, kind: type[Exception], message: str) -> None:
    answer = make({}, limits=limits)
    answer("a 1")
    with pytest.raises(kind, match=message):
        answer('a 1\nlong{abcdefghi="valüe"} 2')
    assert answer("a 3").values == {"a": 3}


def test_exemplars_and_metadata_are_sent_when_they_change() -> None:
    digest = Digest(ScrapeConfig("a"), TARGET)

    def answer(trace: str, text: str) -> Received:
        body = f'# HELP a {text}\na_total 1 # {{trace_id="{trace}"}} 0.5 1\n# EOF\n'
        return read_requests(digest.take(body.encode(), "openmetrics", NOW, Outcome()))

    found = [answer("1", "A."), answer("1", "A."), answer("2", "A."), answer("2", "B.")]
    assert [len(one.exemplars) for one in found] == [1, 0, 1, 0]
    assert [list(one.metadata.values()) for one in found] == [[(0, "A.", "")], [], [], [(0, "B.", "")]]


def test_scrapes_own_series_have_the_targets_labels() -> None:
    config = ScrapeConfig("a", flags={"extra_scrape_metrics": True}, limits={"sample_limit": 7})
    digest = Digest(config, TARGET)
    report = Outcome(0.5, "", 3, 2, 1, 100).report(config, 10)
    assert read_requests([digest.encode_report(report, NOW)]).values == {
        f"up{{{OWN}}}": 1,
        f"scrape_duration_seconds{{{OWN}}}": 0.5,
        f"scrape_samples_scraped{{{OWN}}}": 3,
        f"scrape_samples_post_metric_relabeling{{{OWN}}}": 2,
        f"scrape_series_added{{{OWN}}}": 1,
        f"scrape_timeout_seconds{{{OWN}}}": 10,
        f"scrape_sample_limit{{{OWN}}}": 7,
        f"scrape_body_size_bytes{{{OWN}}}": 100,
    }


def test_large_answer_becomes_several_requests() -> None:
    text = "".join(f'a{{n="{n}",pad="{"x" * 200}"}} {n}\n' for n in range(20_000))
    digest = Digest(ScrapeConfig("a"), TARGET)
    requests = digest.take(text.encode(), TEXT, NOW, Outcome())
    assert len(requests) > 1 and max(map(len, requests)) <= 4 << 20
    assert [value for _, value, _ in read_requests(requests).samples] == list(range(20_000))


def test_times_beyond_our_age_are_written() -> None:
    far = [-5, 0, 1 << 41, 1 << 50, -(1 << 62)]
    found = make({})("".join(f"a{n} 1 {time}\n" for n, time in enumerate(far)))
    assert [time for _, _, time in found.samples] == far
