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
        yield _deadline("start_within", run, rules.start_within)
    if rules.finish_within is not None:
        yield _deadline("finish_within", run, rules.finish_within)


def _deadline(kind: str, run: OpenRun, seconds: float) -> Deadline:
    within = timedelta(seconds=seconds)
    return Deadline(kind=kind, at=run.interval.end + within, within=within)
