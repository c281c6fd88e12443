"""The tables of the first release."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, and the first rows of ``meta``."""
    _create_meta()
    _create_run()
    _create_node_run()
    _create_attempt()


def _create_meta() -> None:
    meta = op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    rows = {"store_uuid": str(uuid.uuid4()), "fence_seq": "0", "needs_sqlorch": "0.1.0"}
    op.bulk_insert(meta, [{"key": key, "value": value} for key, value in rows.items()])


def _create_run() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=False),
        sa.Column("interval_end", sa.BigInteger(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("owner_host", sa.Text()),
        sa.Column("owner_boot_id", sa.Text()),
        sa.Column("owner_pid", sa.BigInteger()),
        sa.Column("owner_started", sa.BigInteger()),
        sa.Column("variables", sa.Text(), nullable=False),
        sa.Column("invocation", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("run_id", name="uq_run_run_id"),
    )
    op.create_index("ix_run_group_name_id", "run", ["group_name", "id"])
    op.create_index("ix_run_state", "run", ["state"])


def _create_node_run() -> None:
    op.create_table(
        "node_run",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("materialized", sa.Text(), nullable=False),
        sa.Column("attached_to", sa.Text()),
        sa.Column("severity", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("after_ids", sa.Text(), nullable=False),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ready_at", sa.BigInteger()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("gen_tries", sa.Integer(), nullable=False),
        sa.Column("last_attempt_id", sa.BigInteger()),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="fk_node_run_run"),
        sa.PrimaryKeyConstraint("run_id", "unique_id", name="pk_node_run"),
    )


def _create_attempt() -> None:
    op.create_table(
        "attempt",
        sa.Column(
            "attempt_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=32)),
        sa.Column("error_class", sa.String(length=32)),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("rows", sa.BigInteger()),
        sa.Column("failures", sa.BigInteger()),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("file", sa.Text()),
        sa.Column("line", sa.Integer()),
        sa.Column("compiled_path", sa.Text()),
        sa.Column("log_path", sa.Text()),
        sa.Column("adapter_response", sa.Text(), nullable=False),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "unique_id"], ["node_run.run_id", "node_run.unique_id"], name="fk_attempt_node_run"
        ),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_attempt"),
        sa.UniqueConstraint("fence", name="uq_attempt_fence"),
        sa.UniqueConstraint("run_id", "unique_id", "gen", "n", name="uq_attempt_run_id_unique_id_gen_n"),
    )
    op.create_index("ix_attempt_unique_id_attempt_id", "attempt", ["unique_id", "attempt_id"])
    op.create_index(
        "uq_attempt_live",
        "attempt",
        ["run_id", "unique_id"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
