"""States of earlier schemas: one with every word in it, kept as a dump for each revision and database.

Before a migration is added, the schema as it is now is kept, from the root of the repository::

    PYTHONPATH=tests python -m support.old_states 0006

That writes ``tests/data/states/v0006.sqlite.sql`` and ``v0006.postgresql.sql``: the tables as the migrations
made them that far, and rows that :func:`fill` lets a store write, cut to the columns there were. A dump that
is there stays as it is: it stands for what people have on their disks. The maker starts a PostgreSQL server
of its own. A new table, or a new word, is to be met in :func:`fill` too; a test says where it is not.
"""

from __future__ import annotations

import io
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
from alembic import command
from sqlalchemy import Connection, inspect
from sqlalchemy import text as sql
from support.postgres import Postgres, running_postgres
from support.stores import (
    ME,
    NOW,
    OTHER,
    TEST,
    A,
    B,
    begin,
    do,
    enrol,
    manual,
    new_run,
    nodes,
    slot,
    spec_of,
)
from support.stores import decide as decide_slots

from sqlorch.domain.alert_news import Topic
from sqlorch.domain.expectations import Expectation, ExpectationResult
from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness
from sqlorch.domain.history import NodeMove
from sqlorch.domain.lease import Role
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.run import ErrorClass, NodeResult, NodeState, Outcome, RunState
from sqlorch.domain.scheduling import Backfill, BackfillSlot, BackfillState, GroupStatus, RunKind
from sqlorch.engine.alert_ports import Delivery, DeliveryState
from sqlorch.state.engine import Database, SqliteDatabase
from sqlorch.state.engine_postgres import PostgresDatabase
from sqlorch.state.store import SqlStore
from sqlorch.state.tables import metadata
from sqlorch.state.upgrade import alembic_config, migrate

STATES = Path(__file__).parents[1] / "data" / "states"
DATABASES = ("sqlite", "postgresql")
Content = dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]]
"""Of each table its columns and its rows, in order."""

_ODD = "naïve “☃” 𝄞, it's 50 %\nand: more \\"
_LATE = NOW + timedelta(microseconds=1)
_S = NodeState
_UUID = "5e0c0de5-0000-4000-8000-000000000000"
_BOOKS = frozenset({"alembic_version"})
_OF_POSTGRES = (("writes", "4711"), ("commit:00000000000040008000000000000000", "4711"))


def dump_of(revision: str, database: str) -> Path:
    """Where the dump of a revision is kept."""
    return STATES / f"v{revision}.{database}.sql"


def load_sqlite(dump: Path, path: Path) -> None:
    """Make a state file of a dump."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(dump.read_text(encoding="utf-8"))


def load_postgres(dump: Path, url: str) -> None:
    """Fill an empty schema with a dump."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(dump.read_text(encoding="utf-8"))
        connection.commit()


def content(database: Database) -> Content:
    """Everything that is in a state, whatever its schema."""
    with database.read() as connection:
        return {
            name: _content(connection, name)
            for name in inspect(connection).get_table_names()
            if name not in _BOOKS
        }


def version(database: Database) -> str:
    """The revision a state is at."""
    with database.read() as connection:
        return str(connection.scalar(sql("SELECT version_num FROM alembic_version")))


def _content(connection: Connection, table: str) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    columns = tuple(str(column["name"]) for column in inspect(connection).get_columns(table))
    rows = connection.execute(sql(f"SELECT * FROM {table}"))
    return columns, sorted((tuple(map(_plain, row)) for row in rows), key=repr)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def fill(store: SqlStore) -> None:
    """Write a state in which every table has rows, and every state and status is met."""
    _fill_groups(store)
    _fill_runs(store)
    _fill_nodes(store)
    _fill_ledger(store)
    _fill_backfills(store)
    _fill_alerts(store)
    _fill_others(store)


def _fill_groups(store: SqlStore) -> None:
    for group in ("daily", "häppy hours", "weekly"):
        enrol(store, group)
    enrol(store, "never", cursor=None)
    for group, status in (("häppy hours", GroupStatus.PAUSED), ("weekly", GroupStatus.HELD)):
        assert store.schedule.set_status(group, status, reason=_ODD, who="ann@here", now=_LATE, catchup="all")
    runs = [new_run(n, spec_hash="1", parameters={"vars": {"ü": [1, None]}}) for n in range(5)]
    assert decide_slots(store, *runs, skips=(slot(5), slot(6)), reason=_ODD)


def _fill_runs(store: SqlStore) -> None:
    for n, owner in enumerate((ME, ME, ME, OTHER)):
        assert store.queue.claim(spec_of(new_run(n), A, B), owner=owner, now=_LATE)
    do(store, "sched-daily-0", A, B, now=_LATE)
    do(store, "sched-daily-1", A, fails=True, now=_LATE)
    store.rerun("sched-daily-1", [A, B], now=NOW)
    assert store.move_run("sched-daily-1", RunState.QUEUED, RunState.RUNNING, now=NOW, owner=ME)
    do(store, "sched-daily-1", A, B)
    do(store, "sched-daily-2", A, B, fails=True)
    begin(store, "sched-daily-3", A)
    assert store.move_run("sched-daily-3", RunState.RUNNING, RunState.CANCELLING, now=NOW, reason=_ODD)
    assert store.queue.request_cancel("sched-daily-3", reason=_ODD, who="ann@here", now=NOW)
    store.queue.explain({"sched-daily-4": f"waits for {_ODD}"}, now=NOW)
    for n, kind in ((0, RunKind.TRIGGERED), (2, RunKind.BACKFILL), (3, RunKind.DATASET)):
        made = new_run(
            n,
            group="weekly",
            kind=kind,
            run_id=f"{kind}-1",
            slots=(),
            trigger_key=f"key {_ODD}",
            backfill="b1",
        )
        store.queue.enqueue(replace(made, trigger_key=f"{kind} {_ODD}"), now=NOW, consumed={"daily": 1})
    assert store.queue.request_cancel("triggered-1", reason=_ODD, who="ann@here", now=NOW)
    assert store.move_run("backfill-1", RunState.QUEUED, RunState.SKIPPED, now=NOW, reason=_ODD)


def _fill_nodes(store: SqlStore) -> None:
    """One run under way whose nodes are in every state, with attempts of every kind."""
    names = {state: f"model.shop.{state}" for state in _S}
    spec = spec_of(new_run(9), invocation={"target": "dev", "vars": {"ü": 1}, "told": True})
    listed = [
        replace(node, path=f"models/{_ODD}.sql", pool="warehouse") for node in nodes(*names.values(), TEST)
    ]
    listed[-1] = replace(listed[-1], attached_to=A, severity="warn", materialized="")
    store.create_run(replace(spec, run_id="manual-é-1", kind="manual", nodes=listed), now=NOW)
    assert store.move_run("manual-é-1", RunState.QUEUED, RunState.RUNNING, now=NOW, owner=OTHER)
    begun = [_S.RUNNING, _S.DISPATCHED, _S.UP_FOR_RETRY, _S.UP_FOR_RESCHEDULE, _S.LOST, _S.SUCCESS, _S.FAILED]
    tried = {a.unique_id: a for a in begin(store, "manual-é-1", *[names[state] for state in begun], TEST)}
    moves = [_move(names[_S.READY], _S.WAITING, _S.READY)]
    moves += [
        _move(names[state], _S.WAITING, state) for state in (_S.SKIPPED, _S.UPSTREAM_FAILED, _S.CANCELLED)
    ]
    ends = {
        _S.UP_FOR_RETRY: (Outcome.ERROR, ErrorClass.TRANSIENT),
        _S.UP_FOR_RESCHEDULE: (Outcome.CANCELLED, ErrorClass.INFRA),
        _S.SUCCESS: (Outcome.SUCCESS, None),
        _S.FAILED: (Outcome.FAIL, ErrorClass.PERMANENT),
    }
    results = []
    for state, (outcome, error) in ends.items():
        results.append((tried[names[state]], _result(names[state], outcome, error)))
        moves.append(_move(names[state], _S.RUNNING, state))
    results.append((tried[TEST], replace(_result(TEST, Outcome.WARN, None), checks=_checks())))
    moves += [_move(TEST, _S.RUNNING, _S.SUCCESS), _move(names[_S.LOST], _S.RUNNING, _S.LOST)]
    store.step("manual-é-1", now=NOW, results=results, moves=moves)
    late = tried[names[_S.LOST]]
    store.step("manual-é-1", now=NOW, results=[(late, _result(late.unique_id, Outcome.SUCCESS, None))])
    again = _move(names[_S.UP_FOR_RETRY], _S.UP_FOR_RETRY, _S.READY)
    store.step("manual-é-1", now=NOW, moves=[again], dispatch=[again.unique_id])
    store.step("manual-é-1", now=NOW, moves=[_move(again.unique_id, _S.RUNNING, _S.LOST)])
    store.step("manual-é-1", now=NOW, moves=[_move(again.unique_id, _S.LOST, _S.UP_FOR_RETRY)])
    with store._database.write() as connection:  # it is between two states for a moment only
        connection.execute(
            sql("UPDATE node_run SET state = 'dispatched' WHERE unique_id = 'model.shop.dispatched'")
        )


def _move(unique_id: str, before: NodeState, after: NodeState) -> NodeMove:
    return NodeMove(unique_id=unique_id, before=before, after=after, reason=_ODD)


def _result(unique_id: str, outcome: Outcome, error: ErrorClass | None) -> NodeResult:
    return NodeResult(
        unique_id=unique_id,
        outcome=outcome,
        started_at=NOW - timedelta(microseconds=999_999),
        finished_at=_LATE,
        rows=2**40,
        message=_ODD,
        error_class=error,
        failures=3 if outcome is Outcome.FAIL else None,
        file=f"models/{_ODD}.sql",
        line=12,
        compiled_path="target/compiled.sql",
        log_path=None,
        adapter_response={"rows_affected": 7, "code": "SÉLECT"},
        timing={"compile": 0.001, "execute": 1.5},
    )


def _checks() -> tuple[ExpectationResult, ...]:
    unique = Expectation(
        type="expect_column_values_to_be_unique", arguments={"column": "id", "ü": [None]}, origin="a.yml:3"
    )
    return (
        ExpectationResult(expectation=unique, ok=False, checked=9, unexpected=2, samples=(1, _ODD)),
        ExpectationResult(expectation=replace(unique, severity="warn"), ok=True, observed={"mean": 1.5}),
        ExpectationResult(expectation=unique, ok=False, error=_ODD),
    )


def _fill_ledger(store: SqlStore) -> None:
    store.ledger.remember_code({"v1": f"select 1 -- {_ODD}", "v2": ""})
    entry = LedgerEntry(
        unique_id=A, interval=slot(20), mark=LedgerMark.DONE, code="", run_id="", gen=0, at=_LATE
    )
    entries = [replace(entry, interval=slot(20 + n), mark=mark) for n, mark in enumerate(LedgerMark)]
    store.ledger.mark(entries, who="ann@here", now=NOW)


def _fill_backfills(store: SqlStore) -> None:
    words = ("waiting", "queued", "done", "failed", "skipped", "cancelled")
    for number, state in enumerate(BackfillState, 1):
        made = Backfill(
            backfill_id=f"b{number}",
            group="daily",
            interval=slot(100 * number, 100 * number + len(words)),
            order="newest",
            reprocess="changed",
            parallel=3,
            state=BackfillState.RUNNING,
            reason="",
            created_at=NOW,
            finished_at=None,
            slots=len(words),
            done=0,
            failed=0,
            parent=None if number == 1 else "b1",
        )
        listed = words if state in {BackfillState.RUNNING, BackfillState.PAUSED} else words[2:]
        cuts = [
            BackfillSlot(
                backfill_id=made.backfill_id,
                interval=slot(100 * number + place),
                position=place,
                state=word,
                run_id="sched-daily-0" if word == "done" else None,
                reason=_ODD,
            )
            for place, word in enumerate(listed)
        ]
        store.backfills.submit(made, cuts, who="ann@here", now=NOW)
        if state is not BackfillState.RUNNING:
            assert store.backfills.move_backfill(
                made.backfill_id, BackfillState.RUNNING, state, reason=_ODD, who="daemon", now=_LATE
            )


def _fill_alerts(store: SqlStore) -> None:
    for number, state in enumerate(DeliveryState):
        assert store.alerts.raise_alert(
            f"k{number} {_ODD}", "group_held", {"group": "daily", "ü": [1.5, None]}, now=_LATE
        )
        alert = store.alerts.newest(1)[0].alert_id
        waits = NOW + timedelta(hours=1) if state is DeliveryState.WAITING else None
        told = Delivery(
            alert_id=alert,
            receiver=f"env:{_ODD}",
            state=state,
            tries=number,
            next_at=waits,
            at=NOW,
            error=_ODD,
        )
        topic = Topic(since=NOW, seen_at=_LATE, told_at=_LATE if number else None, times=number + 1)
        store.deliveries.record([told], {f"run/{number}": topic})
    store.deliveries.settle([1], now=_LATE)
    store.deliveries.settle([2], now=_LATE, error=_ODD)


def _fill_others(store: SqlStore) -> None:
    for owner, state in ((ME, "running"), (OTHER, "stopped")):
        store.daemons.beat(owner, version="0.1.0", state=state, now=NOW)
        store.leases.take(owner, Role.DAEMON)
    assert store.leases.renew(ME, may_lead=True)
    fresh = SourceFreshness(
        unique_id="source.shop.raw.orders",
        source="raw.orders",
        status=FreshnessStatus.PASS,
        snapshotted_at=_LATE,
        max_loaded_at=NOW,
        warn_after=3600.0,
        error_after=86_400.0,
    )
    found = [replace(fresh, unique_id=f"source.shop.{one.name}", status=one) for one in FreshnessStatus]
    empty = replace(fresh, max_loaded_at=None, warn_after=None, error_after=None, message=_ODD)
    store.freshness.keep("sched-daily-0", 1, [*found, empty])
    assert store.target.claim("dev") == "dev"
    manual(store, "manual-2", slot(0), A, invocation={"target": "dev"})
    store.abandon_dead(_LATE, lambda owner: owner == OTHER)


def write_dumps(revision: str) -> list[Path]:
    """Keep a revision, for each database; one that is kept is left as it is."""
    kept = [dump_of(revision, database) for database in DATABASES]
    if there := [path for path in kept if path.exists()]:
        raise SystemExit(f"{there[0]} is there; what people have on their disks does not change")
    with tempfile.TemporaryDirectory() as folder, running_postgres(durable=False) as server:
        with SqlStore.open(Path(folder) / "filled.db", owner=ME) as store:
            fill(store)
            filled = content(store._database)
        for database, path in zip(_empty(Path(folder), server), kept, strict=True):
            path.write_text("\n".join(_statements(database, revision, filled)), encoding="utf-8")
            database.close()
    return kept


def _empty(folder: Path, server: Postgres) -> Iterator[Database]:
    yield SqliteDatabase(folder / "empty.db")
    yield PostgresDatabase(server.new_schema())


def _statements(database: Database, revision: str, filled: Content) -> Iterator[str]:
    """The tables as Alembic makes them on this database, and the rows of those there were."""
    with database.write() as connection:
        migrate(connection, revision)
    with database.read() as connection:
        there = {name: _columns(connection, name) for name in inspect(connection).get_table_names()}
        config = alembic_config(connection)
        config.output_buffer = tables = io.StringIO()
        command.upgrade(config, revision, sql=True)
        postgres = connection.dialect.name == "postgresql"
    yield f"-- schema {revision}: made by tests/support/old_states.py, and never changed"
    yield from _in_order(tables.getvalue())
    ordered = [table.name for table in metadata.sorted_tables if table.name in there]
    yield from (f"DELETE FROM {name};" for name in reversed(ordered))  # what the migrations put in
    for name in ordered:
        columns, rows = filled[name]
        kept = [column for column in columns if column in there[name]]
        yield from _inserts(name, kept, _rows(name, columns, rows, kept, postgres=postgres), postgres)
    if postgres:
        yield from _counters(there)


def _in_order(script: str) -> Iterator[str]:
    """Statements without what Alembic prints around them: whoever loads them begins the transaction."""
    for line in script.splitlines():
        if line.strip() and line.strip() not in {"BEGIN;", "COMMIT;"}:
            yield line


def _columns(connection: Connection, table: str) -> Sequence[str]:
    return [str(column["name"]) for column in inspect(connection).get_columns(table)]


def _rows(
    table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], kept: Sequence[str], *, postgres: bool
) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        named = dict(zip(columns, row, strict=True))
        if named.get("key") == "store_uuid":
            named["value"] = _UUID
        yield {column: named[column] for column in kept}
    if table == "meta" and postgres:
        for key, value in _OF_POSTGRES:
            yield {"key": key, "value": value}


def _inserts(
    table: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], postgres: bool
) -> Iterator[str]:
    yield f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
    listed = [f"({', '.join(_literal(row[column], postgres) for column in columns)})" for row in rows]
    yield ",\n".join(listed) + ";"


def _literal(value: Any, postgres: bool) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'" if postgres else f"X'{value.hex()}'"
    return "'" + str(value).replace("'", "''") + "'"


def _counters(there: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """PostgreSQL counts apart from the rows."""
    for name, columns in there.items():
        if "id" in columns:
            yield (f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}));")


if __name__ == "__main__":
    for written in write_dumps(sys.argv[1]):
        print(written)
