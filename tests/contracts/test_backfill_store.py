"""What every store promises of backfills, alerts and the daemon's own record."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from support.stores import ME, NOW, OTHER, slot

from sqlorch.domain.errors import StateError
from sqlorch.domain.interval import Interval
from sqlorch.domain.scheduling import Alert, Backfill, BackfillSlot, BackfillState
from sqlorch.state.store import SqlStore

LATER = NOW + timedelta(hours=1)


def backfill(name: str = "b1", first: float = 0, last: float = 3, **more: object) -> Backfill:
    values = {
        "group": "daily",
        "interval": slot(first, last),
        "order": "oldest",
        "reprocess": "missing",
        "parallel": 2,
        "state": BackfillState.RUNNING,
        "reason": "",
        "created_at": NOW,
        "finished_at": None,
        "slots": 3,
        "done": 0,
        "failed": 0,
    }
    return Backfill(backfill_id=name, **values | more)


def slots_of(made: Backfill, count: int = 3) -> list[BackfillSlot]:
    first = made.interval.start
    return [
        BackfillSlot(
            backfill_id=made.backfill_id,
            interval=Interval(first + timedelta(days=n), first + timedelta(days=n + 1)),
            position=n,
            state="waiting",
        )
        for n in range(count)
    ]


def submit(store: SqlStore, made: Backfill) -> Backfill:
    store.backfills.submit(made, slots_of(made), who="ann@here", now=NOW)
    return made


class TestBackfills:
    def test_what_was_submitted_is_read_back(self, store: SqlStore, open_store: Callable[[], SqlStore]):
        made = submit(store, backfill(parent="b0", order="newest"))
        again = open_store().backfills
        assert again.backfill("b1") == made
        assert again.backfill_slots("b1") == slots_of(made)
        [line] = store.daemons.audit()
        assert (line["who"], line["action"], line["subject"]) == ("ann@here", "backfill", "daily b1")

    def test_they_are_listed_newest_first_by_group_and_by_being_unfinished(self, store: SqlStore):
        submit(store, backfill("b1"))
        submit(store, backfill("b2", group="weekly"))
        submit(store, backfill("b3", 3, 6))
        store.backfills.move_backfill(
            "b1", BackfillState.RUNNING, BackfillState.SUCCESS, reason="", who="daemon", now=LATER
        )
        names = lambda **given: [b.backfill_id for b in store.backfills.backfills(**given)]  # noqa: E731 - short
        assert names() == ["b3", "b2", "b1"]
        assert names(group="daily") == ["b3", "b1"]
        assert names(unfinished=True) == ["b3", "b2"]

    @pytest.mark.parametrize("state", [BackfillState.RUNNING, BackfillState.PAUSED])
    def test_no_second_one_over_the_same_time_while_it_is_under_way(
        self, store: SqlStore, state: BackfillState
    ):
        submit(store, backfill("b1"))
        if state is not BackfillState.RUNNING:
            store.backfills.move_backfill("b1", BackfillState.RUNNING, state, reason="", who="a", now=NOW)
        with pytest.raises(
            StateError, match=f"backfill b1 of daily over .* is {state}; wait for it, or cancel"
        ):
            submit(store, backfill("b2", 2, 9))
        assert len(store.backfills.backfills()) == 1
        submit(store, backfill("b3", 3, 9))
        submit(store, backfill("b4", group="weekly"))
        store.backfills.move_backfill("b1", state, BackfillState.CANCELLED, reason="", who="a", now=NOW)
        submit(store, backfill("b5"))

    def test_slots_move_and_are_counted(self, store: SqlStore):
        made = submit(store, backfill())
        first, second, third = slots_of(made)
        moved = [replace(first, state="done", run_id="r1"), replace(third, state="failed", reason="no \0")]
        store.backfills.move_slots("b1", moved, now=LATER)
        found = store.backfills.backfill_slots("b1")
        assert found == [moved[0], second, replace(moved[1], reason="no \N{REPLACEMENT CHARACTER}")]
        assert store.backfills.backfill_slots("b1", state="waiting") == [second]
        stored = store.backfills.backfill("b1")
        assert (stored.slots, stored.done, stored.failed) == (3, 1, 1)
        with pytest.raises(StateError, match="has not all of these slots"):
            store.backfills.move_slots(
                "b1", [replace(first, state="queued"), replace(first, position=9)], now=NOW
            )
        assert store.backfills.backfill_slots("b1") == found

    def test_its_state_is_swapped_and_cancelling_it_cancels_what_waits(self, store: SqlStore):
        made = submit(store, backfill())
        move = store.backfills.move_backfill
        store.backfills.move_slots("b1", [replace(slots_of(made)[0], state="queued")], now=NOW)
        assert move("b1", BackfillState.RUNNING, BackfillState.PAUSED, reason="lunch", who="a", now=NOW)
        assert not move("b1", BackfillState.RUNNING, BackfillState.FAILED, reason="", who="a", now=NOW)
        paused = store.backfills.backfill("b1")
        assert (paused.state, paused.reason, paused.finished_at) == (BackfillState.PAUSED, "lunch", None)
        assert move("b1", BackfillState.PAUSED, BackfillState.CANCELLED, reason="enough", who="a", now=LATER)
        ended = store.backfills.backfill("b1")
        assert (ended.state, ended.finished_at) == (BackfillState.CANCELLED, LATER)
        states = [(s.state, s.reason) for s in store.backfills.backfill_slots("b1")]
        assert states == [("queued", ""), ("cancelled", "enough"), ("cancelled", "enough")]
        with pytest.raises(StateError, match="has ended; submit the range again"):
            move("b1", BackfillState.CANCELLED, BackfillState.RUNNING, reason="", who="a", now=LATER)

    def test_mistakes_are_refused(self, store: SqlStore):
        submit(store, backfill("bf-20260301"))
        with pytest.raises(StateError, match="no backfill bf-20260302; did you mean bf-20260301"):
            store.backfills.backfill("bf-20260302")
        with pytest.raises(StateError, match="no backfill zzz"):
            store.backfills.move_backfill(
                "zzz", BackfillState.RUNNING, BackfillState.PAUSED, reason="", who="a", now=NOW
            )
        with pytest.raises(StateError, match="a slot of b8 was submitted with b9"):
            store.backfills.submit(backfill("b9", 5, 8), slots_of(backfill("b8")), who="a", now=NOW)
        with pytest.raises(StateError, match="nothing was changed"):
            store.backfills.submit(backfill("bf-20260301", 5, 8), [], who="a", now=NOW)
        assert len(store.backfills.backfills()) == 1
        assert store.backfills.backfill_slots("zzz") == []


class TestAlerts:
    def test_however_often_it_is_found_it_is_one(self, store: SqlStore, open_store: Callable[[], SqlStore]):
        assert store.alerts.raise_alert("sla:r1", "sla_missed", {"run": "r1", "late": 1.5}, now=NOW)
        assert not open_store().alerts.raise_alert("sla:r1", "sla_missed", {"run": "r2"}, now=LATER)
        [found] = store.alerts.alerts()
        assert found == Alert(
            alert_id=found.alert_id,
            dedupe="sla:r1",
            kind="sla_missed",
            payload={"run": "r1", "late": 1.5},
            created_at=NOW,
            tries=0,
            sent_at=None,
        )

    def test_it_waits_until_it_was_delivered(self, store: SqlStore):
        for n in range(3):
            store.alerts.raise_alert(f"a{n}", "run_failed", {}, now=NOW)
        first, second, _ = store.alerts.alerts()
        store.alerts.sent(first.alert_id, now=LATER, error="connection refused")
        store.alerts.sent(second.alert_id, now=LATER)
        assert [(a.dedupe, a.tries, a.sent_at) for a in store.alerts.alerts()] == [
            ("a0", 1, None),
            ("a1", 1, LATER),
            ("a2", 0, None),
        ]
        assert [a.dedupe for a in store.alerts.alerts(unsent=True)] == ["a0", "a2"]
        assert [a.dedupe for a in store.alerts.alerts(unsent=True, limit=1)] == ["a0"]

    def test_mistakes_are_refused(self, store: SqlStore):
        with pytest.raises(StateError, match="the alert run_failed cannot be stored as JSON"):
            store.alerts.raise_alert("a", "run_failed", {"x": object()}, now=NOW)
        with pytest.raises(StateError, match="no alert 7"):
            store.alerts.sent(7, now=NOW)
        assert store.alerts.alerts() == []


class TestDaemon:
    def test_the_last_one_is_known_with_its_start_and_its_last_beat(self, store: SqlStore):
        assert store.daemons.daemon() is None
        store.daemons.beat(OTHER, version="0.1.0", state="running", now=NOW)
        store.daemons.beat(ME, version="0.2.0", state="running", now=NOW)
        store.daemons.beat(ME, version="0.2.0", state="draining", now=LATER)
        assert store.daemons.daemon() == {
            "host": "here",
            "boot_id": "boot-1",
            "pid": 4711,
            "started": 99,
            "started_at": NOW,
            "beat_at": LATER,
            "version": "0.2.0",
            "state": "draining",
        }

    def test_nothing_was_done_yet(self, store: SqlStore):
        assert store.daemons.audit() == []
