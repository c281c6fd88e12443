"""The end of a run: hooks that hang after its last node, and a store that is out of reach in the middle."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from support.promises import within
from support.scripted import Ear, Inbasket, Scripted, driver, node, run_of, states_of

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import RunRecord
from sqlorch.domain.run import Outcome
from sqlorch.engine.stop import Stop
from sqlorch.state.owner import current_owner
from sqlorch.state.store import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with SqlStore.open(tmp_path / "state.db") as opened:
        yield opened


def driven(store: SqlStore, session: Scripted, *, timeout: float | None = None, **more: Any) -> RunRecord:
    spec = run_of(node("a"), node("b", after="a"), timeout=timeout)
    store.create_run(spec, now=spec.interval.end)
    return driver(store, session, **more).drive(spec)


def test_a_cancel_is_heard_while_the_last_hook_hangs(store: SqlStore) -> None:
    session, basket = Scripted({}), Inbasket()

    def ask() -> None:
        basket.asked = "not needed any more"

    session.last_hook = ask
    before = time.monotonic()
    record = driven(store, session, queue=basket)
    assert time.monotonic() - before < within(5)
    assert (record.state, record.reason) == ("cancelled", "not needed any more")
    assert states_of(store) == {"a": "success", "b": "success"}


def test_so_is_ctrl_c(store: SqlStore) -> None:
    session, stop = Scripted({}), Stop()
    session.last_hook = stop.request
    record = driven(store, session, stop=stop)
    assert (record.state, record.reason) == ("cancelled", "interrupted")


def test_so_is_the_end_of_the_time_a_run_may_take(store: SqlStore) -> None:
    session = Scripted({})
    session.last_hook = lambda: None
    record = driven(store, session, timeout=1.0)
    assert (record.state, record.reason) == ("failed", "timed out after 1s")


def test_a_run_that_is_to_rest_is_left_to_have_its_last_hook_again(store: SqlStore) -> None:
    session, stop, ear = Scripted({}), Stop(), Ear()
    session.last_hook = lambda: stop.suspend(time.monotonic())
    record = driven(store, session, stop=stop, ear=ear)
    assert (record.state, record.owner) == ("running", current_owner())
    assert ear.warnings == [(None, "suspended after its last node; what comes after it is done by a worker")]
    again = Scripted({})
    spec = run_of(node("a"), node("b", after="a"))
    states = {one.unique_id: one.state for one in store.nodes("run-1")}
    ended = driver(store, again).drive(spec, states=states)
    assert (ended.state, again.order, again.finished) == ("success", [], [])


def test_a_hook_that_fails_by_itself_fails_the_run_with_its_own_words(store: SqlStore) -> None:
    session = Scripted({})
    session.trouble = "dbt_project.yml: on-run-end failed: division by zero"
    record = driven(store, session)
    assert (record.state, record.reason) == ("failed", session.trouble)


def test_the_hooks_of_a_cancelled_run_have_a_moment_and_no_more(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlorch.engine.driver._LAST_STEP", 1.0)
    session, stop, ear = Scripted({"a": ["wait"]}), Stop(), Ear()
    began: list[float] = []
    ear.on_start = lambda _: stop.request()
    session.last_hook = lambda: began.append(time.monotonic())
    record = driven(store, session, stop=stop, ear=ear)
    assert (record.state, record.reason) == ("cancelled", "interrupted")
    assert 1.0 <= time.monotonic() - began[0] < within(4)
    assert states_of(store) == {"a": "cancelled", "b": "cancelled"}


class Forgetful(SqlStore):
    """Cannot be reached once a node has been executed."""

    away = False

    def step(self, run_id: str, **more: Any) -> Any:
        """Refuse results."""
        if more.get("results"):
            self.away = True
        self._refuse()
        return super().step(run_id, **more)

    def run(self, run_id: str) -> RunRecord:
        """Refuse, too."""
        self._refuse()
        return super().run(run_id)

    def _refuse(self) -> None:
        if self.away:
            raise StateError("the state is out of reach")


def test_what_is_executed_is_cut_when_nothing_can_be_written_any_more(tmp_path: Path) -> None:
    session = Scripted({"long": ["wait"], "short": [Outcome.SUCCESS]}, threads=2)
    with Forgetful.open(tmp_path / "state.db") as store:
        spec = run_of(node("long"), node("short"))
        store.create_run(spec, now=spec.interval.end)
        with pytest.raises(StateError, match="out of reach"):
            driver(store, session).drive(spec)
        assert session.running == set()
        assert session.abandoned
        store.away = False
        assert store.run("run-1").state == "running"
        assert states_of(store) == {"long": "running", "short": "running"}
