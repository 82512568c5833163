"""Prometheus' configuration file: what is read, what is inherited, and how a mistake is told."""

from pathlib import Path

import pytest

from traceo.errors import ConfigError
from traceo.scraping.config import NOT_YET, ScrapeConfig, load_file
from traceo.scraping.discovery.groups import Group
from traceo.scraping.discovery.providers import UNSUPPORTED
from traceo.scraping.discovery.static import StaticTargets


def load(folder: Path, text: str) -> tuple[ScrapeConfig, ...]:
    (folder / "prometheus.yml").write_text(text)
    return load_file(folder / "prometheus.yml").configs


PASTED = """
# my global config
global:
  scrape_interval: 15s # Set the scrape interval to every 15 seconds. Default is every 1 minute.
  evaluation_interval: 15s
  external_labels: {monitor: codelab}
  sample_limit: 1000
alerting:
  alertmanagers: [{static_configs: [{targets: []}]}]
rule_files: ["first_rules.yml"]
scrape_configs:
  - job_name: "prometheus"
    static_configs:
      - targets: ["localhost:9090", "localhost:9091"]
        labels: {app: "prometheus"}
  - job_name: federate
    scrape_interval: 1m30s
    honor_labels: true
    metrics_path: /federate
    params: {'match[]': ['{job="prometheus"}', '{__name__=~"job:.*"}']}
    sample_limit: 50000
    body_size_limit: 10MB
    basic_auth: {username: admin, password_file: secret}
    tls_config: {ca_file: ca.pem, insecure_skip_verify: true}
    file_sd_configs: [{files: ["targets/*.json"]}]
"""


def test_file_of_prometheus_is_taken_as_it_is(tmp_path: Path) -> None:
    first, second = load(tmp_path, PASTED)
    addresses = ({"__address__": "localhost:9090"}, {"__address__": "localhost:9091"})
    group = Group("scrape_configs[0].static_configs[0]", addresses, {"app": "prometheus"})
    assert first.providers == (StaticTargets(group),)
    assert (first.interval_s, first.timeout_s, first.limit("sample_limit")) == (15, 10, 1000)
    assert (second.interval_s, second.limit("sample_limit"), second.body_size_limit) == (90, 50_000, 10 << 20)
    assert second.params == {"match[]": ('{job="prometheus"}', '{__name__=~"job:.*"}')}
    assert second.http.password.path == str(tmp_path / "secret")
    assert second.http.tls.ca.path == str(tmp_path / "ca.pem")


def test_fields_of_an_anchor_give_way_to_those_beside_them(tmp_path: Path) -> None:
    merged = """
scrape_configs:
- &slow {job_name: a, scrape_interval: 1m, metrics_path: /a}
- &other {<<: *slow, job_name: b, metrics_path: /b}
- {<<: *other, job_name: c}
"""
    found = [(each.job_name, each.interval_s, each.metrics_path) for each in load(tmp_path, merged)]
    assert found == [("a", 60, "/a"), ("b", 60, "/b"), ("c", 60, "/b")]


def test_what_has_no_effect_is_noted(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text(PASTED)
    notes = load_file(tmp_path / "p.yml").notes
    assert [note.split()[0] for note in notes] == ["rule_files", "alerting", "global.external_labels"]


def test_timeout_is_never_longer_than_the_interval(tmp_path: Path) -> None:
    (config,) = load(tmp_path, "scrape_configs: [{job_name: a, scrape_interval: 2s}]")
    assert config.timeout_s == 2


def test_native_histograms_put_protobuf_first(tmp_path: Path) -> None:
    (config,) = load(tmp_path, "scrape_configs: [{job_name: a, scrape_native_histograms: true}]")
    assert config.protocols[0] == "PrometheusProto"


def test_other_files_are_included(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "one.yml").write_text("scrape_configs: [{job_name: one}]")
    text = "global: {scrape_interval: 20s}\nscrape_config_files: [jobs/*.yml]\nscrape_configs: [{job_name: two}]"
    configs = load(tmp_path, text)
    assert [(config.job_name, config.interval_s) for config in configs] == [("two", 20), ("one", 20)]


def test_equal_files_make_equal_configurations(tmp_path: Path) -> None:
    text = PASTED + "    relabel_configs: [{source_labels: [a], regex: b, target_label: c}]\n"
    assert load(tmp_path, text) == load(tmp_path, text)


JOB = "scrape_configs:\n- job_name: a\n  "
BAD = [
    (
        JOB + "scrape_intervall: 5s",
        r"line 3, column 21: .*\[0\].scrape_intervall: unknown field, did you mean",
    ),
    (JOB + "scrape_interval: 5", "expected a duration such as 15s or 1m30s, got '5'"),
    (JOB + "scrape_timeout: 2m", "scrape_timeout is longer than scrape_interval, of job 'a'"),
    (JOB + "honor_labels: 1", "expected true or false, got '1'"),
    (JOB + "body_size_limit: 10", "expected a size such as 10MB, got '10'"),
    (JOB + "scheme: ftp", "expected one of http, https, got 'ftp'"),
    (JOB + "sample_limit: -1", "expected a whole number, got '-1'"),
    (JOB + "scrape_protocols: [Text]", "expected one of PrometheusProto, OpenMetricsText1.0.0"),
    (JOB + "scrape_protocols: [PrometheusProto, PrometheusProto]", "has a protocol twice"),
    (JOB + "static_configs: {targets: [a]}", r"static_configs: expected a list"),
    (JOB + "static_configs: [{target: [a]}]", "unknown field, did you mean targets?"),
    (JOB + "basic_auth: {username: a}\n  bearer_token: b", "at most one of basic_auth"),
    (JOB + "basic_auth: {username: a, password: b, password_file: c}", "at most one of password and password_file"),
    (JOB + "authorization: {type: Basic}", "use basic_auth"),
    (JOB + "tls_config: {cert_file: a}", "needs both cert and key"),
    (JOB + "proxy_from_environment: true\n  proxy_url: http://a", "excludes proxy_url"),
    (JOB + "http_headers: {Host: {values: [a]}}", "not for configuration to set"),
    (JOB + "http_sd_configs: [{url: 'a:80'}]", "expected an absolute URL"),
    (JOB + "dns_sd_configs: [{names: [a], type: A}]", "a port is required for records of type A"),
    (JOB + "file_sd_configs: [{files: [a.txt]}]", "expected the path of .json, .yml or .yaml files"),
    (JOB + "consul_sd_configs: [{}]", "consul_sd_configs: not supported: write its targets to a file"),
    (JOB + "convert_classic_histograms_to_nhcb: true", "not supported: classic histograms are stored as they are"),
    (JOB + "job_name: b", "job_name: given twice"),
    ("scrape_configs: [{job_name: a}, {job_name: a}]", "multiple scrape configs with job name 'a'"),
    ("scrape_configs: [{}]", "job_name is missing"),
    ("scrap_configs: []", "unknown field, did you mean scrape_configs"),
    ("global: {scrape_interval: 5s, scrape_timeout: 6s}", "scrape_timeout is longer than scrape_interval"),
    ("[", "not valid YAML"),
    ("- a", "expected a mapping of fields"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message for _, message in BAD])
def test_mistake_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, text)
    assert caught.value.message.startswith(str(tmp_path / "prometheus.yml"))


@pytest.mark.parametrize("name", sorted(NOT_YET | UNSUPPORTED))
def test_field_that_is_not_supported_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: not supported: "):
        load(tmp_path, f"scrape_configs: [{{job_name: a, {name}: x}}]")


def test_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.yml: cannot be read"):
        load_file(tmp_path / "nowhere.yml")
