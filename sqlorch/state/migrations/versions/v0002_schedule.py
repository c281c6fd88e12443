"""What the scheduler remembers: groups, slots, the ledger, backfills, alerts, dataset events, the daemon."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Widen the tables of runs, make the new ones, and begin the ledger with what the runs know."""
    _widen_runs()
    _create_groups()
    _create_ledger()
    _create_backfills()
    _create_alerts()
    _create_datasets()
    _create_daemon()
    _begin_ledger()
    op.execute("UPDATE meta SET value = '0.1.0' WHERE key = 'needs_sqlorch'")


def _widen_runs() -> None:
    # SQLite adds columns in place as long as no table has to be built anew
    op.add_column("run", sa.Column("due_at", sa.BigInteger()))
    op.add_column("run", sa.Column("trigger_key", sa.Text()))
    op.add_column("run", sa.Column("backfill_id", sa.String(length=64)))
    op.add_column("run", sa.Column("spec_hash", sa.Text(), nullable=False, server_default=""))
    op.add_column("run", sa.Column("cancel_requested", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "uq_run_trigger",
        "run",
        ["group_name", "trigger_key"],
        unique=True,
        sqlite_where=sa.text("trigger_key IS NOT NULL"),
        postgresql_where=sa.text("trigger_key IS NOT NULL"),
    )
    op.add_column("node_run", sa.Column("code", sa.Text(), nullable=False, server_default=""))
    op.add_column("node_run", sa.Column("pool", sa.Text(), nullable=False, server_default=""))
    op.add_column("node_run", sa.Column("lost", sa.Integer(), nullable=False, server_default="0"))


def _create_groups() -> None:
    op.create_table(
        "grp",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("cursor", sa.BigInteger()),
        sa.Column("origin", sa.BigInteger()),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("watched_since", sa.BigInteger()),
        sa.Column("spec_hash", sa.Text(), nullable=False),
        sa.Column("catchup", sa.String(length=32), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_grp"),
    )
    op.create_table(
        "slot",
        sa.Column("group_name", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=False),
        sa.Column("interval_end", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=64)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_name", "interval_start", "interval_end", name="pk_slot"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_slot_run_id", "slot", ["run_id"])


def _create_ledger() -> None:
    op.create_table(
        "word",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_word"),
        sa.UniqueConstraint("text", name="uq_word_text"),
    )
    op.create_table(
        "ledger",
        sa.Column("node", sa.BigInteger(), nullable=False),
        sa.Column("interval_end", sa.BigInteger(), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=False),
        sa.Column("code", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["node"], ["word.id"], name="fk_ledger_node_word"),
        sa.ForeignKeyConstraint(["code"], ["word.id"], name="fk_ledger_code_word"),
        sa.ForeignKeyConstraint(["run"], ["word.id"], name="fk_ledger_run_word"),
        sa.PrimaryKeyConstraint("node", "interval_end", "interval_start", name="pk_ledger"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "code",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_code"),
    )


def _create_backfills() -> None:
    op.create_table(
        "backfill",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("backfill_id", sa.String(length=64), nullable=False),
        sa.Column("group_name", sa.String(length=64), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=False),
        sa.Column("interval_end", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.String(length=32), nullable=False),
        sa.Column("reprocess", sa.String(length=32), nullable=False),
        sa.Column("parallel", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("parent", sa.String(length=64)),
        sa.PrimaryKeyConstraint("id", name="pk_backfill"),
        sa.UniqueConstraint("backfill_id", name="uq_backfill_backfill_id"),
    )
    op.create_index("ix_backfill_state", "backfill", ["state"])
    op.create_table(
        "backfill_slot",
        sa.Column("backfill_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=False),
        sa.Column("interval_end", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=64)),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backfill_id"], ["backfill.backfill_id"], name="fk_backfill_slot_backfill_id_backfill"
        ),
        sa.PrimaryKeyConstraint("backfill_id", "position", name="pk_backfill_slot"),
    )


def _create_alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("dedupe", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sa.UniqueConstraint("dedupe", name="uq_alert_dedupe"),
    )


def _create_datasets() -> None:
    op.create_table(
        "dataset_event",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("interval_start", sa.BigInteger(), nullable=False),
        sa.Column("interval_end", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dataset_event"),
        sa.UniqueConstraint("dataset", "run_id", "gen", name="uq_dataset_event_dataset_run_id_gen"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dataset_event_dataset_id", "dataset_event", ["dataset", "id"])
    op.create_table(
        "dataset_cursor",
        sa.Column("group_name", sa.String(length=64), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("group_name", "dataset", name="pk_dataset_cursor"),
    )


def _create_daemon() -> None:
    op.create_table(
        "daemon",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_daemon"),
        sa.UniqueConstraint("host", "boot_id", "pid", "started", name="uq_daemon_host_boot_id_pid_started"),
    )
    op.create_table(
        "audit",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )


def _begin_ledger() -> None:
    """What ended before is done or failed now too; with which code, nobody wrote down."""
    ended = """
        FROM node_run AS n JOIN run AS r ON r.run_id = n.run_id
        LEFT JOIN attempt AS a ON a.attempt_id = n.last_attempt_id
        WHERE n.state IN ('success', 'failed')
    """
    op.execute(
        f"INSERT INTO word (text) SELECT n.unique_id {ended} UNION SELECT n.run_id {ended} UNION SELECT ''"
    )
    op.execute(f"""
        INSERT INTO ledger (node, interval_end, interval_start, mark, code, run, gen, at)
        SELECT node.id, e.interval_end, e.interval_start, CASE e.state WHEN 'success' THEN 0 ELSE 1 END,
               code.id, run.id, e.gen, e.at
        FROM (
            SELECT n.unique_id, n.run_id, n.state, n.gen, r.interval_start, r.interval_end,
                   COALESCE(a.finished_at, r.finished_at, r.created_at) AS at,
                   ROW_NUMBER() OVER (
                       PARTITION BY n.unique_id, r.interval_start, r.interval_end
                       ORDER BY COALESCE(a.finished_at, r.finished_at, r.created_at) DESC, r.id DESC
                   ) AS newest
            {ended}
        ) AS e
        JOIN word AS node ON node.text = e.unique_id
        JOIN word AS run ON run.text = e.run_id
        JOIN word AS code ON code.text = ''
        WHERE e.newest = 1
    """)
