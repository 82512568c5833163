"""HTTP listeners: uvicorn without its own ideas of signals and logs, and a look at the ports before anything starts."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from traceo.config import Server
from traceo.errors import ConfigError

# Of what a client may send: questions. One that no longer answers pings (every 20 s) is cut.
WEBSOCKET_MESSAGE_BYTES = 64 << 10
PORTS = ("http_port", "otlp_http_port", "otlp_grpc_port", "zipkin_port")


class QuietServer(uvicorn.Server):
    """uvicorn, but the signals are ours: all servers end together and in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def make_http_server(app: object, host: str, port: int) -> QuietServer:
    """A server that is not started yet."""
    return QuietServer(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            host=host,
            port=port,
            loop="none",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=WEBSOCKET_MESSAGE_BYTES,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=10,
        )
    )


async def until_started(servers: list[QuietServer], tasks: list[asyncio.Task[None]]) -> None:
    """Return when all of them listen; end the process when one cannot."""
    while not all(server.started for server in servers):
        for task in tasks:
            if task.done():
                task.result()
                raise SystemExit(1)  # uvicorn has logged why it could not listen
        await asyncio.sleep(0.01)


def check_ports(server: Server) -> None:
    """Raises ConfigError, naming the setting, when something else listens there: before anything is opened."""
    for name in PORTS:
        port = getattr(server, name)
        try:
            _bind(server.host, port)
        except OSError as error:
            reason = error.strerror or str(error)
            flag = name.replace("_", "-")
            raise ConfigError(
                f"cannot listen on {server.host}:{port}: {reason.lower()} "
                f"(choose another with server.{name} or --{flag}; another Traceo may be running)"
            ) from error


def _bind(host: str, port: int) -> None:
    """Bind each address of the host once and let go of it."""
    flags = socket.AI_PASSIVE
    for family, kind, number, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags):
        with socket.socket(family, kind, number) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
