"""Drive one run to its end: open it, let its loop work, write down how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from sqlorch.domain.condition import unmet
from sqlorch.domain.errors import SqlorchError, StateError
from sqlorch.domain.freshness import FreshnessStatus
from sqlorch.domain.frontier import Frontier
from sqlorch.domain.history import RunRecord
from sqlorch.domain.run import ErrorClass, NodeState, RunSpec, RunState
from sqlorch.engine.attending import Attendance
from sqlorch.engine.crew import Crew
from sqlorch.engine.opening import open_run
from sqlorch.engine.ports import RunContext, WarehouseSession
from sqlorch.engine.run_loop import RunLoop
from sqlorch.engine.watch import Watch

_LAST_STEP = 10.0  # seconds that hooks have at the end of a run which is not to go on
_NOT_GOOD = frozenset({NodeState.FAILED, NodeState.UPSTREAM_FAILED, NodeState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """Drives runs one after the other on a warm session.

    Attributes:
        crew: store, clock, listener and the rest a run needs.
        session: the open project.
    """

    crew: Crew
    session: WarehouseSession

    def drive(
        self,
        spec: RunSpec,
        *,
        states: Mapping[str, NodeState] | None = None,
        blocked: Mapping[str, str] | None = None,
    ) -> RunRecord:
        """Take a run to a terminal state, unless it is suspended or taken over meanwhile.

        Args:
            spec: the run, in the store as ``queued``, or as ``running`` under this crew's owner because it
                was claimed or rescued.
            states: states of the nodes that are not ``waiting``: what a rerun keeps, or how the nodes of a
                rescued run stand. Those up for another attempt get it at once.
            blocked: nodes that must not start, with the reason (a failure in another group).

        Returns:
            The run as stored at its end. It is still ``running`` when it was suspended or is driven by
            another process now; the listener was told.

        Raises:
            ConfigError: a condition of a node cannot be read; nothing was changed.
            StateError: the run cannot be driven from here.
            SqlorchError: the run could not be opened; it is stored as failed, its nodes as cancelled.
        """
        with self.crew.stop.heeded():  # one that came between two steps would leave the run as it stands
            return self._drive(spec, states or {}, blocked or {})

    def _drive(self, spec: RunSpec, states: Mapping[str, NodeState], blocked: Mapping[str, str]) -> RunRecord:
        crew = self.crew
        conditions = ((node.unique_id, node.run_if) for node in spec.nodes)
        skipped = unmet(conditions, spec.interval, timezone=spec.timezone, group=spec.group)
        frontier = Frontier(spec.nodes, states, unmet=skipped)
        watch, failures = self._take(spec)
        crew.listener.run_started(spec)
        attendance = Attendance(crew=crew, session=self.session, watch=watch)
        try:
            todo = [uid for uid, state in frontier.states.items() if not state.terminal]
            context = open_run(spec, todo, attendance)
        except SqlorchError as error:
            return self._not_opened(spec, frontier, attendance, error)
        try:
            self._tell_of_gone_tables(spec, context, attendance)
            stale = self._stale_sources(spec, context, attendance)
        except BaseException:
            context.abandon()
            raise
        with ThreadPoolExecutor(self.session.threads, thread_name_prefix="node") as pool:
            loop = RunLoop(
                crew=crew,
                spec=spec,
                frontier=frontier,
                context=context,
                pool=pool,
                threads=self.session.threads,
                watch=watch,
                failures=failures,
            )
            try:
                loop.run({**stale, **blocked})
            except BaseException:
                loop.cut()
                context.abandon()
                raise
        return self._end(spec, loop, context, attendance, stale)

    def _take(self, spec: RunSpec) -> tuple[Watch, Mapping[str, int]]:
        """Make the run ours, or see that it is; with the transient errors its nodes have had."""
        crew = self.crew
        begun = crew.store.move_run(
            spec.run_id, RunState.QUEUED, RunState.RUNNING, now=crew.clock.now(), owner=crew.owner
        )
        record = crew.store.run(spec.run_id)
        if record.state is not RunState.RUNNING or record.owner != crew.owner:
            raise StateError(f"run {spec.run_id} is {record.state}; this process cannot drive it")
        tried = [] if begun else crew.store.attempts(spec.run_id)
        errors = (a for a in tried if a.gen == record.gen and a.error_class is ErrorClass.TRANSIENT)
        return Watch(crew, spec, record), Counter(attempt.unique_id for attempt in errors)

    def _tell_of_gone_tables(self, spec: RunSpec, context: RunContext, attendance: Attendance) -> None:
        crew = self.crew
        if crew.tables is None or not (asked := crew.tables.asks_about(spec)):
            return
        anew = frozenset(attendance.work(partial(context.made_anew, asked)))
        if attendance.unwanted:
            return
        for unique_id, sentence in crew.tables.heed(spec, anew, now=crew.clock.now()):
            crew.listener.warned(spec.run_id, unique_id, sentence)

    def _stale_sources(self, spec: RunSpec, context: RunContext, attendance: Attendance) -> Mapping[str, str]:
        """Nodes not to be built because of what they read; what is kept and told of sources is by the way."""
        crew = self.crew
        if crew.sources is None:
            return {}
        readings = attendance.work(context.source_freshness)
        if attendance.unwanted:
            return {}  # the queries were cut
        for reading in readings:
            if reading.found.status is not FreshnessStatus.PASS:
                crew.listener.warned(spec.run_id, None, f"source {reading.found}")
        return crew.sources.heed(spec, attendance.watch.gen, readings, now=crew.clock.now())

    def _not_opened(
        self, spec: RunSpec, frontier: Frontier, attendance: Attendance, error: SqlorchError
    ) -> RunRecord:
        """What a driver makes of an interruption is an error like any other, so it is asked why it came."""
        ending = attendance.watch.ending()
        if ending is None and attendance.resting:
            return self._left(spec, "suspended before its first node; it goes on when a worker is back")
        if ending is None:
            self._close(spec, frontier, RunState.FAILED, str(error), nodes="the run could not start")
            raise error
        if ending.state is None:
            return self._left(spec, ending.reason)
        record = self._close(spec, frontier, ending.state, ending.reason, nodes=ending.reason)
        if self.crew.stop.requested:
            raise KeyboardInterrupt from error
        return record

    def _close(
        self, spec: RunSpec, frontier: Frontier, state: RunState, reason: str, *, nodes: str
    ) -> RunRecord:
        """End a run none of whose nodes is live; ``nodes`` is the reason they are told."""
        store, now = self.crew.store, self.crew.clock.now()
        store.step(spec.run_id, now=now, moves=frontier.cancel_rest(reason=nodes))
        if state is RunState.CANCELLED:
            store.move_run(spec.run_id, RunState.RUNNING, RunState.CANCELLING, now=now)
        return self._move_to_end(spec, state, reason)

    def _end(
        self,
        spec: RunSpec,
        loop: RunLoop,
        context: RunContext,
        attendance: Attendance,
        stale: Mapping[str, str],
    ) -> RunRecord:
        ending = attendance.watch.taken_over() or loop.ending
        if ending is not None and ending.state is None:
            context.abandon()
            return self._left(spec, ending.reason)
        if not loop.frontier.done:
            context.abandon()
            return self._left(spec, "suspended; it goes on when a worker is back")
        grace = 0.0 if ending is None else _LAST_STEP
        trouble = attendance.work(partial(context.finish, loop.results), grace=grace)
        if trouble and ending is None:
            return self._not_finished(spec, loop, attendance, trouble)
        if ending is not None and ending.state is not None:
            return self._move_to_end(spec, ending.state, ending.reason)
        if _NOT_GOOD.isdisjoint(loop.frontier.states.values()):
            return self._move_to_end(spec, RunState.SUCCESS, "")
        return self._move_to_end(spec, RunState.FAILED, "; ".join(sorted(set(stale.values()))))

    def _not_finished(self, spec: RunSpec, loop: RunLoop, attendance: Attendance, trouble: str) -> RunRecord:
        """A hook at the end failed: by itself, or because it was interrupted."""
        ending = attendance.watch.ending()
        if ending is None and attendance.resting:
            return self._left(spec, "suspended after its last node; what comes after it is done by a worker")
        if ending is None:
            return self._move_to_end(spec, RunState.FAILED, trouble)
        if ending.state is None:
            return self._left(spec, ending.reason)
        return self._close(spec, loop.frontier, ending.state, ending.reason, nodes=ending.reason)

    def _move_to_end(self, spec: RunSpec, state: RunState, reason: str) -> RunRecord:
        store = self.crew.store
        before = RunState.CANCELLING if state is RunState.CANCELLED else RunState.RUNNING
        now = self.crew.clock.now()
        if not store.move_run(spec.run_id, before, state, now=now, reason=reason):
            return self._left(spec, "its end was not written, because another process has changed it")
        record = store.run(spec.run_id)
        self.crew.listener.run_finished(record)
        return record

    def _left(self, spec: RunSpec, why: str) -> RunRecord:
        """The run as it is, with nothing more written."""
        self.crew.listener.warned(spec.run_id, None, why)
        return self.crew.store.run(spec.run_id)
