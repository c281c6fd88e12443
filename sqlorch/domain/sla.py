"""By when a run must have started and ended, and whether it did (scheduling specification 2.6).

Deadlines count from the interval's end. They hold for runs the schedule made in time: a run made to catch up,
a backfill and a run that is made again have none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import RunKind

if TYPE_CHECKING:
    from sqlorch.domain.group import RunRules
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.scheduling import OpenRun

CATCHUP = "catchup"
"""Parameter of a run that was made for a slot missed while nobody watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Something a run must have done by an instant: ``kind`` is ``start_within`` or ``finish_within``."""

    kind: str
    at: datetime
    within: timedelta


def deadlines(run: OpenRun, rules: RunRules) -> Iterator[Deadline]:
    """The deadlines a run has still to meet."""
    if run.kind is not RunKind.SCHEDULED or run.backfill or run.gen > 1 or run.parameters.get(CATCHUP):
        return
    if rules.start_within is not None and run.state is RunState.QUEUED:
        yield _deadline("start_within", run.interval, rules.start_within)
    if rules.finish_within is not None:
        yield _deadline("finish_within", run.interval, rules.finish_within)


def _deadline(kind: str, interval: Interval, seconds: float) -> Deadline:
    within = timedelta(seconds=seconds)
    return Deadline(kind=kind, at=interval.end + within, within=within)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    """A run for a slot of a schedule, made in time; ``gen`` counts its reruns from 1."""

    run_id: str
    group: str
    interval: Interval
    gen: int
    state: RunState
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a run met a deadline.

    Attributes:
        run: the run.
        deadline: what it had to do, and by when.
        reached: when it did so: it started, or it succeeded. None while it has not.
        met: whether that was in time; None while it still may be.
    """

    run: ScheduledRun
    deadline: Deadline
    reached: datetime | None
    met: bool | None

    @property
    def late(self) -> timedelta | None:
        """How much too late it was; zero in time, None while it has not done so."""
        return None if self.reached is None else max(self.reached - self.deadline.at, timedelta())


def verdicts(run: ScheduledRun, rules: RunRules, now: datetime) -> Iterator[Verdict]:
    """How a run stands with each deadline of its group.

    When a run that was made again first started is not remembered, so of such a one only the end is judged.
    """
    if rules.start_within is not None and run.gen == 1:
        yield _verdict("start_within", rules.start_within, run, run.started_at, now)
    if rules.finish_within is not None:
        done = run.finished_at if run.state is RunState.SUCCESS else None
        yield _verdict("finish_within", rules.finish_within, run, done, now)


def _verdict(
    kind: str, seconds: float, run: ScheduledRun, reached: datetime | None, now: datetime
) -> Verdict:
    deadline = _deadline(kind, run.interval, seconds)
    met = None if reached is None and now < deadline.at else reached is not None and reached <= deadline.at
    return Verdict(run=run, deadline=deadline, reached=reached, met=met)
