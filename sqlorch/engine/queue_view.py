"""The queue as one moment shows it, and what is concluded from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import RunKind

if TYPE_CHECKING:
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.scheduling import Backfill, GroupState, OpenRun
    from sqlorch.domain.sensor import GivenUp, Stale

UNDER_WAY = frozenset({RunState.RUNNING, RunState.CANCELLING})
OF_SLOTS = frozenset({RunKind.SCHEDULED, RunKind.BACKFILL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A run that may start now.

    Attributes:
        run: the run.
        max_active: how many runs of its group may be under way at once, for the claim.
        resume: it is under way already, and its driver died: it goes on where it stands.
    """

    run: OpenRun
    max_active: int | None = None
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What becomes of queued runs now.

    Attributes:
        ready: candidates, the one to start first in front.
        waiting: what every other queued run waits for, by id.
        upstream: ids of those that wait for other groups.
        given_up: those that have waited for their sensors for too long.
        stale: sources that are too old for runs that wait for them.
    """

    ready: tuple[Candidate, ...] = ()
    waiting: Mapping[str, str]
    upstream: frozenset[str] = frozenset()
    given_up: tuple[GivenUp, ...] = ()
    stale: tuple[Stale, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What is known of runs and groups.

    Attributes:
        runs: every run that has not ended, oldest due first.
        groups: every group's state.
        backfills: those that have not ended, by id.
        adopted: ids of runs under way that were rescued and wait for somebody to drive them on.
    """

    runs: Sequence[OpenRun]
    groups: Mapping[str, GroupState]
    backfills: Mapping[str, Backfill]
    adopted: frozenset[str] = frozenset()

    @cached_property
    def by_id(self) -> Mapping[str, OpenRun]:
        """The runs by id."""
        return {run.run_id: run for run in self.runs}

    @cached_property
    def by_group(self) -> Mapping[str, Sequence[OpenRun]]:
        """The runs of each group that has any."""
        found: dict[str, list[OpenRun]] = {}
        for run in self.runs:
            found.setdefault(run.group, []).append(run)
        return found

    @cached_property
    def first_waits(self) -> Mapping[str, Collection[Interval]]:
        """By group, the intervals of queued runs that make a slot for the first time, the oldest first."""
        found: dict[str, dict[Interval, None]] = {}
        for run in self.runs:
            if run.state is RunState.QUEUED and run.gen == 1 and run.kind in OF_SLOTS:
                found.setdefault(run.group, {})[run.interval] = None
        return {group: intervals.keys() for group, intervals in found.items()}
