"""Every error that Traceo raises on purpose, in one tree.

    TraceoError
    ├── InvalidRequest            the caller's bytes or parameters are wrong
    │   ├── Conflict              somebody else was faster: look at what is there now
    │   ├── PayloadTooLarge       larger than a configured limit
    │   └── UnsupportedMediaType  a content type or encoding that nobody here reads
    ├── Unauthenticated           no credential, or one that is not (or no longer) valid
    ├── PermissionDenied          a valid credential that may not do this
    ├── NotFound                  the named thing does not exist, or is another tenant's
    ├── QueryError                a query that cannot be answered; carries position and hint
    │   ├── ParseError            not a sentence of the language
    │   ├── UnsupportedQuery      a valid sentence that Traceo cannot answer exactly
    │   └── QueryCancelled        nobody waits for the answer any more
    ├── LimitExceeded             a quota or query limit; carries retry_after_s
    │   └── QueryTimeout          the query took longer than it may
    ├── Overloaded                the server is full for now; carries retry_after_s
    ├── StoreError                the storage engine failed
    │   ├── StoreUnavailable      not reachable, or not open
    │   ├── DiskFull              less free disk than `store.min_free_disk`
    │   ├── BadData               the engine refused the bytes
    │   ├── SchemaTooNew          the data was written by a newer Traceo
    │   └── SchemaChanged         the data's tables were made by other schema files than this Traceo's
    └── ConfigError               a setting is unknown, of the wrong type, or contradicts another

`str(error)` is written for the reader of an API answer: it names what is wrong and, where possible, what to do. Nothing
here knows HTTP or gRPC: `traceo.api` and `traceo.receivers` choose the status. Attributes are set once, in `__init__`.
"""


class TraceoError(Exception):
    """The root: everything raised on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequest(TraceoError):
    """The caller's bytes or parameters are wrong; repeating the request will not help."""


class Conflict(InvalidRequest):
    """What the caller goes by is no longer so: somebody else has changed it, or the name is taken."""


class PayloadTooLarge(InvalidRequest):
    """A body larger than a configured limit, in bytes."""

    def __init__(self, message: str, *, limit_bytes: int) -> None:
        super().__init__(message)
        self.limit_bytes = limit_bytes


class UnsupportedMediaType(InvalidRequest):
    """A content type or content encoding that this endpoint does not read."""


class Unauthenticated(TraceoError):
    """No credential, or one that is unknown, expired or revoked."""


class PermissionDenied(TraceoError):
    """The credential is valid, but it may not do this."""


class NotFound(TraceoError):
    """The named thing does not exist, or belongs to another tenant."""


class QueryError(TraceoError):
    """A query that cannot be answered. `position` is a 0-based offset into its text, where one is known."""

    def __init__(self, message: str, *, position: int | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.position = position
        self.hint = hint


class ParseError(QueryError):
    """The text is not a sentence of the query language."""


class UnsupportedQuery(QueryError):
    """A valid query that Traceo cannot answer exactly, and therefore does not answer."""


class QueryCancelled(QueryError):
    """Whoever asked is gone, or took the question back."""


class LimitExceeded(TraceoError):
    """A quota or a query limit was reached. `retry_after_s` is None when waiting does not help."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QueryTimeout(LimitExceeded):
    """The query took longer than it may."""


class Overloaded(TraceoError):
    """The server cannot take more for now (ingest back-pressure); nothing was stored: send it again."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreError(TraceoError):
    """The storage engine failed. `code` is the engine's error number, where it gave one."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class StoreUnavailable(StoreError):
    """The engine cannot be reached or is not open; trying later may help."""


class DiskFull(StoreError):
    """Less free disk than `store.min_free_disk`: writes stop until there is room."""


class BadData(StoreError):
    """The engine refused the bytes of an insert; nothing of that insert was stored."""


class SchemaTooNew(StoreError):
    """The data was written by a newer Traceo: this version must not touch it."""


class SchemaChanged(StoreError):
    """The data's tables were made by other texts of the schema files: this version would fail on them."""


class ConfigError(TraceoError):
    """A setting is unknown, has the wrong type, or contradicts another; the message names its path."""
