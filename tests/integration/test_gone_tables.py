"""A table that was filled interval by interval and is gone: who goes on is told what a new one lacks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.projects import Project, make_project
from support.scripted import Bell, Ear, Scripted, driver, node, run_of

from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.engine.table_watch import TableWatch
from sqlorch.state.store import SqlStore

NOW = datetime(2013, 1, 5, tzinfo=UTC)
FIRST = datetime(2012, 12, 30, tzinfo=UTC)  # run_of is about 2013-01-01
MODEL = "{{ config(materialized='incremental') }} select '{{ var('ds') }}' as day"
SPAN = "2012-12-30/2013-01-01"
GONE = (
    f"is not in the warehouse, although {SPAN} of it is recorded as made; unless its SQL loads all of that "
    f"when the table is new, make it again: sqlorch run --interval {SPAN} --select a"
)


def day(n: int) -> Interval:
    return Interval(FIRST + timedelta(days=n), FIRST + timedelta(days=n + 1))


def entry(n: int, mark: LedgerMark = LedgerMark.DONE, unique_id: str = "a") -> LedgerEntry:
    return LedgerEntry(unique_id=unique_id, interval=day(n), mark=mark, code="", run_id="", gen=0, at=NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "state.db") as store:
        yield store


def told(
    store: SqlStore, entries: list[LedgerEntry], *, span: Interval | None = None, **more: Any
) -> tuple[list[Any], Bell]:
    """What a run with an incremental model ``a``, whose table is gone, says; and whom it tells."""
    store.ledger.mark(entries, who="ann", now=NOW)
    more = {"kind": "scheduled"} | more
    spec = run_of(node("a", materialized="incremental"), node("b", materialized="table"), **more)
    store.create_run(spec, now=NOW)
    session, ear, bell = Scripted({}), Ear(), Bell()
    session.gone = {"a", "b"}
    watch = TableWatch(ledger=store.ledger, alerts=bell, span=span)  # type: ignore[arg-type]
    record = driver(store, session, ear=ear, tables=watch).drive(spec)
    assert record.state == "success"
    return ear.warnings, bell


def test_the_time_that_is_missing_is_told_and_the_run_goes_on(store: SqlStore) -> None:
    said, bell = told(store, [entry(0), entry(1), entry(3, LedgerMark.FAILED), entry(0, unique_id="b")])
    assert said == [("a", GONE)]
    ((dedupe, kind, payload),) = bell.rung
    assert (dedupe, kind) == ("table_gone:run-1:a", "table_gone")
    assert payload["reason"] == f"a {GONE}"
    assert (payload["group"], payload["interval"], payload["node"]) == ("g", "2013-01-01", "a")


@pytest.mark.parametrize(
    ("entries", "more"),
    [
        ([], {}),
        ([entry(2)], {}),  # its own interval
        ([entry(0, LedgerMark.FAILED), entry(1, LedgerMark.MISSING)], {}),
        ([entry(0), entry(3)], {"span": Interval(day(0).start, day(3).end)}),  # this command makes them all
    ],
)
def test_nothing_is_told_where_nothing_is_missing(
    store: SqlStore, entries: list[LedgerEntry], more: dict[str, Any]
) -> None:
    said, bell = told(store, entries, **more)
    assert (said, bell.rung) == ([], [])


def test_a_full_refresh_is_said_to_be_one(store: SqlStore) -> None:
    said, bell = told(store, [entry(0)], kind="triggered", invocation={"full_refresh": True})
    assert [sentence.partition(";")[0] for _, sentence in said] == [
        "is refreshed, although 2012-12-30 of it is recorded as made"
    ]
    assert len(bell.rung) == 1


def test_who_runs_it_by_hand_reads_it_and_is_not_written_to(store: SqlStore) -> None:
    said, bell = told(store, [entry(0)], kind="manual")
    assert len(said) == 1
    assert bell.rung == []


@pytest.fixture
def filled(tmp_path: Path) -> Project:
    """Two days of an incremental model on DuckDB."""
    files = {"models/visits.sql": MODEL, "models/plain.sql": "select 1 as id"}
    project = make_project(tmp_path / "shop", files)
    project.run(interval="2013-01-01").told(0)
    project.run(interval="2013-01-02").told(0)
    return project


def notes(project: Project, interval: str, *more: str) -> list[str]:
    said = project.sqlorch("run", "--interval", interval, *more)
    assert said.code == 0, said.err
    return [line for line in (said.out + said.err).splitlines() if "recorded as made" in line]


def test_a_warehouse_that_was_deleted_is_noticed(filled: Project) -> None:
    assert notes(filled, "2013-01-03") == []
    filled.warehouse.unlink()
    (note,) = notes(filled, "2013-01-04")
    assert "visits: is not in the warehouse, although 2013-01-01/2013-01-04 of it is recorded as made" in note
    assert "sqlorch run --interval 2013-01-01/2013-01-04 --select visits" in note
    assert notes(filled, "2013-01-05") == []
    filled.warehouse.unlink()
    assert notes(filled, "2013-01-01/2013-01-06") == []


def test_so_is_a_table_that_was_dropped(filled: Project) -> None:
    with duckdb.connect(str(filled.warehouse)) as connection:
        connection.execute("drop table visits")
    (note,) = notes(filled, "2013-01-03")
    assert "2013-01-01/2013-01-03 of it" in note


def test_a_full_refresh_of_one_interval_says_what_it_takes_away(filled: Project) -> None:
    filled.write({"models/kept.sql": MODEL.replace("'incremental'", "'incremental', full_refresh=false")})
    assert notes(filled, "2013-01-01/2013-01-03", "--full-refresh") == []
    (note,) = notes(filled, "2013-01-02", "--full-refresh")
    assert "visits: is refreshed, although 2013-01-01" in note
