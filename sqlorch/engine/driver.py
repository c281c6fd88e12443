"""Drive one run to its end: open it, let its loop work, write down how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.frontier import Frontier
from sqlorch.domain.history import RunRecord
from sqlorch.domain.run import NodeState, RunSpec, RunState
from sqlorch.engine.ports import RunContext, WarehouseSession
from sqlorch.engine.run_loop import CANCEL_AGAIN, Crew, RunLoop

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
        """Take a queued run to a terminal state.

        Args:
            spec: the run, already in the store as ``queued``.
            states: for a rerun, the states of the nodes that keep what they have.
            blocked: nodes that must not start, with the reason (a failure in another group).

        Returns:
            The run as stored at its end.

        Raises:
            SqlorchError: the run could not be opened; it is stored as failed, its nodes as cancelled.
        """
        crew = self.crew
        crew.store.move_run(
            spec.run_id, RunState.QUEUED, RunState.RUNNING, now=crew.clock.now(), owner=crew.owner
        )
        crew.listener.run_started(spec)
        frontier = Frontier(spec.nodes, states)
        try:
            context = self._open(spec, frontier)
        except SqlorchError as error:
            if crew.stop.requested:  # what a driver makes of the interruption is an error like any other
                self._interrupted(spec, frontier)
                raise KeyboardInterrupt from error
            self._abort(spec, frontier, str(error))
            raise
        with ThreadPoolExecutor(self.session.threads, thread_name_prefix="node") as pool:
            loop = RunLoop(
                crew=crew,
                spec=spec,
                frontier=frontier,
                context=context,
                pool=pool,
                threads=self.session.threads,
            )
            loop.run(blocked or {})
        return self._end(spec, loop, context)

    def _open(self, spec: RunSpec, frontier: Frontier) -> RunContext:
        """Open the run in a thread of its own, so that a stop can interrupt a hook that takes long."""
        todo = [uid for uid, state in frontier.states.items() if not state.terminal]
        opening = partial(
            self.session.open_run,
            run_id=spec.run_id,
            interval=spec.interval,
            variables=spec.variables,
            nodes=todo,
            target_path=self.crew.run_dir(spec.run_id) / "target",
            full_refresh=bool(spec.invocation.get("full_refresh")),
        )
        inbox: SimpleQueue[object] = SimpleQueue()
        self.crew.stop.subscribe(inbox)
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="opening") as pool:
                future = pool.submit(copy_context().run, opening)
                future.add_done_callback(inbox.put)
                self._wait(future, inbox)
            return future.result()
        finally:
            self.crew.stop.unsubscribe(inbox)

    def _wait(self, future: Future[RunContext], inbox: SimpleQueue[object]) -> None:
        while not future.done():
            with suppress(Empty):
                inbox.get(timeout=CANCEL_AGAIN if self.crew.stop.requested else None)
            if self.crew.stop.requested and not future.done():
                self.session.interrupt()

    def _abort(self, spec: RunSpec, frontier: Frontier, reason: str) -> None:
        store, now = self.crew.store, self.crew.clock.now()
        store.step(spec.run_id, now=now, moves=frontier.cancel_rest(reason="the run could not start"))
        store.move_run(spec.run_id, RunState.RUNNING, RunState.FAILED, now=now, reason=reason)
        self.crew.listener.run_finished(store.run(spec.run_id))

    def _interrupted(self, spec: RunSpec, frontier: Frontier) -> None:
        store, now, reason = self.crew.store, self.crew.clock.now(), "interrupted"
        store.step(spec.run_id, now=now, moves=frontier.cancel_rest(reason=reason))
        store.move_run(spec.run_id, RunState.RUNNING, RunState.CANCELLING, now=now)
        store.move_run(spec.run_id, RunState.CANCELLING, RunState.CANCELLED, now=now, reason=reason)
        self.crew.listener.run_finished(store.run(spec.run_id))

    def _end(self, spec: RunSpec, loop: RunLoop, context: RunContext) -> RunRecord:
        trouble = context.finish(loop.results)
        store, now = self.crew.store, self.crew.clock.now()
        if loop.cancelling:
            store.move_run(
                spec.run_id, RunState.CANCELLING, RunState.CANCELLED, now=now, reason="interrupted"
            )
        else:
            failed = not _NOT_GOOD.isdisjoint(loop.frontier.states.values())
            after = RunState.FAILED if failed or trouble else RunState.SUCCESS
            store.move_run(spec.run_id, RunState.RUNNING, after, now=now, reason=trouble)
        record = store.run(spec.run_id)
        self.crew.listener.run_finished(record)
        return record
