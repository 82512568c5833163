"""Lines as Loki's push brings them, straight into the engine."""

from typing import Any

from tests.query.engine import insert
from tests.receivers.loki_messages import push_request
from traceo.receivers.loki_body import read_protobuf
from traceo.store.base import Signal


def push(tenant: str, *streams: Any) -> None:
    """Streams as `push_request` takes them."""
    insert(tenant, Signal.LOKI, push_body(*streams))


def push_body(*streams: Any) -> bytes:
    """What the engine gets of them."""
    return read_protobuf(push_request(*streams).SerializeToString()).body
