"""Who was told what: how alerts stand with each receiver."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; alerts get the group they are about."""
    op.add_column("alert", sa.Column("group_name", sa.String(length=64), nullable=False, server_default=""))
    op.create_index("ix_alert_group_name_id", "alert", ["group_name", "id"])
    op.create_index("ix_alert_sent_at", "alert", ["sent_at"])
    op.create_table(
        "alert_delivery",
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "receiver", name="pk_alert_delivery"),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name="fk_alert_delivery_alert"),
    )
    op.create_table(
        "alert_topic",
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger()),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("receiver", "topic", name="pk_alert_topic"),
    )
