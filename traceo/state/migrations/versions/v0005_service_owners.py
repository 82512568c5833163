"""Owners of services."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create `service_owners`."""
    op.create_table(
        "service_owners",
        sa.Column("tenant", sa.String(150), nullable=False),
        sa.Column("service", sa.String(500), nullable=False),
        sa.Column("team", sa.String(200), nullable=False),
        sa.Column("on_call", sa.String(200), nullable=False),
        sa.Column("repository", sa.String(1000), nullable=False),
        sa.Column("runbook", sa.String(1000), nullable=False),
        sa.Column("tier", sa.String(50), nullable=False),
        sa.Column("apdex_ms", sa.Float),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(250), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "service", name="pk_service_owners"),
    )
