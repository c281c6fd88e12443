"""The loop of one run: start what may start, write down what happened, try again what is worth it.

One thread owns every field here; workers only put finished work into the inbox. Whatever arrived together is
written in one transaction, together with what it sets free, before anything new starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue

from sqlorch.domain.frontier import Frontier
from sqlorch.domain.history import AttemptRecord, NodeMove, Owner
from sqlorch.domain.retry import retry_delay
from sqlorch.domain.run import ErrorClass, NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.engine.ports import Clock, Listener, RunContext, RunStore
from sqlorch.engine.stop import Stop

CANCEL_AGAIN = 0.5  # seconds: a query may begin just after the first cancel
_IDLE = 3600.0  # seconds: nothing is due; a result or a stop wakes the loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who works on every run of an invocation.

    Attributes:
        store: where every state is written before anything else happens.
        clock: where now comes from.
        listener: who is told.
        stop: asked between events; a request cancels the run.
        owner: this process, written on each run so that a later one sees whether it is alive.
        run_dir: folder of a run's logs and compiled SQL, by run id.
        fail_fast: stop a run at the first node that fails for good.
    """

    store: RunStore
    clock: Clock
    listener: Listener
    stop: Stop
    owner: Owner
    run_dir: Callable[[str], Path]
    fail_fast: bool = False


@dataclass(slots=True, kw_only=True)
class _Live:
    """An attempt under way."""

    attempt: AttemptRecord
    deadline: float | None
    timed_out: bool = False


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What one turn of the loop will write in one transaction."""

    results: list[tuple[AttemptRecord, NodeResult]] = field(default_factory=list)
    moves: list[NodeMove] = field(default_factory=list)


class RunLoop:
    """See the module. ``results`` and ``cancelling`` are read by the driver when :meth:`run` is over."""

    def __init__(
        self,
        *,
        crew: Crew,
        spec: RunSpec,
        frontier: Frontier,
        context: RunContext,
        pool: ThreadPoolExecutor,
        threads: int,
    ) -> None:
        self.frontier = frontier
        self.results: list[NodeResult] = []
        self.cancelling = False
        self._crew = crew
        self._spec = spec
        self._context = context
        self._pool = pool
        self._threads = threads
        self._nodes: Mapping[str, NodeSpec] = {node.unique_id: node for node in spec.nodes}
        self._inbox: SimpleQueue[object] = SimpleQueue()
        self._live: dict[str, _Live] = {}
        self._retries: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._halted = False

    def run(self, blocked: Mapping[str, str]) -> None:
        """Work until every node is terminal.

        Args:
            blocked: nodes that must not start, with the reason.
        """
        batch = _Batch()
        for uid, reason in blocked.items():
            batch.moves += self._told(self.frontier.block(uid, reason=reason))
        batch.moves += self.frontier.start()
        self._crew.stop.subscribe(self._inbox)
        if self._crew.stop.requested:  # while the run was being opened
            self._begin_cancelling(batch)
        try:
            self._write(batch)
            while self._live or self._retries:
                self._write(self._turn())
        finally:
            self._crew.stop.unsubscribe(self._inbox)

    def _turn(self) -> _Batch:
        batch = _Batch()
        for item in self._arrivals():
            if isinstance(item, NodeResult):
                self._finish(item, batch)
        if self._crew.stop.requested:
            self._begin_cancelling(batch)
        self._enforce_deadlines()
        self._wake_retries(batch)
        return batch

    def _arrivals(self) -> list[object]:
        """Wait for the next event, then take all that came with it."""
        items: list[object] = []
        try:
            items.append(self._inbox.get(timeout=self._patience()))
            while True:
                items.append(self._inbox.get_nowait())
        except Empty:
            return items

    def _patience(self) -> float:
        now = self._crew.clock.monotonic()
        moments = [*self._retries.values(), *(live.deadline for live in self._live.values() if live.deadline)]
        if self.cancelling or self._halted or any(live.timed_out for live in self._live.values()):
            moments.append(now + CANCEL_AGAIN)
        return max(0.0, min([*moments, now + _IDLE]) - now)

    def _write(self, batch: _Batch) -> None:
        dispatch = self._choose()
        if not (batch.results or batch.moves or dispatch):
            return
        attempts = self._crew.store.step(
            self._spec.run_id,
            now=self._crew.clock.now(),
            results=batch.results,
            moves=batch.moves,
            dispatch=dispatch,
        )
        for attempt in attempts:
            self._start(attempt)

    def _choose(self) -> list[str]:
        chosen: list[str] = []
        while len(self._live) + len(chosen) < self._threads and not (self.cancelling or self._halted):
            uid = self.frontier.take()
            if uid is None:
                break
            chosen.append(uid)
        return chosen

    def _start(self, attempt: AttemptRecord) -> None:
        uid = attempt.unique_id
        timeout = self._nodes[uid].timeout
        deadline = None if timeout is None else self._crew.clock.monotonic() + timeout
        self._live[uid] = _Live(attempt=attempt, deadline=deadline)
        self._crew.listener.node_started(self._spec.run_id, uid, attempt.n)
        self._pool.submit(self._work, attempt)

    def _work(self, attempt: AttemptRecord) -> None:
        """Runs in a worker thread. Whatever happens, something arrives in the inbox."""
        began = self._crew.clock.now()
        name = f"{attempt.unique_id}.{attempt.gen}.{attempt.n}.log"
        try:
            log_path = self._crew.run_dir(self._spec.run_id) / "logs" / name
            result = self._context.execute(attempt.unique_id, log_path=log_path)
        except BaseException as error:  # noqa: BLE001 - a lost result would leave the run waiting for ever
            result = NodeResult(
                unique_id=attempt.unique_id,
                outcome=Outcome.ERROR,
                started_at=began,
                finished_at=self._crew.clock.now(),
                message=f"could not be executed: {type(error).__name__}: {error}",
                error_class=ErrorClass.PERMANENT,
            )
        self._inbox.put(result)

    def _finish(self, result: NodeResult, batch: _Batch) -> None:
        uid = result.unique_id
        live = self._live.pop(uid)
        if live.timed_out and not result.outcome.ok:
            result = replace(
                result,
                outcome=Outcome.ERROR,
                error_class=ErrorClass.TRANSIENT,
                message=f"timed out after {self._nodes[uid].timeout:g} s",
            )
        batch.results.append((live.attempt, result))
        self.results.append(result)
        retry_in: float | None = None
        if result.outcome.ok:
            batch.moves += self.frontier.succeed(uid)
        elif self.cancelling or result.outcome is Outcome.CANCELLED:
            batch.moves += self._give_up(uid)
        else:
            retry_in = self._retry_in(uid, result)
            batch.moves += self._fail(uid, result) if retry_in is None else self._retry(uid, retry_in)
        self._crew.listener.node_finished(self._spec.run_id, uid, live.attempt.n, result, retry_in)

    def _retry_in(self, uid: str, result: NodeResult) -> float | None:
        policy = self._nodes[uid].retry
        failures = self._failures[uid] = self._failures.get(uid, 0) + 1
        if result.error_class is not ErrorClass.TRANSIENT or failures > policy.retries or self._halted:
            return None
        return retry_delay(policy, key=f"{self._spec.run_id}/{uid}", failures=failures)

    def _retry(self, uid: str, delay: float) -> list[NodeMove]:
        self._retries[uid] = self._crew.clock.monotonic() + delay
        return self.frontier.retry_later(uid, reason=f"next attempt in {delay:.1f} s")

    def _fail(self, uid: str, result: NodeResult) -> list[NodeMove]:
        moves = self.frontier.fail(uid, reason=result.message)
        self._told(moves[1:])
        return [*moves, *self._halt("fail-fast")] if self._crew.fail_fast else moves

    def _give_up(self, uid: str) -> list[NodeMove]:
        moves = self.frontier.cancel(uid, reason="fail-fast" if self._halted else "interrupted")
        return [*moves, *self._told(self.frontier.block_descendants(uid))]

    def _halt(self, reason: str) -> list[NodeMove]:
        self._halted = True
        self._retries.clear()
        self._context.cancel()
        return self._told(self.frontier.cancel_rest(reason=reason))

    def _begin_cancelling(self, batch: _Batch) -> None:
        self._context.cancel()
        if self.cancelling:
            return
        self.cancelling = True
        self._retries.clear()
        now = self._crew.clock.now()
        self._crew.store.move_run(self._spec.run_id, RunState.RUNNING, RunState.CANCELLING, now=now)
        batch.moves += self._told(self.frontier.cancel_rest(reason="interrupted"))

    def _enforce_deadlines(self) -> None:
        now = self._crew.clock.monotonic()
        for uid, live in self._live.items():
            if live.timed_out or (live.deadline is not None and now >= live.deadline):
                live.timed_out = True
                self._context.cancel([uid])

    def _wake_retries(self, batch: _Batch) -> None:
        now = self._crew.clock.monotonic()
        for uid in [uid for uid, moment in self._retries.items() if moment <= now]:
            del self._retries[uid]
            batch.moves += self.frontier.retry_now(uid)

    def _told(self, moves: list[NodeMove]) -> list[NodeMove]:
        for move in moves:
            if move.after in {NodeState.UPSTREAM_FAILED, NodeState.CANCELLED}:
                self._crew.listener.node_skipped(self._spec.run_id, move.unique_id, move.reason)
        return moves
