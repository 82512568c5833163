"""Configuration: layers, notations, messages, and the generated reference."""

from pathlib import Path

import pytest

from traceo import reference
from traceo.config import Access, Config, Server, Store, describe, dump, env_name, is_loopback, load
from traceo.errors import ConfigError
from traceo.settings import parse_bytes, parse_seconds, redact_url, show_value

EXAMPLES = Path(__file__).parent / "config"
GOOD = sorted(EXAMPLES.glob("*.good.yml"))
BAD = sorted(EXAMPLES.glob("*.bad.yml"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_good_file_loads(path: Path) -> None:
    assert isinstance(load(path, env={}), Config)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_bad_file_fails_with_the_message_in_its_first_line(path: Path) -> None:
    expected = path.read_text().partition("\n")[0].removeprefix("# ")
    with pytest.raises(ConfigError) as caught:
        load(path, env={})
    assert expected in str(caught.value)


def test_every_notation_becomes_its_value() -> None:
    config = load(EXAMPLES / "full.good.yml", env={})
    assert config.data_dir == Path("/var/lib/traceo")
    assert config.server.shutdown_grace == 0
    assert config.store.min_free_disk == 1 << 29
    assert config.store.s3_tier.secret_access_key == "hush"
    assert config.ingest.max_body == 1 << 20
    assert config.ingest.batch_max_delay == 0.05
    assert config.retention.spans == 90 * 86400
    assert config.access.trusted_gateways == ("10.0.0.0/8", "fd00::/8")
    assert (config.sampling.policy_file, config.sampling.lease_ttl) == ("/etc/traceo/policies.yaml", 2)
    assert config.catalog.owners_file == "/etc/traceo/owners.yaml"
    assert config.telemetry.sample_ratio == 1.0


def test_later_layers_win(tmp_path: Path) -> None:
    file = tmp_path / "traceo.yaml"
    file.write_text("server: {http_port: 1, otlp_http_port: 1, otlp_grpc_port: 1}")
    env = {"TRACEO_SERVER__OTLP_HTTP_PORT": "2", "TRACEO_SERVER__OTLP_GRPC_PORT": "2"}
    server = load(file, env=env, flags={"server.otlp_grpc_port": 3, "server.host": None}).server
    assert (server.http_port, server.otlp_http_port, server.otlp_grpc_port) == (1, 2, 3)
    assert server.host == "127.0.0.1"


def test_file_in_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(env={}).server.http_port == 4000
    (tmp_path / "traceo.yaml").write_text("server: {http_port: 1}")
    assert load(env={}).server.http_port == 1


def test_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "none.yaml", env={})


def test_environment_reaches_nested_sections_and_lists() -> None:
    env = {"TRACEO_STORE__S3_TIER__MOVE_AFTER": "2d", "TRACEO_ACCESS__TRUSTED_GATEWAYS": "10.0.0.0/8, ::1/128"}
    config = load(env=env)
    assert config.store.s3_tier.move_after == 2 * 86400
    assert config.access.trusted_gateways == ("10.0.0.0/8", "::1/128")


def test_misspelt_environment_variable_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"TRACEO_STORE__ULR.*did you mean store\.url"):
        load(env={"TRACEO_STORE__ULR": "x"})


def test_variables_that_kubernetes_sets_for_a_service_are_ignored() -> None:
    assert load(env={"TRACEO_SERVICE_HOST": "10.0.0.1", "TRACEO_PORT_4000_TCP": "tcp://10.0.0.1:4000"}) == load(env={})


def test_top_level_setting_comes_from_the_environment() -> None:
    assert load(env={"TRACEO_DATA_DIR": "/data"}).data_dir == Path("/data")


def test_unknown_flag_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"server\.port in flags"):
        load(env={}, flags={"server.port": 1})


@pytest.mark.parametrize(
    ("host", "mode", "expected"),
    [
        ("127.0.0.1", "auto", "open"),
        ("localhost", "auto", "open"),
        ("::1", "auto", "open"),
        ("0.0.0.0", "auto", "token"),
        ("traceo.internal", "auto", "token"),
        ("0.0.0.0", "open", "open"),
        ("127.0.0.1", "token", "token"),
    ],
)
def test_auto_access_is_open_on_loopback_only(host: str, mode: str, expected: str) -> None:
    config = load(env={}, flags={"server.host": host, "access.mode": mode})
    assert config.access_mode == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.8.8.8", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False), ("", False), ("testclient", False)],
)
def test_loopback_addresses(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_urls_default_to_the_data_directory(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path)
    assert config.store_url == f"chdb://{tmp_path}/store"
    assert config.state_url == f"sqlite:///{tmp_path}/state.db"
    assert Config(store=Store(url="clickhouse://h/d")).store_url == "clickhouse://h/d"  # type: ignore[arg-type]


def test_data_directory_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/xdg")
    assert Config().data_dir == Path("/xdg/traceo")


def test_contradictions_are_refused_in_code_too() -> None:
    with pytest.raises(ConfigError, match="trusted_gateways is empty"):
        Config(access=Access(mode="gateway"))


def test_config_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Config().server.http_port = 1  # type: ignore[misc]


def test_secrets_are_not_printed() -> None:
    config = load(EXAMPLES / "full.good.yml", env={})
    for shown in (repr(config), str(dump(config))):
        assert "hush" not in shown
        assert "AKIA" not in shown
        assert ":secret@" not in shown
    assert "traceo:***@clickhouse:9000" in str(dump(config))


def test_a_dump_loads_again(tmp_path: Path) -> None:
    import yaml

    file = tmp_path / "dump.yaml"
    file.write_text(yaml.safe_dump(dump(Config(server=Server(http_port=7)))))
    assert load(file, env={}) == Config(server=Server(http_port=7))


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("12", 12), ("1KiB", 1024), ("1.5 MiB", 3 << 19)])
def test_sizes(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "-1", "1 MB", "1e3", "MiB", "1mib", "٣MiB", True, -1, 1.5, None])
def test_wrong_sizes(text: object) -> None:
    with pytest.raises(ValueError, match="a size such as"):
        parse_bytes(text)


@pytest.mark.parametrize(("text", "count"), [("0", 0), (0, 0), ("200ms", 0.2), ("1.5h", 5400), ("7d", 604800)])
def test_durations(text: object, count: float) -> None:
    assert parse_seconds(text) == pytest.approx(count)


@pytest.mark.parametrize("text", ["", "30", 30, 0.5, True, False, "1y", "-1s", "1h30m", None])
def test_wrong_durations(text: object) -> None:
    with pytest.raises(ValueError, match="a duration with its unit"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p%40@h:5/d?x=1", "postgresql://u:***@h:5/d?x=1"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("sqlite:////var/lib/state.db", "sqlite:////var/lib/state.db"),
        ("", ""),
    ],
)
def test_urls_lose_their_password(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_every_setting_has_help_and_a_default_that_parses() -> None:
    rows = describe()
    assert all(row.text.endswith(".") and "\n" not in row.text for row in rows)
    defaults = Config()
    for row in rows:
        value: object = defaults
        for name in row.path.split("."):
            value = getattr(value, name)
        if isinstance(value, str | int | float):
            assert load(env={env_name(row.path): show_value(row.type, value)}) == defaults, row.path


@pytest.mark.parametrize("name", reference.PAGES)
def test_generated_reference_is_current(name: str) -> None:
    path = reference.FOLDER / name
    assert path.read_text(encoding="utf-8") == reference.PAGES[name](), "run: make docs"
