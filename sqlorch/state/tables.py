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
    # store_uuid, fence_seq (the last fence given out), needs_sqlorch (the oldest version that reads this)
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
    UniqueConstraint("run_id"),
    Index(None, "state"),
    Index(None, "group_name", "id"),
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
