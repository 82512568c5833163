"""The state database's tables, as the newest migration leaves them; a test compares the two."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

# Constraints have names, so that a later migration can drop them on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite has no time zones and would hand back a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values: they have no defined instant."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a datetime without a time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Add the zone on SQLite, convert it on PostgreSQL."""
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


tenants = Table(
    "tenants",
    metadata,
    Column("name", String(150), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
)

# The secret is not stored: it is 256 random bits, so that a plain SHA-256 of it cannot be searched.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("tenant", String(150), ForeignKey("tenants.name"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("sha256", LargeBinary(32), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

# Only added to: the newest version of a tenant is in force. Tenant "" is the default for all. Document "" switches off.
policy_versions = Table(
    "policy_versions",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("tenant", String(150), nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("comment", Text, nullable=False),
    UniqueConstraint("tenant", "version"),
)

# The last round over resting log records of each tenant on each node; `decided_*` are numbers of sampling rounds.
log_rounds = Table(
    "log_rounds",
    metadata,
    Column("tenant", String(150), primary_key=True),
    Column("host", String(300), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("blocks_from", JSON, nullable=False),
    Column("blocks_to", JSON, nullable=False),
    Column("decided_from", BigInteger, nullable=False),
    Column("decided_to", BigInteger, nullable=False),
    Column("arrived_from", UtcDateTime, nullable=False),
    Column("arrived_to", UtcDateTime, nullable=False),
    Column("done", Boolean, nullable=False),
)

# Who does a kind of background work; see leases.py.
leases = Table(
    "leases",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("holder", String(250), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

# The last round of each tenant on each node of the store; `policy_version` is an id of policy_versions, `steering` a
# list of budgets with their factors.
sampling_rounds = Table(
    "sampling_rounds",
    metadata,
    Column("tenant", String(150), primary_key=True),
    Column("host", String(300), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("blocks_from", JSON, nullable=False),
    Column("blocks_to", JSON, nullable=False),
    Column("arrived_from", UtcDateTime, nullable=False),
    Column("arrived_to", UtcDateTime, nullable=False),
    Column("policy_version", Integer),
    Column("done", Boolean, nullable=False),
    Column("steering", JSON, nullable=False, server_default="[]"),
)

# Which metrics queries select, and when they did.
metric_usage = Table(
    "metric_usage",
    metadata,
    Column("tenant", String(150), primary_key=True),
    Column("metric", String(500), primary_key=True),
    Column("queries", BigInteger, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
)

# What the API was told of services; "" and NULL: nothing.
service_owners = Table(
    "service_owners",
    metadata,
    Column("tenant", String(150), primary_key=True),
    Column("service", String(500), primary_key=True),
    Column("team", String(200), nullable=False),
    Column("on_call", String(200), nullable=False),
    Column("repository", String(1000), nullable=False),
    Column("runbook", String(1000), nullable=False),
    Column("tier", String(50), nullable=False),
    Column("apdex_ms", Float),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("changed_by", String(250), nullable=False),
)

# Only added to: the newest version of a dashboard is shown. Title, tags and panels are for lists.
dashboard_versions = Table(
    "dashboard_versions",
    metadata,
    Column("tenant", String(150), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", String(200), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("panels", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("comment", Text, nullable=False),
)

# What people saved in the explorer, for everybody of the tenant.
saved_queries = Table(
    "saved_queries",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("tenant", String(150), nullable=False),
    Column("name", String(200), nullable=False),
    Column("language", String(20), nullable=False),
    Column("query", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(250), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("changed_by", String(250), nullable=False),
    UniqueConstraint("tenant", "language", "name"),
)
