"""Which metrics queries select."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create `metric_usage`."""
    op.create_table(
        "metric_usage",
        sa.Column("tenant", sa.String(150), nullable=False),
        sa.Column("metric", sa.String(500), nullable=False),
        sa.Column("queries", sa.BigInteger, nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "metric", name="pk_metric_usage"),
    )
