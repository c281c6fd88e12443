"""What a driver does about the sources of a run. No dbt: what is measured is what the test says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.scripted import Bell, Ear, Scripted, driver, node, run_of, states_of

from sqlorch.domain.errors import StateError
from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness, SourceReading
from sqlorch.engine.source_watch import SourceWatch
from sqlorch.engine.stop import Stop
from sqlorch.state.store import SqlStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)
REASON = "source raw.orders: error, its newest row is 2d old (may be 1d)"


def reading(name: str, status: FreshnessStatus, *readers: str) -> SourceReading:
    found = SourceFreshness(
        unique_id=f"source.shop.raw.{name}",
        source=f"raw.{name}",
        status=status,
        snapshotted_at=NOW,
        max_loaded_at=NOW - timedelta(days=2),
        warn_after=3600.0,
        error_after=86_400.0,
    )
    return SourceReading(found=found, readers=readers)


ORDERS = reading("orders", FreshnessStatus.ERROR, "a")
READ = (ORDERS, reading("stock", FreshnessStatus.WARN, "b"), reading("days", FreshnessStatus.PASS, "c"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "state.db") as store:
        yield store


def session() -> Scripted:
    made = Scripted({})
    made.sources = READ
    return made


def drive(store: SqlStore, *, block: bool = False, ear: Ear | None = None, **more: Any) -> Bell:
    """A run in which ``below`` reads ``a``; returns what was told of it."""
    spec = run_of(node("a"), node("b"), node("c"), node("below", "a"), **more)
    store.create_run(spec, now=NOW)
    bell = Bell()
    watch = SourceWatch(store=store.freshness, alerts=bell, block=block)  # type: ignore[arg-type]
    driver(store, session(), ear=ear, sources=watch).drive(spec)
    return bell


def test_it_is_kept_and_warned_of_and_nothing_is_held_up(store: SqlStore) -> None:
    ear = Ear()
    drive(store, ear=ear)
    assert set(states_of(store).values()) == {"success"}
    kept = store.freshness.of_run("run-1")
    assert [one.source for one in kept] == ["raw.days", "raw.orders", "raw.stock"]
    assert ear.warnings == [
        (None, REASON),
        (None, "source raw.stock: warn, its newest row is 2d old (may be 1h)"),
    ]


def test_blocking_keeps_what_reads_an_error_from_being_built_and_says_why_the_run_failed(
    store: SqlStore,
) -> None:
    drive(store, block=True)
    assert states_of(store) == {
        "a": "upstream_failed",
        "b": "success",
        "c": "success",
        "below": "upstream_failed",
    }
    run = store.run("run-1")
    assert (run.state, run.reason) == ("failed", REASON)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"kind": "scheduled"}, ["raw.orders", "raw.stock"]),
        ({"kind": "dataset"}, ["raw.orders", "raw.stock"]),
        ({"kind": "triggered"}, ["raw.orders", "raw.stock"]),
        ({"kind": "scheduled", "invocation": {"catchup": True}}, []),
        ({"kind": "backfill"}, []),
        ({"kind": "manual"}, []),
        ({"kind": "manual", "invocation": {"alerts": True}}, ["raw.orders", "raw.stock"]),
    ],
)
def test_people_are_told_of_runs_about_now(store: SqlStore, more: dict[str, Any], told: list[str]) -> None:
    bell = drive(store, **more)
    assert [payload["source"] for _, _, payload in bell.rung] == told
    assert {(dedupe, kind) for dedupe, kind, _ in bell.rung} == {
        (f"freshness_stale:run-1:{name}", "freshness_stale") for name in told
    }


def test_a_run_that_was_stopped_meanwhile_keeps_nothing_of_queries_that_were_cut(store: SqlStore) -> None:
    stop, scripted = Stop(), session()
    measure = scripted.source_freshness

    def interrupted() -> Any:
        stop.request()
        return measure()

    scripted.source_freshness = interrupted  # type: ignore[method-assign]
    spec = run_of(node("a"))
    store.create_run(spec, now=NOW)
    watch = SourceWatch(store=store.freshness, alerts=store.alerts, block=True)
    record = driver(store, scripted, stop=stop, sources=watch).drive(spec)
    assert (record.state, record.reason) == ("cancelled", "interrupted")
    assert store.freshness.of_run("run-1") == []


def test_when_it_cannot_be_kept_the_run_is_let_go_of(store: SqlStore) -> None:
    class Full:
        def keep(self, *_: object) -> None:
            raise StateError("the disk is full")

    scripted = session()
    spec = run_of(node("a"))
    store.create_run(spec, now=NOW)
    watch = SourceWatch(store=Full(), alerts=store.alerts)  # type: ignore[arg-type]
    with pytest.raises(StateError, match="the disk is full"):
        driver(store, scripted, sources=watch).drive(spec)
    assert scripted.abandoned
