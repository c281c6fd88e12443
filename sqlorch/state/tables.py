"""The tables, as SQLAlchemy Core metadata; the migrations must arrive at exactly these (a test holds it).

Instants are BIGINT microseconds since 1970 UTC. States are stored by their word, never by number.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows up by itself only for a column declared INTEGER.
_ROW_ID = BigInteger().with_variant(Integer(), "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    # store_uuid, fence_seq (the last fence given out), needs_sqlorch (the oldest version that reads this); on
    # PostgreSQL also writes (how many there were) and commit:WRITER (which of them was its last)
    Column("value", Text, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", _ROW_ID, primary_key=True),  # order of creation; never leaves this room
    Column("run_id", String(64), nullable=False),
    Column("group_name", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("interval_start", BigInteger, nullable=False),
    Column("interval_end", BigInteger, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("gen", Integer, nullable=False),
    Column("state", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    # who created it and, once it runs, who drives it
    Column("owner_host", Text),
    Column("owner_boot_id", Text),
    Column("owner_pid", BigInteger),
    Column("owner_started", BigInteger),
    Column("variables", Text, nullable=False),
    Column("invocation", Text, nullable=False),
    Column("due_at", BigInteger),
    Column("trigger_key", Text),
    Column("backfill_id", String(64)),
    Column("spec_hash", Text, nullable=False, server_default=""),
    Column("cancel_requested", Text, nullable=False, server_default=""),
    UniqueConstraint("run_id"),
    Index(None, "state"),
    Index(None, "group_name", "id"),
    Index(
        "uq_run_trigger",
        "group_name",
        "trigger_key",
        unique=True,
        sqlite_where=text("trigger_key IS NOT NULL"),
        postgresql_where=text("trigger_key IS NOT NULL"),
    ),
)

node_run = Table(
    "node_run",
    metadata,
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    Column("unique_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("path", Text, nullable=False),
    Column("materialized", Text, nullable=False),
    Column("attached_to", Text),
    Column("severity", String(32), nullable=False),
    Column("position", Integer, nullable=False),
    Column("after_ids", Text, nullable=False),
    Column("gen", Integer, nullable=False),
    Column("state", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("ready_at", BigInteger),
    Column("tries", Integer, nullable=False),  # attempts over all generations
    Column("gen_tries", Integer, nullable=False),  # attempts in this generation
    # The newest attempt of this generation. No foreign key: attempt already points here.
    Column("last_attempt_id", BigInteger),
    Column("code", Text, nullable=False, server_default=""),
    Column("pool", Text, nullable=False, server_default=""),
    Column("lost", Integer, nullable=False, server_default="0"),  # attempts lost in this generation
    PrimaryKeyConstraint("run_id", "unique_id"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("attempt_id", _ROW_ID, primary_key=True, autoincrement=False),
    Column("run_id", String(64), nullable=False),
    Column("unique_id", Text, nullable=False),
    Column("gen", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("state", String(32), nullable=False),
    Column("outcome", String(32)),
    Column("error_class", String(32)),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("rows", BigInteger),
    Column("failures", BigInteger),
    Column("message", Text, nullable=False),
    Column("file", Text),
    Column("line", Integer),
    Column("compiled_path", Text),
    Column("log_path", Text),
    Column("adapter_response", Text, nullable=False),
    Column("timing", Text, nullable=False),
    ForeignKeyConstraint(["run_id", "unique_id"], ["node_run.run_id", "node_run.unique_id"]),
    UniqueConstraint("fence"),
    UniqueConstraint("run_id", "unique_id", "gen", "n"),
    Index(None, "unique_id", "attempt_id"),
    # the database itself refuses a second live attempt at a node
    Index(
        "uq_attempt_live",
        "run_id",
        "unique_id",
        unique=True,
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
)

grp = Table(
    "grp",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("cursor", BigInteger),
    # where the slots begin: all that lies between it and the cursor is decided
    Column("origin", BigInteger),
    Column("status", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("watched_since", BigInteger),
    Column("spec_hash", Text, nullable=False),
    Column("catchup", String(32), nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

# One logical run per slot, by the primary key; a slot is never removed. run_id has no foreign key, because
# the run may have been pruned, which the reason then says.
slot = Table(
    "slot",
    metadata,
    Column("group_name", String(64), nullable=False),
    Column("interval_start", BigInteger, nullable=False),
    # part of the key since a point may lie where a window begins, after a change of the schedule
    Column("interval_end", BigInteger, nullable=False),
    Column("status", String(32), nullable=False),
    Column("run_id", String(64)),
    Column("reason", Text, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("group_name", "interval_start", "interval_end"),
    Index(None, "run_id"),
    sqlite_with_rowid=False,
)

# Texts the ledger repeats very often: ids of nodes and runs, fingerprints.
word = Table(
    "word",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("text", Text, nullable=False),
    UniqueConstraint("text"),
)

# The newest outcome of a node over exactly that interval, in numbers alone: it is never pruned. The end
# comes first in the key because what is asked for is nearly always the newest.
ledger = Table(
    "ledger",
    metadata,
    Column("node", BigInteger, ForeignKey("word.id", name="fk_ledger_node_word"), nullable=False),
    Column("interval_end", BigInteger, nullable=False),
    Column("interval_start", BigInteger, nullable=False),
    Column("mark", Integer, nullable=False),  # place in LedgerMark: 0 done, 1 failed, 2 missing, 3 skipped
    Column("code", BigInteger, ForeignKey("word.id", name="fk_ledger_code_word"), nullable=False),
    Column("run", BigInteger, ForeignKey("word.id", name="fk_ledger_run_word"), nullable=False),
    Column("gen", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("node", "interval_end", "interval_start"),
    sqlite_with_rowid=False,
)

code = Table(
    "code",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("text", LargeBinary, nullable=False),  # UTF-8, deflated by zlib
)

backfill = Table(
    "backfill",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("backfill_id", String(64), nullable=False),
    Column("group_name", String(64), nullable=False),
    Column("interval_start", BigInteger, nullable=False),
    Column("interval_end", BigInteger, nullable=False),
    Column("direction", String(32), nullable=False),
    Column("reprocess", String(32), nullable=False),
    Column("parallel", Integer, nullable=False),
    Column("state", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("parent", String(64)),
    UniqueConstraint("backfill_id"),
    Index(None, "state"),
)

backfill_slot = Table(
    "backfill_slot",
    metadata,
    Column(
        "backfill_id",
        String(64),
        ForeignKey("backfill.backfill_id", name="fk_backfill_slot_backfill_id_backfill"),
        nullable=False,
    ),
    Column("position", Integer, nullable=False),
    Column("interval_start", BigInteger, nullable=False),
    Column("interval_end", BigInteger, nullable=False),
    Column("state", String(32), nullable=False),
    Column("run_id", String(64)),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("backfill_id", "position"),
)

# The outbox: written with what it tells of, sent afterwards, at least once.
alert = Table(
    "alert",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("dedupe", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("sent_at", BigInteger),
    Column("error", Text, nullable=False),
    Column("group_name", String(64), nullable=False, server_default=""),
    UniqueConstraint("dedupe"),
    Index(None, "group_name", "id"),
    Index(None, "sent_at"),
)

# How an alert stands with each receiver that it was tried with.
alert_delivery = Table(
    "alert_delivery",
    metadata,
    Column("alert_id", BigInteger, ForeignKey("alert.id"), nullable=False),
    Column("receiver", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", BigInteger),
    Column("at", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    PrimaryKeyConstraint("alert_id", "receiver"),
)

# What each receiver was told of and is not over.
alert_topic = Table(
    "alert_topic",
    metadata,
    Column("receiver", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("told_at", BigInteger),
    Column("times", Integer, nullable=False),
    PrimaryKeyConstraint("receiver", "topic"),
)

dataset_event = Table(
    "dataset_event",
    metadata,
    # never given twice, also when the newest was pruned: cursors are compared with it
    Column("id", _ROW_ID, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("run_id", String(64), nullable=False),
    Column("gen", Integer, nullable=False),
    Column("interval_start", BigInteger, nullable=False),
    Column("interval_end", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    UniqueConstraint("dataset", "run_id", "gen"),
    Index(None, "dataset", "id"),
    sqlite_autoincrement=True,
)

dataset_cursor = Table(
    "dataset_cursor",
    metadata,
    Column("group_name", String(64), nullable=False),
    Column("dataset", Text, nullable=False),
    Column("event_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("group_name", "dataset"),
)

daemon = Table(
    "daemon",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("host", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", String(32), nullable=False),
    UniqueConstraint("host", "boot_id", "pid", "started"),
)

# Who may rely on being there, by this database's clock; a row is deleted when its time is up.
lease = Table(
    "lease",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("host", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("role", String(32), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("lead_since", BigInteger),
    UniqueConstraint("host", "boot_id", "pid", "started"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _ROW_ID, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

# How fresh each source was that a run reads or waits for.
source_freshness = Table(
    "source_freshness",
    metadata,
    Column("run_id", String(64), ForeignKey("run.run_id"), nullable=False),
    Column("gen", Integer, nullable=False),
    Column("unique_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("status", String(32), nullable=False),
    Column("snapshotted_at", BigInteger, nullable=False),
    Column("max_loaded_at", BigInteger),
    Column("warn_after", BigInteger),  # seconds, as the next
    Column("error_after", BigInteger),
    Column("message", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "gen", "unique_id"),
)

expectation_result = Table(
    "expectation_result",
    metadata,
    Column("attempt_id", BigInteger, ForeignKey("attempt.attempt_id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("expectation", Text, nullable=False),
    Column("column_name", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("severity", String(32), nullable=False),
    Column("ok", Integer, nullable=False),  # 1 or 0
    Column("observed", Text),  # as JSON
    Column("checked", BigInteger),
    Column("unexpected", BigInteger),
    Column("samples", Text, nullable=False),  # as a JSON list; empty when masked
    Column("error", Text, nullable=False),
    Column("origin", Text, nullable=False),
    PrimaryKeyConstraint("attempt_id", "position"),
)
