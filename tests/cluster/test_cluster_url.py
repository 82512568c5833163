import ssl
from pathlib import Path

import pytest

from traceo.errors import ConfigError
from traceo.store.cluster_url import ClusterUrl, Host, parse_cluster_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("clickhouse://ch", ClusterUrl((Host("ch", 8123),)), id="a host alone"),
        pytest.param(
            "clickhouse://writer:p%40ss%2F@a:1,b,[::1]:3/telemetry?cluster=main",
            ClusterUrl(
                (Host("a", 1), Host("b", 8123), Host("::1", 3)),
                database="telemetry",
                user="writer",
                password="p@ss/",
                cluster="main",
            ),
            id="everything",
        ),
        pytest.param(
            "clickhouse://a,b:9/?secure=true&verify=false&ca_cert=/etc/ca.pem",
            ClusterUrl((Host("a", 8443), Host("b", 9)), secure=True, verify=False, ca_cert="/etc/ca.pem"),
            id="TLS",
        ),
    ],
)
def test_url_is_read(url: str, expected: ClusterUrl) -> None:
    assert parse_cluster_url(url) == expected


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("chdb:///data", "must begin with clickhouse://"),
        ("clickhouse:///traceo", "a host is missing"),
        ("clickhouse://a:port", "'a:port' is not a host"),
        ("clickhouse://a?clustr=x", "did you mean 'cluster'"),
        ("clickhouse://a?secure=maybe", "secure must be true or false, not 'maybe'"),
    ],
)
def test_bad_url_is_explained(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        parse_cluster_url(url)


def test_password_is_never_shown() -> None:
    assert "secret" not in repr(parse_cluster_url("clickhouse://u:secret@a"))
    with pytest.raises(ConfigError) as failure:
        parse_cluster_url("clickhouse://u:secret@a:port")
    assert "secret" not in str(failure.value)


def test_certificates_are_checked_unless_told_otherwise(tmp_path: Path) -> None:
    strict = parse_cluster_url("clickhouse://a?secure=true").tls()
    lenient = parse_cluster_url("clickhouse://a?secure=true&verify=false").tls()
    assert isinstance(strict, ssl.SSLContext) and strict.verify_mode == ssl.CERT_REQUIRED and strict.check_hostname
    assert isinstance(lenient, ssl.SSLContext) and lenient.verify_mode == ssl.CERT_NONE
    with pytest.raises(ConfigError, match="ca_cert"):
        parse_cluster_url(f"clickhouse://a?secure=true&ca_cert={tmp_path}/none.pem").tls()
