"""SQL: what a span calls that is no service: databases, queues and hosts without instrumentation.

Both the old and the stable semantic conventions of OpenTelemetry name them; the stable one comes first in each list.
"""

from traceo.store.attributes import content_of

MAX_NAME_BYTES = 200
DATABASE, PUBLISH, CONSUME, EXTERNAL, ENTRY = "database", "publish", "consume", "external", "entry"
USER = "user"  # who calls a service from outside
CONSUMING = "'receive', 'process', 'deliver', 'settle'"


def _first_of(*keys: str) -> str:
    """The first of these attributes that is a text and not empty."""
    found = [f"attributes['{key}']" for key in keys]
    texts = ", ".join(f"if(startsWith({value}, '\\n'), {content_of(value)}, '')" for value in found)
    return f"arrayFirst(text -> text != '', [{texts}])"


NAMES = {
    "db_system": ("db.system.name", "db.system"),
    "db_namespace": ("db.namespace", "db.name"),
    "address": ("server.address", "net.peer.name", "net.peer.ip"),
    "messaging": ("messaging.system",),
    "destination": ("messaging.destination.name", "messaging.destination"),
    "operation": ("messaging.operation.type", "messaging.operation"),
    "host": ("peer.service", "server.address", "net.peer.name", "http.host", "net.peer.ip"),
    "url": ("url.full", "http.url"),
}
DB_SYSTEM, DB_NAMESPACE, ADDRESS, MESSAGING, DESTINATION, OPERATION, HOST, URL = (
    _first_of(*keys) for keys in NAMES.values()
)
# A map's entries are looked through for each key that is asked for: first they become few.
ASKED = ", ".join(f"'{key}'" for key in sorted({key for keys in NAMES.values() for key in keys}))
ATTRIBUTES = f"mapFilter((k, v) -> k IN ({ASKED}), attributes)"


def _joined(*parts: str) -> str:
    return f"substring(concat({', '.join(parts)}), 1, {MAX_NAME_BYTES})"


def _after(mark: str, text: str) -> str:
    return f"if({text} = '', '', concat('{mark}', {text}))"


# (kind of edge, name of the other end) of a span of the kinds 3 (client), 4 (producer), 5 (consumer); else ('', '').
# `db.system` is `other_sql` and the like where a driver does not know better: the address tells such ones apart.
TARGET = f"""
multiIf(
    kind = 3 AND ({DB_SYSTEM} AS db) != '',
        ('{DATABASE}', {_joined("db", _after("/", DB_NAMESPACE), _after("@", ADDRESS))}),
    ({MESSAGING} AS messaging) != '',
        (if(kind = 5 OR kind = 3 AND {OPERATION} IN ({CONSUMING}), '{CONSUME}', '{PUBLISH}'),
         {_joined("messaging", _after("/", DESTINATION))}),
    kind = 3 AND ({HOST} AS host) != '', ('{EXTERNAL}', {_joined("host")}),
    kind = 3, ('{EXTERNAL}', {_joined(f"domain({URL})")}),
    ('', ''))
"""
