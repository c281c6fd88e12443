"""The loop of one run: start what may start, write down what happened, try again what is worth it.

One thread owns every field here; workers only put finished work into the inbox. Whatever arrived together is
written in one transaction, together with what it sets free, before anything new starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue

from sqlorch.domain.errors import StateError
from sqlorch.domain.frontier import Frontier
from sqlorch.domain.history import AttemptRecord, NodeMove
from sqlorch.domain.lengths import spell_seconds
from sqlorch.domain.lost import FAIL, LOST_BUDGET, unsafe
from sqlorch.domain.retry import retry_delay
from sqlorch.domain.run import ErrorClass, NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.engine.crew import Crew
from sqlorch.engine.dispatch import Dispatcher
from sqlorch.engine.live import LiveAttempt, LiveAttempts
from sqlorch.engine.ports import RunContext
from sqlorch.engine.watch import Ending, Watch

CANCEL_AGAIN = 0.5  # seconds: a query may begin just after the first cancel
_ROOM_AGAIN = 0.25  # seconds between two looks whether another process has made room
_IDLE = 3600.0  # seconds: nothing is due; a result or a stop wakes the loop
_NOT_EXECUTED = frozenset({NodeState.UPSTREAM_FAILED, NodeState.CANCELLED, NodeState.SKIPPED})


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What one turn of the loop will write in one transaction."""

    results: list[tuple[AttemptRecord, NodeResult]] = field(default_factory=list)
    moves: list[NodeMove] = field(default_factory=list)


class RunLoop:
    """See the module. ``results`` and ``ending`` are read by the driver when :meth:`run` is over.

    ``ending`` says why the run ended before its nodes had, and is None otherwise. A run that was suspended
    has none either; some of its nodes are not terminal then.

    Args:
        crew: the store, the clock and the rest.
        spec: the run.
        frontier: its nodes and their states.
        context: what executes them.
        pool: threads to execute them in.
        threads: how many of these.
        watch: whether the run is to go on.
        failures: transient errors of this generation so far, by node, for a run that is taken up again.
    """

    def __init__(
        self,
        *,
        crew: Crew,
        spec: RunSpec,
        frontier: Frontier,
        context: RunContext,
        pool: ThreadPoolExecutor,
        threads: int,
        watch: Watch,
        failures: Mapping[str, int],
    ) -> None:
        self.frontier = frontier
        self.results: list[NodeResult] = []
        self.ending: Ending | None = None
        self._crew = crew
        self._spec = spec
        self._context = context
        self._pool = pool
        self._threads = threads
        self._watch = watch
        self._nodes: Mapping[str, NodeSpec] = {node.unique_id: node for node in spec.nodes}
        self._inbox: SimpleQueue[object] = SimpleQueue()
        self._live = LiveAttempts()
        self._dispatcher = Dispatcher(frontier, crew.pools, self._nodes)
        self._retries: dict[str, float] = {}
        self._failures = dict(failures)
        self._losses: dict[str, int] = {}
        self._halted = False
        self._look_for_room_at: float | None = None

    def run(self, blocked: Mapping[str, str]) -> None:
        """Work until every node is terminal, or the run is to rest or is no longer ours and nothing is live.

        Args:
            blocked: nodes that must not start, with the reason.
        """
        batch = _Batch()
        for uid, reason in blocked.items():
            batch.moves += self._told(self.frontier.block(uid, reason=reason))
        batch.moves += self._told(self.frontier.start())
        for source in (self._crew.stop, self._crew.pools):
            source.subscribe(self._inbox)
        try:
            self._look_after(batch)  # much may have happened while the run was being opened
            self._write(batch)
            while not self._over():
                self._write(self._turn())
        finally:
            for source in (self._crew.stop, self._crew.pools):
                source.unsubscribe(self._inbox)

    def cut(self) -> None:
        """Stop what is live and wait until it has ended; for when the run cannot be driven on from here."""
        while self._live:
            self._context.cancel()
            with suppress(Empty):
                item = self._inbox.get(timeout=CANCEL_AGAIN)
                if isinstance(item, NodeResult):
                    self._live.end(item.unique_id)

    def _over(self) -> bool:
        leaving = self._resting_from is not None or (self.ending is not None and self.ending.state is None)
        return self.frontier.done or (leaving and not self._live)

    @property
    def _resting_from(self) -> float | None:
        """When what is live is cut so that the run comes to rest; None while it is to go on."""
        return None if self.ending is not None else self._crew.stop.suspended_from

    def _turn(self) -> _Batch:
        batch = _Batch()
        for item in self._arrivals():
            if isinstance(item, NodeResult):
                self._finish(item, batch)
        self._look_after(batch)
        return batch

    def _look_after(self, batch: _Batch) -> None:
        ending = self._watch.ending()
        if ending is not None:
            self._begin_ending(ending, batch)
        now = self._crew.clock.monotonic()
        if self._resting_from is not None and now >= self._resting_from:
            self._context.cancel()
        overdue = self._live.overdue(now)
        if overdue:
            self._context.cancel(overdue)
        for live in self._live.slow(now):
            self._warn_of_slowness(live)
        self._wake_retries(batch, now)

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
        rest = self._resting_from
        moments = [now + _IDLE, *self._retries.values(), *self._live.moments()]
        moments += [at for at in (self._watch.due, rest) if at is not None and at > now]
        moments += [self._look_for_room_at] if self._look_for_room_at is not None else []
        if self.ending or self._halted or self._live.cutting or (rest is not None and rest <= now):
            moments.append(now + CANCEL_AGAIN)
        return max(0.0, min(moments) - now)

    def _write(self, batch: _Batch) -> None:
        if self.ending is not None and self.ending.state is None:
            return  # what another process drives now is not ours to write
        chosen = self._choose(batch)
        if not (batch.results or batch.moves or chosen):
            return
        held: list[str] = []
        try:
            while batch.results or batch.moves or chosen:
                held += self._step(batch, chosen)
                batch = _Batch()
                # those that are held back by other processes must not hold back the ones behind them
                chosen = self._dispatcher.choose(self._threads - len(self._live)) if held else []
        except StateError:
            self._dispatcher.give_back(chosen)
            ending = self._watch.taken_over()
            if ending is None:
                raise
            self._begin_ending(ending, batch)
        self._dispatcher.put_back(held)
        self._look_for_room_at = self._crew.clock.monotonic() + _ROOM_AGAIN if held else None

    def _choose(self, batch: _Batch) -> list[str]:
        look_at, self._look_for_room_at = self._look_for_room_at, None
        if self.ending or self._halted or self._resting_from is not None:
            return []
        early = look_at is not None and self._crew.clock.monotonic() < look_at
        if early and not (batch.results or batch.moves):
            self._look_for_room_at = look_at
            return []
        return self._dispatcher.choose(self._threads - len(self._live))

    def _step(self, batch: _Batch, chosen: list[str]) -> list[str]:
        """Write it all in one transaction, and start what may start; returns the chosen that may not."""
        attempts = self._crew.store.step(
            self._spec.run_id,
            now=self._crew.clock.now(),
            results=batch.results,
            moves=self._dispatcher.explained(batch.moves, chosen),
            dispatch=chosen,
            limits=self._crew.pools.limits,
        )
        for attempt in attempts:
            self._start(attempt)
        started = {attempt.unique_id for attempt in attempts}
        return [uid for uid in chosen if uid not in started]

    def _start(self, attempt: AttemptRecord) -> None:
        uid = attempt.unique_id
        self._live.add(self._nodes[uid], attempt, now=self._crew.clock.monotonic())
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
        live = self._live.end(uid)
        self._dispatcher.give_back([uid])
        result = self._as_told(live, result)
        batch.results.append((live.attempt, result))
        self.results.append(result)
        retry_in: float | None = None
        if result.outcome.ok:
            batch.moves += self._following(self.frontier.succeed(uid))
        elif self._cut_short(result):
            retry_in = 0.0
            batch.moves += self.frontier.retry_later(uid, reason="cut short; it is executed again")
        elif self.ending or result.outcome is Outcome.CANCELLED:
            batch.moves += self._give_up(uid)
        elif result.outcome is Outcome.LOST:
            retry_in = self._after_loss(uid, result, batch)
        else:
            retry_in = self._retry_in(uid, result)
            batch.moves += self._fail(uid, result) if retry_in is None else self._retry(uid, retry_in)
        self._crew.listener.node_finished(self._spec.run_id, uid, live.attempt.n, result, retry_in)

    def _as_told(self, live: LiveAttempt, result: NodeResult) -> NodeResult:
        """A result as it is remembered: with what only the run knows of it."""
        if live.timed_out and not result.outcome.ok:
            return replace(
                result,
                outcome=Outcome.ERROR,
                error_class=ErrorClass.TRANSIENT,
                message=f"timed out after {live.node.timeout:g} s",
            )
        if result.outcome is Outcome.LOST and live.node.on_lost == FAIL:
            harm = unsafe(self._spec.interval, self._spec.timezone)
            return replace(result, message=f"{result.message}; {harm}")
        return result

    def _cut_short(self, result: NodeResult) -> bool:
        """Whether it was cancelled for no other reason than that the run is to rest."""
        resting = self._resting_from is not None and not self._halted
        return resting and result.outcome is Outcome.CANCELLED

    def _after_loss(self, uid: str, result: NodeResult, batch: _Batch) -> float | None:
        """The process that executed the node has died: the node is not to blame, so no retry is used up.

        Returns:
            Seconds until it is executed again, None when it is not (:mod:`sqlorch.domain.lost`).
        """
        times = self._losses[uid] = self._losses.get(uid, 0) + 1
        why = result.message
        safe = self._nodes[uid].on_lost != FAIL
        if safe and times > LOST_BUDGET:
            why = f"{why}; lost {times} times, which is one too many"
        elif safe and not self._halted:
            batch.moves += self._retry(uid, 0.0)
            return 0.0
        batch.moves += self._fail(uid, replace(result, message=why))
        return None

    def _retry_in(self, uid: str, result: NodeResult) -> float | None:
        policy = self._nodes[uid].retry
        failures = self._failures[uid] = self._failures.get(uid, 0) + 1
        if result.error_class is not ErrorClass.TRANSIENT or failures > policy.retries or self._halted:
            return None
        return retry_delay(policy, key=f"{self._spec.run_id}/{uid}", failures=failures)

    def _retry(self, uid: str, delay: float) -> list[NodeMove]:
        self._retries[uid] = self._crew.clock.monotonic() + delay
        when = f"in {delay:.1f} s" if delay else "at once"
        return self.frontier.retry_later(uid, reason=f"next attempt {when}")

    def _fail(self, uid: str, result: NodeResult) -> list[NodeMove]:
        moves = self._following(self.frontier.fail(uid, reason=result.message))
        return [*moves, *self._halt("fail-fast")] if self._crew.fail_fast else moves

    def _give_up(self, uid: str) -> list[NodeMove]:
        reason = "fail-fast" if self._halted else "interrupted"
        return self._following(
            self.frontier.cancel(uid, reason=self.ending.reason if self.ending else reason)
        )

    def _halt(self, reason: str) -> list[NodeMove]:
        self._halted = True
        self._retries.clear()
        self._context.cancel()
        return self._told(self.frontier.cancel_rest(reason=reason))

    def _begin_ending(self, ending: Ending, batch: _Batch) -> None:
        self._context.cancel()
        if self.ending is not None:
            return
        self.ending = ending
        self._retries.clear()
        if ending.state is RunState.CANCELLED:
            now = self._crew.clock.now()
            self._crew.store.move_run(self._spec.run_id, RunState.RUNNING, RunState.CANCELLING, now=now)
        moves = self.frontier.cancel_rest(reason=ending.reason)
        if ending.state is not None:
            batch.moves += self._told(moves)

    def _wake_retries(self, batch: _Batch, now: float) -> None:
        if self._resting_from is not None:
            return
        for uid in [uid for uid, moment in self._retries.items() if moment <= now]:
            del self._retries[uid]
            batch.moves += self.frontier.retry_now(uid)

    def _warn_of_slowness(self, live: LiveAttempt) -> None:
        expected = live.node.expected_runtime or 0.0
        message = f"takes longer than the {spell_seconds(expected)} it is expected to"
        run_id, uid = self._spec.run_id, live.node.unique_id
        self._crew.listener.warned(run_id, uid, message)
        if self._crew.alerts is not None:
            self._crew.alerts.raise_alert(
                f"node_slow/{run_id}/{live.attempt.gen}/{uid}",
                "node_slow",
                {"run_id": run_id, "node": uid, "group": self._spec.group, "expected_seconds": expected},
                now=self._crew.clock.now(),
            )

    def _following(self, moves: list[NodeMove]) -> list[NodeMove]:
        """The move of a node that has ended, told by its result, and those it brought about."""
        self._told(moves[1:])
        return moves

    def _told(self, moves: list[NodeMove]) -> list[NodeMove]:
        for move in moves:
            if move.after in _NOT_EXECUTED:
                self._crew.listener.node_skipped(self._spec.run_id, move.unique_id, move.reason)
        return moves
