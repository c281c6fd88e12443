"""What queued runs wait for outside: when each sensor is looked at, what was found, and when a run gives up.

Kept in memory: after a restart everything is looked at again, which changes nothing outside. The instant a
wait began is in the run's stored reason, so that timeouts go on counting.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlorch.domain.describe import name_slot
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.scheduling import RunKind
from sqlorch.domain.sensor import (
    FRESHNESS,
    LEDGER_KINDS,
    GivenUp,
    Look,
    SensorSpec,
    Stale,
    say_waiting,
    waiting_since,
)
from sqlorch.domain.template import fill
from sqlorch.domain.variables import interval_variables
from sqlorch.engine.sensor_ports import Poke
from sqlorch.engine.sensor_wait import Wait, Watched

if TYPE_CHECKING:
    from sqlorch.domain.freshness import SourceFreshness
    from sqlorch.domain.group import Group
    from sqlorch.domain.scheduling import OpenRun
    from sqlorch.engine.ledger_sensor import LedgerSensor
    from sqlorch.engine.queue_view import Queue

IGNORE = "ignore_sensors"
"""The parameter of a run that waits for no sensors, because a person said so."""
_JITTER = 0.1


class Sensing:
    """Looks after the sensors of queued runs.

    Args:
        jitter: a number between -1 and 1, so that looks of many runs do not come at once.
    """

    def __init__(self, jitter: Callable[[], float] | None = None) -> None:
        self._jitter = jitter or _random
        self._waits: dict[tuple[str, int], Wait] = {}
        self._by_key: dict[str, tuple[Wait, Watched]] = {}
        self._measured: dict[tuple[str, int], dict[str, SourceFreshness]] = {}
        self._lacking: list[tuple[OpenRun, Wait]] = []

    def begin(self, queue: Queue) -> None:
        """A review of the queue begins: forget runs that are not in it any more."""
        known = {(run.run_id, run.gen) for run in queue.runs}
        self._waits = {key: wait for key, wait in self._waits.items() if key in known}
        self._lacking = []
        for wait in self._waits.values():
            wait.there_since = wait.there_since if wait.asked else None
            wait.asked = False
        alive = {
            watched.poke.key for wait in self._waits.values() for watched in wait.sensors if watched.poke
        }
        self._by_key = {key: found for key, found in self._by_key.items() if key in alive}

    def waits_for(self, run: OpenRun, group: Group, queue: Queue, ledger: LedgerSensor, now: datetime) -> str:
        """Why a run that nothing else holds back has to wait, ``""`` when all is there and it is its turn.

        The runs of a group are asked for in their order.
        """
        if not group.wait_for or run.parameters.get(IGNORE):
            return ""
        wait = self._wait(run, group, now)
        wait.asked = True
        for watched in wait.sensors:
            if watched.poke is None and not watched.look.met:
                watched.look = ledger.look(watched.spec, run.interval, queue)
                watched.looked_at = now
        lacking = [watched for watched in wait.sensors if not watched.look.met]
        if not lacking:
            return self._out_of_turn(run, wait, group, now)
        self._lacking.append((run, wait))
        looks = [watched.next_at for watched in lacking if watched.poke and watched.waits]
        what = " and ".join(_said(watched) for watched in lacking)
        return say_waiting(what, since=wait.since, next_look=min(looks, default=None))

    def _out_of_turn(self, run: OpenRun, wait: Wait, group: Group, now: datetime) -> str:
        """Why a run that lacks nothing waits: an older one, being looked after, may lack nothing either.

        Answers come in any order. It waits for one answer of each, not until none is under way: with many
        older ones there may always be one.
        """
        asked = wait.there_since = wait.there_since or now
        for other, theirs in self._lacking:
            if _in_one_line(other, run) and not theirs.surely_lacks(now, asked):
                slot = name_slot(other.interval, group.timezone)
                what = f"{slot}, which is older and whose sensors are being looked at"
                return say_waiting(what, since=wait.since, next_look=None)
        return ""

    def given_up(self) -> tuple[GivenUp, ...]:
        """Runs whose time is up."""
        found = []
        for (run_id, _), wait in self._waits.items():
            late = [watched for watched in wait.sensors if watched.expired(wait.since)] if wait.asked else []
            if late:
                hard = [watched for watched in late if not watched.spec.soft_fail]
                chosen = (hard or late)[0]
                after = timedelta(seconds=chosen.spec.timeout or 0)
                reason = f"waited for {_said(chosen)}; gave up after {after}"
                found.append(GivenUp(run_id=run_id, skip=not hard, reason=reason))
        return tuple(found)

    def stale(self) -> tuple[Stale, ...]:
        """Sources that were measured and found too old; one that could not be measured is not among them."""
        return tuple(
            Stale(run_id=run_id, source=watched.spec.target, said=watched.look.said)
            for (run_id, _), wait in self._waits.items()
            for watched in (wait.sensors if wait.asked else ())
            if watched.spec.kind == FRESHNESS and watched.measured and watched.look.denied
        )

    def due(self, now: datetime) -> list[Poke]:
        """Looks whose time has come; each is wanted once, and then expected to be heard of."""
        found = [
            watched
            for _, watched in self._open()
            if watched.poke is not None and not watched.under_way and watched.next_at <= now
        ]
        for watched in found:
            watched.under_way = True
            watched.looked_at = now
        return [watched.poke for watched in found if watched.poke is not None]

    def hear(self, found: Mapping[str, Look], now: datetime) -> bool:
        """Take in what looks have found; whether any of it was still of interest."""
        heard = False
        for key, look in found.items():
            if key not in self._by_key:
                continue
            wait, watched = self._by_key[key]
            watched.under_way, watched.look, watched.heard_at, heard = False, look, now, True
            if look.measured:
                newest = self._measured.setdefault(wait.key, {})
                newest.update({one.unique_id: one for one in look.measured})
            wanted = now + timedelta(seconds=watched.spec.every * (1 + _JITTER * self._jitter()))
            deadline = watched.deadline(wait.since)
            watched.next_at = wanted if deadline is None or deadline <= now else min(wanted, deadline)
        return heard

    def take_measured(self) -> Mapping[tuple[str, int], Sequence[SourceFreshness]]:
        """What looks have measured of sources since the last call, by run and generation."""
        found, self._measured = self._measured, {}
        return {key: tuple(newest.values()) for key, newest in found.items()}

    def next_due(self) -> datetime | None:
        """When the next look is due, or the time of a wait for another group is up."""
        return min(self._moments(), default=None)

    def overdue(self, now: datetime) -> bool:
        """Whether the time of a wait for another group is up, so that the queue has to be reviewed."""
        return any(deadline <= now for deadline in self._ledger_deadlines())

    def _moments(self) -> Iterator[datetime]:
        yield from self._ledger_deadlines()
        for _, watched in self._open():
            if watched.poke is not None and not watched.under_way:
                yield watched.next_at

    def _ledger_deadlines(self) -> Iterator[datetime]:
        for wait, watched in self._open():
            deadline = watched.deadline(wait.since)
            if watched.poke is None and deadline is not None and not watched.expired(wait.since):
                yield deadline

    def _open(self) -> Iterator[tuple[Wait, Watched]]:
        for wait in self._waits.values():
            for watched in wait.sensors if wait.asked else ():
                if not watched.look.met:
                    yield wait, watched

    def _wait(self, run: OpenRun, group: Group, now: datetime) -> Wait:
        key = (run.run_id, run.gen)
        known = self._waits.get(key)
        if known is not None and [watched.spec for watched in known.sensors] == list(group.wait_for):
            return known
        since = known.since if known is not None else waiting_since(run.reason) or now
        before = known.sensors if known is not None else ()
        wait = Wait(
            key=key,
            since=min(since, now),
            sensors=[self._watched(spec, run, group, before, now) for spec in group.wait_for],
        )
        self._waits[key] = wait
        for watched in wait.sensors:
            if watched.poke is not None:
                self._by_key[watched.poke.key] = (wait, watched)
        return wait

    def _watched(
        self, spec: SensorSpec, run: OpenRun, group: Group, before: Sequence[Watched], now: datetime
    ) -> Watched:
        """A sensor of a run; after the project was edited, what is known of it unless it was edited too."""
        for watched in before:
            if watched.spec == spec:
                return watched
        poke = new_poke(spec, run, group)
        return Watched(
            spec=spec,
            poke=None if spec.kind in LEDGER_KINDS else poke,
            what=shown_target(spec, poke.variables),
            next_at=now,
        )


def new_poke(spec: SensorSpec, run: OpenRun, group: Group) -> Poke:
    """A look of one sensor for one run."""
    variables = interval_variables(
        run.interval, group.timetable, timezone=run.timezone, run_id=run.run_id, group=group.name
    )
    return Poke(
        key=f"{run.run_id}:{run.gen}:{secrets.token_hex(6)}",
        spec=spec,
        interval=run.interval,
        timezone=run.timezone,
        variables=variables,
    )


def shown_target(spec: SensorSpec, variables: Mapping[str, str]) -> str:
    """What people read of a sensor: its variables filled in, without the query of an address."""
    try:
        filled = replace(spec, description=fill(spec.description, variables))
        target = fill(spec.target, variables)
    except ConfigError:  # refused where settings are read; another version of sqlorch may have let it pass
        return spec.named(spec.target)
    return filled.named(target if spec.kind == "sql" else target.split("?")[0])


def _in_one_line(older: OpenRun, run: OpenRun) -> bool:
    """Whether one goes after the other; what a person triggers stands in no line."""
    if RunKind.TRIGGERED in (older.kind, run.kind):
        return False
    return (older.group, older.backfill) == (run.group, run.backfill)


def _said(watched: Watched) -> str:
    return f"{watched.what} ({watched.look.said})"


def _random() -> float:
    return secrets.randbelow(2001) / 1000 - 1
