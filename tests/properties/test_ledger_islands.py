"""The ledger merged by the database against the same merged in Python, entry by entry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.state.store import SqlStore

T0 = datetime(2013, 1, 1, tzinfo=UTC)
NODES = ("a", "b")


def at(hours: int) -> datetime:
    return T0 + timedelta(hours=hours)


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerEntry]:
    """Mostly neighbouring windows, with points, gaps and entries across others in between."""
    found: dict[tuple[str, Interval], LedgerEntry] = {}
    ages = draw(st.permutations(range(24)))
    for age in ages[: draw(st.integers(0, 24))]:
        start = draw(st.integers(0, 12))
        interval = Interval(at(start), at(start + draw(st.sampled_from([0, 1, 1, 1, 1, 2, 5]))))
        node = draw(st.sampled_from(NODES))
        found[node, interval] = LedgerEntry(
            unique_id=node,
            interval=interval,
            mark=draw(st.sampled_from([LedgerMark.DONE, LedgerMark.DONE, LedgerMark.DONE, *LedgerMark])),
            code=draw(st.sampled_from(["", "", "x"])),
            run_id=f"r{age}",
            gen=1,
            at=at(age),
        )
    return list(found.values())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path_factory.mktemp("state") / "state.db") as opened:
        yield opened


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(ledgers())
def test_the_database_merges_as_python_does(store: SqlStore, entries: list[LedgerEntry]) -> None:
    with store._database.write() as connection:
        connection.exec_driver_sql("DELETE FROM ledger")
    store.ledger.mark(entries, who="test", now=T0)
    assert store.ledger.entries(merged=True) == store.ledger.entries(NODES, merged=True)


def test_a_year_of_days_is_one_entry(tmp_path: Path) -> None:
    with SqlStore.open(tmp_path / "state.db") as store:
        days = [
            LedgerEntry(
                unique_id="a",
                interval=Interval(at(24 * day), at(24 * day + 24)),
                mark=LedgerMark.DONE,
                code="x",
                run_id=f"r{day}",
                gen=1,
                at=at(24 * day + 25),
            )
            for day in range(365)
        ]
        store.ledger.mark(days, who="test", now=T0)
        (entry,) = store.ledger.entries(merged=True)["a"]
    assert (entry.interval, entry.run_id) == (Interval(T0, at(24 * 365)), "r364")
