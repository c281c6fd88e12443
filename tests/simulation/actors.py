"""Daemons and workers as processes that take one step at a time, and people who interfere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from simulation.leases import Membership, aliveness
from simulation.machine import Machine, Process
from support.scheduling import HOUR, node_result

from sqlorch.domain.backfill import Order
from sqlorch.domain.coverage import Standing, verdict_over
from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.history import AttemptRecord, NodeMove, NodeRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.run import NodeSpec, NodeState, RunSpec, RunState
from sqlorch.domain.scheduling import BackfillState, GroupStatus, NewRun, RunKind
from sqlorch.domain.snapshot import Snapshot
from sqlorch.engine.backfill import Backfills
from sqlorch.engine.backfill_plan import BackfillPlanner, BackfillRequest
from sqlorch.engine.queue_view import Candidate
from sqlorch.engine.scheduler import Scheduler, TickReport

_S = NodeState
_STARTABLE = frozenset({_S.WAITING, _S.READY, _S.UP_FOR_RETRY})


@dataclass(eq=False)
class Daemon:
    """A scheduler in a process, and the workers it has started."""

    process: Process
    scheduler: Scheduler
    member: Membership
    report: TickReport | None = None
    workers: list[Worker] = field(default_factory=list)


@dataclass(eq=False)
class Worker:
    """A process that drives one run; ``step`` goes on to the next point where it may die."""

    process: Process
    run_id: str
    steps: Iterator[str]
    live: AttemptRecord | None = None


def start_daemon(machine: Machine, snapshot: Snapshot) -> Daemon:
    """A daemon begins, as after a crash."""
    process = machine.process()
    machine.daemons.add(process.pid)
    try:
        member = Membership(machine=machine, process=process)
        machine.arm(process)
        scheduler = Scheduler(
            store=process.store,
            clock=machine.clock,
            owner=process.owner,
            is_alive=aliveness(machine, member),
            now=machine.clock.now(),
            snapshot=snapshot,
            peers=member,
        )
    except BaseException:
        machine.kill(process)
        raise
    machine.say(f"daemon {process.pid} begins")
    return Daemon(process=process, scheduler=scheduler, member=member)


def start_worker(machine: Machine, daemon: Daemon, snapshot: Snapshot, candidate: Candidate) -> Worker:
    """A worker is told to drive a run."""
    process = machine.idle.pop() if machine.idle else machine.process()
    worker = Worker(process=process, run_id=candidate.run.run_id, steps=iter(()))
    worker.steps = _drive(machine, worker, daemon, snapshot, candidate)
    daemon.workers.append(worker)
    return worker


def _drive(
    machine: Machine, worker: Worker, daemon: Daemon, snapshot: Snapshot, candidate: Candidate
) -> Iterator[str]:
    store, run_id = worker.process.store, worker.run_id
    if not _take(machine, worker, daemon, snapshot, candidate):
        return
    machine.say(f"worker {worker.process.pid} drives {run_id}")
    yield "CLAIMED"
    while True:
        if store.queue.cancel_requested(run_id):
            _cancel(machine, worker)
            return
        nodes = _nodes(worker, candidate)
        if _block(machine, worker, nodes):
            nodes = _nodes(worker, candidate)
        node = _next_node(nodes)
        if node is None:
            break
        moves = [NodeMove(unique_id=node.unique_id, before=node.state, after=_S.READY)]
        (worker.live,) = store.step(
            run_id,
            now=machine.clock.now(),
            moves=moves if node.state is not _S.READY else [],
            dispatch=[node.unique_id],
        )
        yield "STARTED"
        failed = machine.rng.random() < 0.12 * bool(machine.fault_rate)
        deliver(machine, worker, failed=failed)
        yield "COMPLETED"
        if machine.fault_rate and machine.rng.random() < 0.1:
            _deliver_again(machine, worker, failed=failed)
    states = {node.state for node in nodes}
    ended = RunState.FAILED if states & {_S.FAILED, _S.UPSTREAM_FAILED} else RunState.SUCCESS
    store.move_run(run_id, RunState.RUNNING, ended, now=machine.clock.now())
    machine.say(f"{run_id} {ended}")


def _take(machine: Machine, worker: Worker, daemon: Daemon, snapshot: Snapshot, candidate: Candidate) -> bool:
    queue, run, now = worker.process.store.queue, candidate.run, machine.clock.now()
    if candidate.resume:
        taken = queue.rescue(
            run.run_id,
            gen=run.gen,
            was=run.owner,
            owner=worker.process.owner,
            now=now,
            budget=3,
            keep=snapshot.unrepeatable(run.group),
        )
        return taken is not None
    return queue.claim(
        _spec(worker, snapshot, candidate),
        owner=worker.process.owner,
        now=now,
        max_active=candidate.max_active,
    )


def _spec(worker: Worker, snapshot: Snapshot, candidate: Candidate) -> RunSpec:
    """The nodes that are not done for the interval, and those after them; every group is a chain of two."""
    run = candidate.run
    chain = sorted(snapshot.members(run.group))
    entries = worker.process.store.ledger.entries(chain, run.interval)
    first = 0
    if run.parameters.get("reprocess", "missing") != "all":
        done = [verdict_over(entries.get(uid, ()), run.interval).standing is Standing.DONE for uid in chain]
        first = done.index(False) if False in done else len(chain)
    return RunSpec(
        run_id=run.run_id,
        group=run.group,
        interval=run.interval,
        timezone=run.timezone,
        variables={},
        kind=run.kind,
        nodes=[
            NodeSpec(
                unique_id=uid,
                name=uid,
                kind="model",
                after=frozenset(chain[place - 1 : place]) if place > first else frozenset(),
            )
            for place, uid in list(enumerate(chain))[first:]
        ],
    )


def _nodes(worker: Worker, candidate: Candidate) -> list[NodeRecord]:
    """What this generation is about: nodes of earlier ones that are done by now are left as they were."""
    nodes = worker.process.store.nodes(worker.run_id)
    return [node for node in nodes if node.gen == candidate.run.gen]


def _block(machine: Machine, worker: Worker, nodes: list[NodeRecord]) -> bool:
    """What waits for a node that was given up when its worker died fails with it."""
    failed = {node.unique_id for node in nodes if node.state in {_S.FAILED, _S.UPSTREAM_FAILED}}
    moves = [
        NodeMove(unique_id=node.unique_id, before=node.state, after=_S.UPSTREAM_FAILED)
        for node in nodes
        if node.state is _S.WAITING and node.after & failed
    ]
    if moves:
        worker.process.store.step(worker.run_id, now=machine.clock.now(), moves=moves)
    return bool(moves)


def _next_node(nodes: list[NodeRecord]) -> NodeRecord | None:
    return next((node for node in nodes if node.state in _STARTABLE), None)


def deliver(machine: Machine, worker: Worker, *, failed: bool) -> None:
    """Report the attempt under way; what comes after a failed node fails with it."""
    attempt, store, now = worker.live, worker.process.store, machine.clock.now()
    assert attempt is not None
    after = _S.FAILED if failed else _S.SUCCESS
    moves = [NodeMove(unique_id=attempt.unique_id, before=_S.RUNNING, after=after)]
    if failed:
        moves += [
            NodeMove(unique_id=node.unique_id, before=node.state, after=_S.UPSTREAM_FAILED)
            for node in store.nodes(worker.run_id)
            if node.state is _S.WAITING
        ]
    store.step(
        worker.run_id,
        now=now,
        results=[(attempt, node_result(attempt.unique_id, now, failed=failed))],
        moves=moves,
    )


def _deliver_again(machine: Machine, worker: Worker, *, failed: bool) -> None:
    """The same result a second time; the store keeps it apart and changes nothing."""
    try:
        deliver(machine, worker, failed=failed)
    except SqlorchError as error:
        machine.say(f"a duplicate was refused: {str(error)[:60]}")


def _cancel(machine: Machine, worker: Worker) -> None:
    store, now = worker.process.store, machine.clock.now()
    store.move_run(worker.run_id, RunState.RUNNING, RunState.CANCELLING, now=now)
    moves = [
        NodeMove(unique_id=node.unique_id, before=node.state, after=_S.CANCELLED)
        for node in store.nodes(worker.run_id)
        if not node.state.terminal
    ]
    store.step(worker.run_id, now=now, moves=moves)
    store.move_run(worker.run_id, RunState.CANCELLING, RunState.CANCELLED, now=now)


class People:
    """Those who pause, resume, decide, retry, cancel, trigger and backfill."""

    def __init__(self, machine: Machine, process: Process) -> None:
        self._machine = machine
        self._process = process
        self._asked = 0

    def interfere(self, snapshot: Snapshot) -> None:
        """Do one thing a person may do at any time; a refusal is an answer too."""
        actions = [self.pause, self.resume, self.retry, self.cancel, self.trigger, self.backfill, self.handle]
        action = self._machine.rng.choice(actions)
        self._machine.say(f"a person: {action.__name__}")
        try:
            action(snapshot)
        except SqlorchError as error:
            self._machine.say(f"refused: {str(error)[:80]}")

    @property
    def _rng(self) -> Random:
        return self._machine.rng

    def pause(self, snapshot: Snapshot) -> None:
        self._status(self._rng.choice(list(snapshot.groups)), GroupStatus.PAUSED)

    def resume(self, snapshot: Snapshot) -> None:
        for name, state in self._process.store.schedule.groups().items():
            if state.status is not GroupStatus.ACTIVE:
                self._status(
                    name, GroupStatus.ACTIVE, self._rng.choice(["all", "latest", "coalesce", "none", ""])
                )

    def decide_all(self) -> None:
        """Let everything go on, with whatever was missed."""
        for name, state in self._process.store.schedule.groups().items():
            if state.status is not GroupStatus.ACTIVE:
                self._status(name, GroupStatus.ACTIVE, "all")

    def _status(self, name: str, status: GroupStatus, catchup: str = "") -> None:
        now = self._machine.clock.now()
        self._process.store.schedule.set_status(name, status, reason="", who="ann", now=now, catchup=catchup)

    def retry(self, snapshot: Snapshot) -> None:
        for state in (RunState.FAILED, RunState.CANCELLED, RunState.SUCCESS):
            runs = self._process.store.runs(state=state)
            if runs and self._rng.random() < 0.7:
                self._process.store.queue.requeue(
                    self._rng.choice(runs).run_id, now=self._machine.clock.now()
                )
                return

    def retry_all(self) -> None:
        """Run everything again that did not end well."""
        for state in (RunState.FAILED, RunState.CANCELLED):
            for run in self._process.store.runs(state=state):
                self._process.store.queue.requeue(run.run_id, now=self._machine.clock.now())

    def cancel(self, snapshot: Snapshot) -> None:
        runs = self._process.store.queue.open_runs()
        if runs:
            self._process.store.queue.request_cancel(
                self._rng.choice(runs).run_id, reason="", who="ann", now=self._machine.clock.now()
            )

    def trigger(self, snapshot: Snapshot) -> None:
        self._asked += 1
        now = self._machine.clock.now()
        begin = now.replace(minute=0, second=0, microsecond=0) - self._rng.randint(1, 20) * HOUR
        run = NewRun(
            run_id=f"manual-{self._asked}",
            group=self._rng.choice(list(snapshot.groups)),
            kind=RunKind.TRIGGERED,
            interval=Interval(begin, begin + HOUR),
            timezone="UTC",
            due_at=now,
            trigger_key=f"manual:{self._asked}",
        )
        self._process.store.queue.enqueue(run, now=now)

    def backfill(self, snapshot: Snapshot) -> None:
        now = self._machine.clock.now()
        begin = now - self._rng.randint(3, 40) * HOUR
        request = BackfillRequest(
            group=self._rng.choice(list(snapshot.groups)),
            span=Interval(begin, begin + self._rng.randint(2, 30) * HOUR),
            reprocess=self._rng.choice(list(Reprocess)),
            order=self._rng.choice(list(Order)),
            parallel=self._rng.randint(1, 3),
            cascade=self._rng.random() < 0.4,
        )
        store = self._process.store
        made = Backfills(store).submit(
            BackfillPlanner(store, snapshot).plan(request, now), who="ann", now=now
        )
        self._machine.say(f"backfills {made} of {request.group} {request.span}")

    def handle(self, snapshot: Snapshot) -> None:
        backfills = Backfills(self._process.store)
        for one in self._process.store.backfills.backfills(unfinished=True):
            action = self._rng.choice([backfills.pause, backfills.resume, backfills.cancel])
            action(one.backfill_id, who="ann", now=self._machine.clock.now())

    def resume_backfills(self) -> None:
        """Let every paused backfill go on."""
        for one in self._process.store.backfills.backfills(unfinished=True):
            if one.state is BackfillState.PAUSED:
                Backfills(self._process.store).resume(
                    one.backfill_id, who="ann", now=self._machine.clock.now()
                )


QUIET = timedelta(minutes=7)
