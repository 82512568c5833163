"""The factors of a round's budgets, written down with it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add `sampling_rounds.steering`."""
    op.add_column("sampling_rounds", sa.Column("steering", sa.JSON, nullable=False, server_default="[]"))
