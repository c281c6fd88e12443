"""What ``why``, ``groups`` and ``plan`` say of groups and their runs, on a scheduler and its real store."""

from __future__ import annotations

from typing import Any, cast

import pytest
from support.scheduling import DAY, World, at, group, project

from sqlorch.app.explaining import why
from sqlorch.app.operating import Desk
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
        assert "2026-01-05/2027-05-19 (499 intervals) were skipped: catchup_latest" in lines
        assert sum("skipped" in line for line in lines) == 1

    def test_a_stretch_ends_where_another_begins(self, world):
        w = world(group("daily"))
        missed(w, "daily", 3, "none")
        for day in range(4, 51):
            w.tick(at(day))
            w.run_all()
        lines = said(w, "daily")
        assert lines[-2] == "2026-01-05/2026-01-08 (3 intervals) were skipped: catchup_none"
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
