"""Ports that are taken are named before anything starts."""

import dataclasses
import socket

import pytest

from traceo.config import Server
from traceo.errors import ConfigError
from traceo.listeners import PORTS, check_ports

FREE = Server(http_port=0, otlp_http_port=0, otlp_grpc_port=0)


@pytest.mark.parametrize("name", PORTS)
def test_taken_port_is_named_with_its_setting(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}: address already in use .*server\.{name}"):
            check_ports(dataclasses.replace(FREE, **{name: port}))


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
        check_ports(dataclasses.replace(FREE, host="192.0.2.1"))


def test_free_ports_pass() -> None:
    check_ports(FREE)
