"""What goes wrong with runs while time passes: drivers die, deadlines are missed, limits are exceeded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlorch.domain.describe import compact
from sqlorch.domain.interval import format_instant
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import OpenRun, RunKind
from sqlorch.domain.sla import deadlines
from sqlorch.engine.queue_view import UNDER_WAY, Review
from sqlorch.engine.slot_decider import WHO

if TYPE_CHECKING:
    from sqlorch.domain.group import Group
    from sqlorch.domain.history import Owner
    from sqlorch.domain.snapshot import Snapshot
    from sqlorch.engine.peers import Peers
    from sqlorch.engine.scheduler_store import SchedulerStore

INFRA_BUDGET = 3
"""Times an attempt at a node may be lost in one generation before the node fails (specification 2.6)."""
_REMEMBERED = 10_000
_LATE = timedelta(seconds=60)  # a deadline found missed by more than this was found late


class Watchdog:
    """Watches runs that have not ended.

    Args:
        store: where they are.
        snapshot: the project.
        owner: this process, which takes over what nobody drives.
        is_alive: whether a process still exists.
        since: when this watch began: what was missed before it was found late.
        peers: the daemons beside this one.
    """

    def __init__(
        self,
        *,
        store: SchedulerStore,
        snapshot: Snapshot,
        owner: Owner,
        is_alive: Callable[[Owner], bool],
        since: datetime,
        peers: Peers,
    ) -> None:
        self._store = store
        self.snapshot = snapshot
        self._owner = owner
        self._is_alive = is_alive
        self._since = since
        self._peers = peers
        self._told: set[tuple[str, int, str]] = set()
        self._waiting_since: dict[tuple[str, int], datetime] = {}
        self._ready_since: dict[tuple[str, int], datetime] = {}
        self._driven_since: dict[tuple[str, int], datetime] = {}

    def rescue(self, runs: Mapping[str, OpenRun], now: datetime) -> tuple[str, ...]:
        """Take over runs whose drivers are gone; end those that nobody takes up.

        Returns:
            Every run that was changed.
        """
        orphans = [
            run
            for run in runs.values()
            if run.state in UNDER_WAY and (run.owner is None or not self._is_alive(run.owner))
        ]
        if not orphans:
            return ()
        ended = self._store.abandon_dead(now, self._is_alive)
        return (
            *ended,
            *(run.run_id for run in orphans if run.run_id not in ended and self._take_over(run, now)),
        )

    def _take_over(self, run: OpenRun, now: datetime) -> bool:
        found = self._store.queue.rescue(
            run.run_id,
            gen=run.gen,
            was=run.owner,
            owner=self._owner,
            now=now,
            budget=INFRA_BUDGET,
            keep=self.snapshot.unrepeatable(run.group),
        )
        if found is None:
            return False
        self._driven_since[run.run_id, run.gen] = now
        if found.failed:
            names = sorted(self._name(uid) for uid in found.failed)
            reason = (
                f"{', '.join(names)} was under way when its worker died, and is not tried again by itself"
            )
            self._alert("worker_lost", run, {"reason": reason, "nodes": names}, now)
        return True

    def _name(self, uid: str) -> str:
        return self.snapshot.nodes[uid].name if uid in self.snapshot.nodes else uid

    def adopted(self, runs: Iterable[OpenRun]) -> frozenset[str]:
        """Runs under way that a daemon took over, this one or another, and nobody drives on yet."""
        return frozenset(
            run.run_id
            for run in runs
            if run.state is RunState.RUNNING and run.kind is not RunKind.MANUAL and self._rests(run.owner)
        )

    def _rests(self, owner: Owner | None) -> bool:
        return owner is not None and (owner == self._owner or self._peers.is_daemon(owner))

    def enforce(self, runs: Mapping[str, OpenRun], review: Review, now: datetime) -> bool:
        """Tell of missed deadlines, stop what takes too long, fail what waited too long.

        Returns:
            Whether runs were changed.
        """
        changed = False
        for run, group in self._known(runs):
            self._missed(run, group, now)
            changed |= self._overdue(run, group, now)
        changed |= self._tired_of_waiting(runs, review, now)
        changed |= self._given_up(runs, review, now)
        self._stale(runs, review, now)
        self._stuck(runs, review, now)
        return changed

    def next_due(self, runs: Mapping[str, OpenRun], now: datetime) -> datetime | None:
        """The next instant at which something here may have to be done, if nothing else happens."""
        moments = [
            moment for run, group in self._known(runs) for moment in self._moments(run, group) if moment > now
        ]
        return min(moments, default=None)

    def _moments(self, run: OpenRun, group: Group) -> Iterator[datetime]:
        rules, key = group.rules, (run.run_id, run.gen)
        for deadline in deadlines(run, rules):
            yield deadline.at
        if run.state in UNDER_WAY and rules.run_timeout is not None:
            yield self._driven(run) + timedelta(seconds=rules.run_timeout)
        if key in self._waiting_since and rules.upstream_timeout is not None:
            yield self._waiting_since[key] + timedelta(seconds=rules.upstream_timeout)
        if key in self._ready_since:
            yield self._ready_since[key] + timedelta(seconds=rules.queue_timeout)

    def _known(self, runs: Mapping[str, OpenRun]) -> Iterator[tuple[OpenRun, Group]]:
        groups = self.snapshot.groups
        return ((run, groups[run.group]) for run in runs.values() if run.group in groups)

    def _missed(self, run: OpenRun, group: Group, now: datetime) -> None:
        for deadline in deadlines(run, group.rules):
            if now < deadline.at:
                continue
            verb = "started" if deadline.kind == "start_within" else "finished"
            reason = f"it has not {verb} within {deadline.within} of its interval's end"
            late = deadline.at < self._since or now - deadline.at > _LATE
            payload = {
                "sla": deadline.kind,
                "reason": reason,
                "deadline": deadline.at.isoformat(),
                "late": late,
            }
            self._alert("sla_missed", run, payload, now, about=deadline.kind)

    def _overdue(self, run: OpenRun, group: Group, now: datetime) -> bool:
        limit = group.rules.run_timeout
        if limit is None or run.state is not RunState.RUNNING or run.cancel_requested:
            return False
        if now < self._driven(run) + timedelta(seconds=limit):
            return False
        reason = f"it took longer than its run_timeout, {timedelta(seconds=limit)}"
        return self._store.queue.request_cancel(run.run_id, reason=reason, who=WHO, now=now)

    def _driven(self, run: OpenRun) -> datetime:
        """Since when it is driven: what it waited for a new driver does not count."""
        began = run.started_at or run.created_at
        return max(began, self._driven_since.get((run.run_id, run.gen), began))

    def _tired_of_waiting(self, runs: Mapping[str, OpenRun], review: Review, now: datetime) -> bool:
        """Fail runs whose upstream did not come within the group's ``upstream_timeout``."""
        self._waiting_since = self._since_when(self._waiting_since, runs, review.upstream, now)
        changed = False
        for run, group in self._known({name: runs[name] for name in review.upstream if name in runs}):
            limit = group.rules.upstream_timeout
            since = self._waiting_since[run.run_id, run.gen]
            if limit is None or now < since + timedelta(seconds=limit):
                continue
            reason = f"{review.waiting[run.run_id]}; gave up after {timedelta(seconds=limit)}"
            if self._store.move_run(run.run_id, RunState.QUEUED, RunState.FAILED, now=now, reason=reason):
                self._alert("run_failed", run, {"reason": reason}, now)
                changed = True
        return changed

    def _given_up(self, runs: Mapping[str, OpenRun], review: Review, now: datetime) -> bool:
        """Fail or skip runs whose sensors did not come true within their ``timeout``."""
        changed = False
        for given in review.given_up:
            run = runs.get(given.run_id)
            after = RunState.SKIPPED if given.skip else RunState.FAILED
            if run is None or not self._store.move_run(
                run.run_id, RunState.QUEUED, after, now=now, reason=given.reason
            ):
                continue
            kind = "slot_skipped" if given.skip else "run_failed"
            bounds = f"{format_instant(run.interval.start)}/{format_instant(run.interval.end)}"
            self._alert(kind, run, {"reason": given.reason, "bounds": bounds}, now)
            changed = True
        return changed

    def _stale(self, runs: Mapping[str, OpenRun], review: Review, now: datetime) -> None:
        """Tell of sources that are too old, once for each run that waits for them."""
        for stale in review.stale:
            run = runs.get(stale.run_id)
            if run is not None:
                payload = {"source": stale.source, "reason": f"{stale.source} ({stale.said})"}
                self._alert("freshness_stale", run, payload, now, about=stale.source)

    def _stuck(self, runs: Mapping[str, OpenRun], review: Review, now: datetime) -> None:
        """Tell when the run in front could have started long ago, and nothing is under way either."""
        head = [candidate.run.run_id for candidate in review.ready[:1] if not candidate.resume]
        busy = any(run.state in UNDER_WAY for run in runs.values())
        self._ready_since = self._since_when(self._ready_since, runs, () if busy else head, now)
        for run, group in self._known({name: runs[name] for name in head if not busy}):
            limit = timedelta(seconds=group.rules.queue_timeout)
            if now >= self._ready_since[run.run_id, run.gen] + limit:
                self._alert("run_stuck", run, {"reason": f"it could have started {limit} ago"}, now)

    @staticmethod
    def _since_when(
        before: Mapping[tuple[str, int], datetime],
        runs: Mapping[str, OpenRun],
        names: Iterable[str],
        now: datetime,
    ) -> dict[tuple[str, int], datetime]:
        keys = [(name, runs[name].gen) for name in names if name in runs]
        return {key: before.get(key, now) for key in keys}

    def _alert(
        self, kind: str, run: OpenRun, payload: Mapping[str, Any], now: datetime, *, about: str = ""
    ) -> None:
        key = (run.run_id, run.gen, f"{kind}:{about}")
        if key in self._told:
            return
        group = self.snapshot.groups.get(run.group)
        facts = {
            "run_id": run.run_id,
            "group": run.group,
            "interval": compact(run.interval, run.timezone),
            "owner": group.owner if group else "",
        }
        dedupe = ":".join(filter(None, [kind, run.run_id, about or str(run.gen)]))
        self._store.alerts.raise_alert(dedupe, kind, {**facts, **payload}, now=now)
        if len(self._told) >= _REMEMBERED:
            self._told.clear()  # the outbox knows what was told; this only spares asking it
        self._told.add(key)
