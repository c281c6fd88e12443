"""What ``why``, ``groups`` and ``plan`` say of groups and their runs, on a scheduler and its real store."""

from __future__ import annotations

from typing import Any, cast

import pytest
from support.scheduling import DAY, World, at, group, model, project, uid

from sqlorch.app.explaining import why
from sqlorch.app.operating import Desk, Trigger, trigger
from sqlorch.app.overview import group_rows
from sqlorch.cli.groups_table import groups_table
from sqlorch.cli.plan_text import _open
from sqlorch.domain.scheduling import GroupStatus


@pytest.fixture
def world(tmp_path):
    made: list[World] = []

    def make(*parts: Any) -> World:
        made.append(World(tmp_path, project(*parts)))
        made[-1].tick(at(0))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def desk(w: World) -> Desk:
    """The project as a person finds it who operates it; nothing of the folder is read."""
    return Desk(
        workspace=cast(Any, None),
        project=cast(Any, None),
        snapshot=w.snapshot,
        store=w.store,
        who="ann@here",
        now=w.clock.now(),
    )


def said(w: World, subject: str, interval: str | None = None) -> list[str]:
    return [line for line in why(desk(w), subject, interval) if not line.startswith("no daemon is running")]


def missed(w: World, name: str, days: int, policy: str) -> None:
    """Nobody watches for so many days; then a person decides what becomes of them."""
    w.store.schedule.set_status(name, GroupStatus.PAUSED, reason="away", who="ann", now=w.clock.now())
    w.clock.to(w.clock.now() + days * DAY)
    w.store.schedule.set_status(
        name, GroupStatus.ACTIVE, reason="", who="ann", now=w.clock.now(), catchup=policy
    )
    w.tick()


class TestStretches:
    def test_slots_that_were_skipped_together_are_told_from_the_first_to_the_last(self, world):
        w = world(group("daily"))
        missed(w, "daily", 500, "latest")
        w.run_all()
        lines = said(w, "daily")
        assert "2026-01-05/2027-05-19 (499 intervals) were skipped: catchup is latest" in lines
        assert sum("skipped" in line for line in lines) == 1

    def test_a_stretch_ends_where_another_begins(self, world):
        w = world(group("daily"))
        missed(w, "daily", 3, "none")
        for day in range(4, 51):
            w.tick(at(day))
            w.run_all()
        lines = said(w, "daily")
        assert lines[-2] == "2026-01-05/2026-01-08 (3 intervals) were skipped: catchup is none"
        assert lines[-3].startswith("2026-01-08 (sched-")

    def test_a_run_over_several_slots_names_both_ends_wherever_it_is_told(self, world):
        w = world(group("daily"))
        missed(w, "daily", 3, "coalesce")
        (run,) = w.store.queue.open_runs()
        assert said(w, "daily")[0].startswith(f"2026-01-05/2026-01-08 ({run.run_id}) is queued")
        (row,) = _open([run], w.snapshot.group("daily"))
        assert row[2].startswith(f"2026-01-05/2026-01-08  {run.run_id}")
        assert said(w, run.run_id)[0].startswith(f"{run.run_id} (daily 2026-01-05/2026-01-08) is queued")
        w.run(run.run_id)
        assert said(w, "daily")[0].startswith(f"2026-01-05/2026-01-08 ({run.run_id}): success at")

    def test_a_slot_is_named_as_ever(self, world):
        w = world(group("hourly", "@hourly"))
        w.tick(at(0, 1))
        w.run_all()
        assert said(w, "hourly")[0].startswith("2026-01-05 00:00 (sched-")


class TestCounts:
    def test_what_is_due_is_counted_to_its_end_and_what_comes_next_is_in_the_future(self, world, capsys):
        w = world(group("daily"))
        w.clock.to(at(1057, 1))
        lines = said(w, "daily")
        assert "1,057 intervals are due and not decided yet" in lines
        assert lines[-1] == "next: 2028-11-27, due at 2028-11-28 00:00:00 UTC"
        (row,) = group_rows(desk(w))
        assert (row.due, row.counted, row.next_due) == (1057, True, at(1))
        groups_table([row])
        assert " 1,057 " in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("mode", "following"),
        [("window", "2027-02-28 15:59"), ("point", "2027-02-28 16:00")],
    )
    def test_what_nobody_counts_is_told_as_more(self, world, capsys, mode, following):
        w = world(group("minutes", "* * * * *", interval=mode))
        w.clock.to(at(419, 15) + DAY / 1440 * 59.5)
        lines = said(w, "minutes")
        assert "more than 10,000 intervals are due and not decided yet" in lines
        assert lines[-1] == f"next: {following}, due at 2027-02-28 16:00:00 UTC"
        (row,) = group_rows(desk(w))
        assert (row.due, row.counted, row.document["counted"]) == (10_000, False, False)
        groups_table([row])
        assert " 10,000+ " in capsys.readouterr().out

    def test_a_held_group_with_more_than_is_counted_says_so(self, world):
        w = world(group("minutes", "* * * * *", catchup_max=24))
        missed(w, "minutes", 8, "")
        assert "is held: at least 10000 intervals are due since" in said(w, "minutes")[0]

    def test_a_schedule_that_is_over_has_no_next_interval(self, world):
        w = world(group("minutes", "* * * * *", end=at(30)))
        w.clock.to(at(40))
        assert said(w, "minutes")[-2:] == [
            "more than 10,000 intervals are due and not decided yet",
            "its schedule has ended",
        ]


class TestWithoutSlots:
    def test_a_group_started_by_hand_tells_how_its_runs_ended(self, world):
        w = world(group("hand", None))
        runs = []
        for fails in ((), ("hand",)):
            runs.append(trigger(desk(w), "hand", Trigger(variables={})))
            w.tick()
            w.run(runs[-1], fails=fails)
        lines = said(w, "hand")
        assert lines == [
            f"2026-01-05 ({runs[1]}): failed at 2026-01-05 00:00:00 UTC",
            f"  {uid('hand')} failed: no such column",
            f"  try again with: sqlorch retry {runs[1]}",
            f"2026-01-05 ({runs[0]}): success at 2026-01-05 00:00:00 UTC",
            "it has no schedule; run it with: sqlorch trigger hand",
        ]
        assert said(w, "hand", "2026-01-05") == lines[:4]
        assert said(w, "hand", "2026-01-06") == ["hand has no schedule, so nothing was due then"]

    def test_a_run_by_hand_of_a_scheduled_group_is_told_beside_its_slots(self, world):
        w = world(group("daily"))
        w.tick(at(1))
        w.run_all()
        run = trigger(desk(w), "daily", Trigger(interval="2025-12-01", variables={}))
        w.tick()
        w.run(run)
        slot, by_hand, following = said(w, "daily")
        assert slot.startswith("2026-01-05 (sched-")
        assert by_hand.startswith(f"2025-12-01 ({run}): success at")
        assert following.startswith("next: 2026-01-06")


class TestEvents:
    def parts(self, **rules: Any) -> tuple[Any, ...]:
        return (
            group("a"),
            group("b", "@hourly"),
            group("sink", None, after=("a", "b"), **rules),
            model("ma", "a"),
            model("mb", "b"),
            model("ms", "sink", "ma"),
        )

    def test_what_is_there_and_what_is_lacking_is_told_with_the_reason(self, world):
        w = world(*self.parts())
        w.tick(at(0, 2))
        w.run_all()
        w.tick(at(1))
        (failed,) = [run.run_id for run in w.store.queue.open_runs() if run.group == "a"]
        w.run(failed, fails=["ma"])
        assert said(w, "sink") == [
            "it runs after a and b",
            f"  a has finished nothing new: {failed} is failed",
            "  b has finished 2 times since this group last took it up",
            "it waits for a",
        ]
        assert said(w, "ms")[1:] == said(w, "sink")

    def test_a_run_that_failed_is_told_after_it_has_ended(self, world):
        w = world(*self.parts(after_all=False))
        w.tick(at(0, 1))
        w.run(w.tick().ready[0].run.run_id)
        (run,) = w.tick().created
        w.run(run, fails=["ms"])
        assert said(w, "sink") == [
            f"2026-01-05/2026-01-05T01:00 ({run}): failed at 2026-01-05 01:00:00 UTC",
            f"  {uid('ms')} failed: no such column",
            f"  try again with: sqlorch retry {run}",
            "it runs after a or b",
            "  a has finished nothing new",
            "  b has finished nothing new",
            "it waits for a or b",
        ]

    def test_what_comes_while_it_is_paused_is_kept_and_told(self, world):
        w = world(*self.parts(after_all=False))
        w.store.schedule.set_status("sink", GroupStatus.PAUSED, reason="away", who="ann", now=at(0))
        w.tick(at(0, 1))
        w.run(w.tick().ready[0].run.run_id)
        assert said(w, "sink")[-2:] == [
            "  b has finished once since this group last took it up",
            "it has what it runs after; its run is queued once it is not paused any more",
        ]
        w.store.schedule.set_status("sink", GroupStatus.ACTIVE, reason="", who="ann", now=at(0, 1))
        assert said(w, "sink")[-1] == "it has what it runs after; the daemon queues its run"

    def test_of_a_group_no_daemon_has_seen_only_the_names_are_told(self, world):
        w = world(*self.parts()[:2])
        w.snapshot = project(*self.parts())
        assert said(w, "sink") == ["no daemon has seen the group sink yet", "it runs after a and b"]
