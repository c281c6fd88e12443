"""Small projects to be scheduled, a clock of one's own, and a worker that executes in no time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event

from sqlorch.domain.catchup import CatchupPolicy
from sqlorch.domain.group import Group, RunRules, ScheduleKeys
from sqlorch.domain.history import AttemptRecord, NodeMove, Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import ErrorClass, NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.domain.scheduling import Slot, SlotStatus
from sqlorch.domain.snapshot import Snapshot, SnapshotNode
from sqlorch.engine.scheduler import Scheduler, TickReport
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 1, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_S = NodeState


def at(days: float = 0, hours: float = 0) -> datetime:
    """An instant after the first one."""
    return T0 + timedelta(days=days, hours=hours)


def span(first: float, last: float) -> Interval:
    """Days from the first instant on."""
    return Interval(at(first), at(last))


def group(
    name: str, schedule: str | None = "@daily", *, batch: int = 1, start: Any = T0, **more: Any
) -> Group:
    """A group from its schedule keys and its rules, told apart by name."""
    names = {key.name for key in ScheduleKeys.__dataclass_fields__.values()}
    said = {key: value for key, value in more.items() if key in names}
    others = {key: value for key, value in more.items() if key not in names}
    rules = RunRules(**others | {"catchup": CatchupPolicy(others.get("catchup", "all"))})
    keys = ScheduleKeys(
        schedule=(schedule,) if schedule else None,
        start=start if schedule or "every" in said else None,
        **said,
    )
    return Group(name=name, timetable=keys.timetable("UTC"), keys=keys, rules=rules, batch=batch)


def model(name: str, group: str, *parents: str, **more: Any) -> SnapshotNode:
    """A model; parents by name."""
    return SnapshotNode(
        unique_id=uid(name),
        name=name,
        kind="model",
        group=group,
        parents=frozenset(map(uid, parents)),
        **more,
    )


def uid(name: str) -> str:
    """The unique id of a model."""
    return f"model.p.{name}"


def project(*parts: Group | SnapshotNode) -> Snapshot:
    """A snapshot of groups and nodes; a group without nodes gets one model named like it."""
    groups = {part.name: part for part in parts if isinstance(part, Group)}
    nodes = {part.unique_id: part for part in parts if isinstance(part, SnapshotNode)}
    for name in groups:
        if not any(node.group == name for node in nodes.values()):
            nodes[uid(name)] = model(name, name)
    return Snapshot(groups=groups, nodes=nodes)


@dataclass
class Hand:
    """A clock that is moved by hand."""

    wall: datetime = T0
    ticked: float = 0.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.ticked

    def to(self, moment: datetime) -> datetime:
        """Let time pass, on both clocks."""
        self.ticked += max((moment - self.wall).total_seconds(), 0)
        self.wall = moment
        return moment


@cache
def _template() -> bytes:
    """An empty state file of today's schema."""
    with TemporaryDirectory(prefix="sqlorch-template-") as folder:
        path = Path(folder) / "state.db"
        with SqlStore.open(path):
            pass
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        return path.read_bytes()


def quick_store(folder: Path, owner: Owner) -> SqlStore:
    """The real store, without waiting for the disk; the file is made on first use."""
    path = folder / "state.db"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_template())
    store = SqlStore.open(path, owner=owner)
    hurry(store)
    return store


def hurry(store: SqlStore) -> None:
    """Let the operating system write in its own time: a test kills processes, never the machine."""

    def configure(connection: sqlite3.Connection, _entry: object) -> None:
        connection.execute("PRAGMA synchronous=OFF").close()

    engine = store._database._engine
    event.listen(engine, "connect", configure)
    engine.dispose()


def owner(pid: int = 1) -> Owner:
    """A process."""
    return Owner(host="here", boot_id="boot", pid=pid, started=pid)


@dataclass
class World:
    """A store, a scheduler over it and a worker that obeys."""

    folder: Path
    snapshot: Snapshot
    clock: Hand = field(default_factory=Hand)
    dead: set[int] = field(default_factory=set)
    daemon_pid: int = 1

    def __post_init__(self) -> None:
        self.store = quick_store(self.folder, owner(self.daemon_pid))
        self.start()

    def start(self, pid: int | None = None) -> None:
        """Begin a scheduler, as a daemon that starts does."""
        self.daemon_pid = pid or self.daemon_pid
        self.scheduler = Scheduler(
            store=self.store,
            clock=self.clock,
            owner=owner(self.daemon_pid),
            is_alive=lambda who: who.pid not in self.dead,
            now=self.clock.now(),
            snapshot=self.snapshot,
        )

    def load(self, *parts: Group | SnapshotNode) -> None:
        """The project was edited."""
        self.snapshot = project(*parts)
        self.scheduler.load(self.snapshot, self.clock.now())

    def tick(self, moment: datetime | None = None) -> TickReport:
        """Let time pass and look."""
        return self.scheduler.tick(self.clock.to(moment) if moment else self.clock.now())

    def spec(self, run_id: str, *names: str) -> RunSpec:
        """What a worker makes of a run: its group's nodes, or some of them."""
        record = self.store.run(run_id)
        wanted = set(map(uid, names)) or self.snapshot.members(record.group)
        return RunSpec(
            run_id=run_id,
            group=record.group,
            interval=record.interval,
            timezone=record.timezone,
            variables={},
            kind=record.kind,
            nodes=[
                NodeSpec(
                    unique_id=node, name=node, kind=node.split(".")[0], code=self.snapshot.nodes[node].code
                )
                for node in sorted(wanted)
            ],
        )

    def claim(self, run_id: str, *, pid: int = 9, max_active: int | None = None) -> bool:
        """A worker takes a queued run."""
        return self.store.queue.claim(
            self.spec(run_id), owner=owner(pid), now=self.clock.now(), max_active=max_active
        )

    def begin(self, run_id: str) -> list[AttemptRecord]:
        """All waiting nodes of a running run are started."""
        waiting = [node.unique_id for node in self.store.nodes(run_id) if node.state is _S.WAITING]
        moves = [NodeMove(unique_id=one, before=_S.WAITING, after=_S.READY) for one in waiting]
        return self.store.step(run_id, now=self.clock.now(), moves=moves, dispatch=waiting)

    def end(self, run_id: str, attempts: Iterable[AttemptRecord], *, fails: Iterable[str] = ()) -> None:
        """Attempts end, and the run with them."""
        bad = set(map(uid, fails))
        now = self.clock.now()
        for attempt in attempts:
            failed = attempt.unique_id in bad
            self.store.step(
                run_id,
                now=now,
                results=[(attempt, node_result(attempt.unique_id, now, failed=failed))],
                moves=[
                    NodeMove(
                        unique_id=attempt.unique_id,
                        before=_S.RUNNING,
                        after=_S.FAILED if failed else _S.SUCCESS,
                    )
                ],
            )
        after = RunState.FAILED if bad else RunState.SUCCESS
        assert self.store.move_run(run_id, RunState.RUNNING, after, now=now)

    def run(self, run_id: str, *, fails: Iterable[str] = ()) -> None:
        """A worker drives a queued run to its end."""
        assert self.claim(run_id)
        self.end(run_id, self.begin(run_id), fails=fails)

    def run_all(self, *, limit: int = 200) -> list[str]:
        """Drive what is ready until nothing is; the runs in their order."""
        order: list[str] = []
        report = self.tick()
        while report.ready and len(order) < limit:
            self.run(report.ready[0].run.run_id)
            order.append(report.ready[0].run.run_id)
            report = self.tick()
        return order

    def slots(self, name: str) -> list[Slot]:
        """The decided slots of a group."""
        return self.store.schedule.slots(name)

    def days(self, name: str, status: SlotStatus = SlotStatus.RUN) -> list[float]:
        """Which days of a group were decided so, counted from the first instant."""
        return [(slot.interval.start - T0) / DAY for slot in self.slots(name) if slot.status is status]

    def reason(self, run_id: str) -> str:
        """What is written on a run."""
        return self.store.run(run_id).reason

    def alerts(self, kind: str | None = None) -> list[Mapping[str, Any]]:
        """Payloads of alerts."""
        return [one.payload for one in self.store.alerts.alerts() if kind in {None, one.kind}]


def node_result(node: str, now: datetime, *, failed: bool) -> NodeResult:
    return NodeResult(
        unique_id=node,
        outcome=Outcome.ERROR if failed else Outcome.SUCCESS,
        started_at=now,
        finished_at=now,
        error_class=ErrorClass.PERMANENT if failed else None,
        message="no such column" if failed else "",
    )
