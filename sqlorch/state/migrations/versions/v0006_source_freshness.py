"""How fresh the sources were that runs read."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "source_freshness",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("snapshotted_at", sa.BigInteger(), nullable=False),
        sa.Column("max_loaded_at", sa.BigInteger()),
        sa.Column("warn_after", sa.BigInteger()),
        sa.Column("error_after", sa.BigInteger()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "gen", "unique_id", name="pk_source_freshness"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_source_freshness_run"),
    )
