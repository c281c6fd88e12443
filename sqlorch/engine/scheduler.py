"""The tick: one look at clocks, groups, events, backfills and runs, and everything that follows from it.

The scheduler never sleeps, starts nothing and reads no clock but the one it is given. What it decides is
written to the store at once; what may start is handed back. So it can be killed at any line, and several may
run over one store: whatever another one was quicker with is refused by the store and seen at the next tick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlorch.domain.catchup import initial_cursor
from sqlorch.domain.errors import StateError
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import Enrolment, GroupState, GroupStatus
from sqlorch.domain.snapshot import Snapshot, spec_hash
from sqlorch.engine.agenda import Agenda
from sqlorch.engine.backfill_feed import BackfillFeed
from sqlorch.engine.clock_guard import ClockGuard
from sqlorch.engine.dataset_trigger import DatasetTrigger
from sqlorch.engine.fairness import Fairness
from sqlorch.engine.peers import Alone
from sqlorch.engine.promotion import Promotion
from sqlorch.engine.queue_view import Candidate, Queue, Review
from sqlorch.engine.sensing import Sensing
from sqlorch.engine.slot_decider import SlotDecider
from sqlorch.engine.upstream_watch import UpstreamWatch
from sqlorch.engine.watchdog import Watchdog

if TYPE_CHECKING:
    from sqlorch.domain.history import Owner
    from sqlorch.domain.sensor import Look
    from sqlorch.engine.peers import Peers
    from sqlorch.engine.ports import Clock
    from sqlorch.engine.scheduler_store import SchedulerStore

_ROUNDS = 10
_ENROLLED = 500  # groups enrolled in one transaction
_GUARDED = timedelta(seconds=5)  # how often a clock that is not trusted is looked at
_ALONE = Alone()
_AGAIN = timedelta(minutes=1)  # until a group that could not be decided is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class TickReport:
    """What a tick did and found.

    Attributes:
        guard: why nothing was decided (the clock), ``""`` when it was.
        created: ids of the runs queued by schedule, events and backfills.
        skipped: slots recorded as skipped, by group.
        held: groups that were held, with the reason.
        rescued: runs taken over from dead drivers.
        ready: runs that may start, the one to start first in front.
        waiting: what every other queued run waits for.
        next_due: when to look again if nothing happens before; in the past when there is more to do.
    """

    guard: str = ""
    created: tuple[str, ...] = ()
    skipped: Mapping[str, int]
    held: Mapping[str, str]
    rescued: tuple[str, ...] = ()
    ready: tuple[Candidate, ...] = ()
    waiting: Mapping[str, str]
    next_due: datetime | None = None


@dataclass(slots=True, kw_only=True)
class _Made:
    """What one tick has decided so far."""

    created: list[str]
    skipped: dict[str, int]
    held: dict[str, str]


class _Services:
    """What decides about one snapshot."""

    def __init__(
        self, store: SchedulerStore, snapshot: Snapshot, fairness: Fairness, sensing: Sensing
    ) -> None:
        self.decider = SlotDecider(store, snapshot)
        self.datasets = DatasetTrigger(store, snapshot)
        self.feed = BackfillFeed(store, snapshot)
        self.promotion = Promotion(
            store=store,
            snapshot=snapshot,
            upstream=UpstreamWatch(store, snapshot),
            fairness=fairness,
            sensing=sensing,
        )


class Scheduler:
    """Decides what runs when.

    Args:
        store: everything remembered.
        clock: for jumps of the wall clock; its monotonic time should go on while the machine sleeps.
        owner: this process, which takes over runs of dead ones.
        is_alive: whether a process still exists.
        now: when this scheduler begins: what falls due from now on is not missed.
        snapshot: the project, see :meth:`load`.
        peers: the daemons beside this one.

    Attributes:
        sensing: what queued runs wait for outside; whoever owns the scheduler sees to the looks.
    """

    def __init__(
        self,
        *,
        store: SchedulerStore,
        clock: Clock,
        owner: Owner,
        is_alive: Callable[[Owner], bool],
        now: datetime,
        snapshot: Snapshot,
        peers: Peers = _ALONE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._peers = peers
        self._began = now
        self._fairness = Fairness()
        self.sensing = Sensing()
        self._agenda = Agenda()
        self._groups: dict[str, GroupState] = {}
        self._version: int | None = None
        self._queue = Queue(runs=(), groups={}, backfills={})
        self._review = Review(waiting={})
        self._looked_at: datetime | None = None
        self._guard = ClockGuard(_last_beat(store))
        self._watchdog = Watchdog(
            store=store, snapshot=snapshot, owner=owner, is_alive=is_alive, since=now, peers=peers
        )
        store.schedule.watch(now)
        self.load(snapshot, now)

    def load(self, snapshot: Snapshot, now: datetime) -> None:
        """Take up a new snapshot: enrol groups seen for the first time, note changed schedules.

        A cursor stays where it is, so a changed schedule leaves no gap and no overlap. A group that is gone
        is no longer scheduled; what is queued of it waits for it to come back.
        """
        self._snapshot = snapshot
        self._services = _Services(self._store, snapshot, self._fairness, self.sensing)
        self._watchdog.snapshot = snapshot
        self._groups = dict(self._store.schedule.groups())
        new = [one for name in snapshot.groups if (one := self._enrolment(name, now)) is not None]
        for place in range(0, len(new), _ENROLLED):
            some = new[place : place + _ENROLLED]
            self._groups |= self._store.schedule.enrol_all(some, watched_since=self._began, now=now)
        for name in self._groups:
            self._schedule(name)
        self._version = None

    def tick(self, now: datetime) -> TickReport:
        """Do everything that is to be done now."""
        made = _Made(created=[], skipped={}, held={})
        guard = self._check_clock(now) or self._peers.distrusted
        changed = self._refresh()
        rescued = self._watchdog.rescue(self._queue.by_id, now)
        decided = not guard and self._decide_due(made, now)
        if decided or rescued:
            self._read_queue()
        if not guard and (changed or decided or rescued):
            for _ in range(_ROUNDS):  # what follows may let something else follow
                if not self._follow(made, now):
                    break
                self._read_queue()
        if self._looked_at is None or self._deadline_passed(now):
            self._look(now)
        return TickReport(
            guard=guard,
            created=tuple(made.created),
            skipped=made.skipped,
            held=made.held,
            rescued=rescued,
            ready=self._review.ready,
            waiting=self._review.waiting,
            next_due=now + _GUARDED if guard else self._next_due(now),
        )

    def hear(self, found: Mapping[str, Look], now: datetime) -> None:
        """Take in what looks of sensors have found; the next tick concludes from it."""
        if self.sensing.hear(found, now):
            self._looked_at = None
        for (run_id, gen), measured in self.sensing.take_measured().items():
            self._store.freshness.keep(run_id, gen, measured)

    def _check_clock(self, now: datetime) -> str:
        verdict = self._guard.check(now, self._clock.monotonic())
        if verdict.accepted:
            self._store.schedule.watch(now)  # nobody watched in the time the clock leapt over
        if verdict.reason:
            payload = {"reason": verdict.reason}
            self._store.alerts.raise_alert(f"clock:{verdict.key}", "clock_jumped", payload, now=now)
        return verdict.reason

    def _enrolment(self, name: str, now: datetime) -> Enrolment | None:
        """What is to be remembered of a group, None when nothing is new."""
        group, known = self._snapshot.groups[name], self._groups.get(name)
        told = spec_hash(group)
        unchanged = known is not None and known.spec_hash == told
        by_events = bool(group.rules.after) and not group.timetable.scheduled
        if known is not None and known.cursor is not None:
            return None if unchanged else Enrolment(group=name, cursor=known.cursor, spec_hash=told)
        # one started by events begins now: what was finished before does not start it
        cursor = now if by_events else initial_cursor(group.timetable, now)
        return None if unchanged and cursor is None else Enrolment(group=name, cursor=cursor, spec_hash=told)

    def _refresh(self) -> bool:
        """Read what somebody may have changed; False when nobody did."""
        version = (
            self._store.schedule.version()
        )  # before reading: what is written meanwhile is seen next time
        if version == self._version:
            return False
        self._version = version
        for name, state in self._store.schedule.groups().items():
            if self._groups.get(name) != state:
                self._groups[name] = state
                self._schedule(name)
        self._read_queue()
        return True

    def _read_queue(self) -> None:
        runs = self._store.queue.open_runs()
        self._queue = Queue(
            runs=runs,
            groups=self._groups,
            backfills={one.backfill_id: one for one in self._store.backfills.backfills(unfinished=True)},
            adopted=self._watchdog.adopted(runs),
        )
        self._looked_at = None

    def _schedule(self, name: str) -> None:
        state, group = self._groups[name], self._snapshot.groups.get(name)
        due = None
        if group is not None and state.cursor is not None and state.status is GroupStatus.ACTIVE:
            slot = group.timetable.next_slot(state.cursor)
            due = None if slot is None else slot.end
        self._agenda.put(name, due)

    def _decide_due(self, made: _Made, now: datetime) -> bool:
        names = self._agenda.due(now)
        for decided in self._services.decider.decide([self._groups[name] for name in names], now):
            name = decided.state.name
            self._groups[name] = decided.state
            made.created += decided.created
            if decided.skipped:
                made.skipped[name] = decided.skipped
            if decided.held:
                made.held[name] = decided.held
            self._schedule(name)
            if decided.error is not None:
                self._put_off(name, decided.error, now)
        return bool(names)

    def _put_off(self, name: str, error: StateError, now: datetime) -> None:
        """One group that cannot be decided must not keep the others from being decided."""
        payload = {"group": name, "reason": str(error)}
        dedupe = f"undecided:{name}:{self._groups[name].cursor}"
        self._store.alerts.raise_alert(dedupe, "group_undecided", payload, now=now)
        self._agenda.put(name, now + _AGAIN)

    def _follow(self, made: _Made, now: datetime) -> bool:
        """Queue what follows from other runs: of groups driven by events, and of backfills."""
        started = self._services.datasets.trigger(self._groups, self._queue.by_id, now)
        fed = self._services.feed.feed(self._queue.backfills, self._queue.by_id, now)
        made.created += [*started, *fed.created]
        return bool(started) or fed.changed

    def _deadline_passed(self, now: datetime) -> bool:
        if self._looked_at is None or self.sensing.overdue(now):
            return True
        due = self._watchdog.next_due(self._queue.by_id, self._looked_at)
        return due is not None and due <= now

    def _look(self, now: datetime) -> None:
        """Review the queue: who may go, who waits for what, who is late."""
        self._fairness.observe(
            (run.run_id, run.gen) for run in self._queue.runs if run.state is RunState.QUEUED
        )
        self._review = self._services.promotion.review(self._queue, now)
        if self._watchdog.enforce(self._queue.by_id, self._review, now):
            self._read_queue()
            self._review = self._services.promotion.review(self._queue, now)
        self._fairness.offer(candidate.run for candidate in self._review.ready if not candidate.resume)
        if self._peers.leads:  # each would say it in its own words, for ever
            self._store.queue.explain(self._review.waiting, now=now)
        self._looked_at = now

    def _next_due(self, now: datetime) -> datetime | None:
        moments = [
            self._agenda.next(),
            self._watchdog.next_due(self._queue.by_id, now),
            self.sensing.next_due(),
        ]
        return min((moment for moment in moments if moment is not None), default=None)


def _last_beat(store: SchedulerStore) -> datetime | None:
    """When the daemon before this one was last heard of."""
    before = store.daemons.daemon()
    beat = None if before is None else before.get("beat_at")
    return beat if isinstance(beat, datetime) else None
