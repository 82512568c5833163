"""Versions of sampling policies, leases, and the rounds of sampling over spans and log records."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create `policy_versions`, `leases`, `sampling_rounds` and `log_rounds`."""
    op.create_table(
        "policy_versions",
        sa.Column("id", sa.Integer, sa.Identity(), nullable=False),
        sa.Column("tenant", sa.String(150), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(250), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_versions"),
        sa.UniqueConstraint("tenant", "version", name="uq_policy_versions_tenant"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("holder", sa.String(250), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "sampling_rounds",
        sa.Column("tenant", sa.String(150), nullable=False),
        sa.Column("host", sa.String(300), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("blocks_from", sa.JSON, nullable=False),
        sa.Column("blocks_to", sa.JSON, nullable=False),
        sa.Column("arrived_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy_version", sa.Integer),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "host", name="pk_sampling_rounds"),
    )
    op.create_table(
        "log_rounds",
        sa.Column("tenant", sa.String(150), nullable=False),
        sa.Column("host", sa.String(300), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("blocks_from", sa.JSON, nullable=False),
        sa.Column("blocks_to", sa.JSON, nullable=False),
        sa.Column("decided_from", sa.BigInteger, nullable=False),
        sa.Column("decided_to", sa.BigInteger, nullable=False),
        sa.Column("arrived_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "host", name="pk_log_rounds"),
    )
