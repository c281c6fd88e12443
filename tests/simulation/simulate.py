"""One seed: a project, its daemons, workers and people on virtual time, and everything that can go wrong.

By hand, ``PYTHONPATH=tests python -m simulation.simulate 0 10000`` runs these seeds and says what was hit. A
failing seed is printed with what happened before, and ``... -m simulation.simulate SEED`` replays it.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from random import Random

from simulation import projects
from simulation.actors import Daemon, People, Worker, deliver, start_daemon, start_worker
from simulation.invariants import Invariants, check_end, check_leaders, check_ready
from simulation.leases import pass_time
from simulation.machine import Killed, Machine, Pool, Process
from support.scheduling import T0

from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.scheduling import GroupStatus

STEPS = (12, 16, 20, 30, 60)
_SETTLING = 600


@dataclass
class Outcome:
    """What a seed came to."""

    hit: Counter[str]
    slots: int = 0
    runs: int = 0
    deaths: int = 0


@dataclass
class Simulation:
    """Everything of one seed."""

    seed: int
    pool: Pool
    rng: Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)  # noqa: S311 - a seed that can be run again is the point
        self.machine = Machine(self.pool, self.rng)
        self.snapshot = projects.make(self.rng)
        self.machine.clock.to(T0)
        self.machine.intruder = self._intrude
        self.people = People(self.machine, self.machine.process())
        self.daemons: list[Daemon] = []
        self.orphans: list[Worker] = []
        self.zombies: list[Worker] = []
        points = {name for name, one in self.snapshot.groups.items() if one.timetable.mode == "point"}
        self.invariants = Invariants(self.pool.folder / "state.db", points)

    def run(self) -> Outcome:
        """The steps, then peace, then everything must be in order."""
        for _ in range(self.rng.choice(STEPS)):
            self._choose()()
            self.invariants.check()
            check_leaders(daemon.member for daemon in self.daemons)
        self._settle()
        return self._outcome()

    def _choose(self) -> Callable[[], None]:
        actions: list[tuple[Callable[[], None], int]] = [
            (self._wait, 5),
            (self._tick, 9),
            (self._work, 14),
            (self._interfere, 2),
            (self._edit, 1),
            (self._set_clock, 1),
            (self._late_result, 2),
            (self._another_daemon, 3),
            (self._hang, 1),
            (self._kill_someone, 1),
        ]
        return self.rng.choices([one for one, _ in actions], [weight for _, weight in actions])[0]

    def _wait(self) -> None:
        length = timedelta(minutes=self.rng.choice([0.1, 0.3, 1, 5, 20, 60, 60, 120, 240]))
        pass_time(self.machine, [daemon.member for daemon in self.daemons], length)

    def _tick(self) -> None:
        if not self.daemons:
            self._start()
        for daemon in [self.rng.choice(self.daemons)] if self.daemons else []:
            self._tick_one(daemon)

    def _start(self) -> None:
        try:
            self.daemons.append(start_daemon(self.machine, self.snapshot))
        except (Killed, SqlorchError):
            self.machine.say("a daemon did not come up")

    def _another_daemon(self) -> None:
        if len(self.daemons) < 3:
            self._start()

    def _hang(self) -> None:
        """A daemon is stopped for a while, or goes on."""
        if self.daemons:
            member = self.rng.choice(self.daemons).member
            member.hangs = not member.hangs
            self.machine.say(f"daemon {member.process.pid} {'hangs' if member.hangs else 'goes on'}")

    def _tick_one(self, daemon: Daemon, *, checked: bool = True) -> None:
        if daemon.member.hangs:
            return
        before = sum(self.machine.hit.values())  # what was handed out may be out of date if somebody intruded
        try:
            self._keep(daemon)
            self.machine.arm(daemon.process)
            report = daemon.scheduler.tick(self.machine.clock.now())
        except Killed:
            self._lose_daemon(daemon)
            return
        except SqlorchError as error:
            self.machine.say(f"daemon {daemon.process.pid}: {error}")
            return
        if checked and len(self.daemons) == 1 and before == sum(self.machine.hit.values()):
            check_ready(report, self.snapshot, self.people._process.store)
        busy = {worker.run_id for one in self.daemons for worker in one.workers}
        for candidate in report.ready:
            if candidate.run.run_id not in busy and len(daemon.workers) < 3 and daemon.member.trusted:
                start_worker(self.machine, daemon, self.snapshot, candidate)

    def _keep(self, daemon: Daemon) -> None:
        """Mostly the keeper's threads have had their turn before a tick, and mostly nothing goes wrong."""
        if self.rng.random() < 0.8:
            daemon.process.fault = None
            if self.rng.random() < 0.1:
                self.machine.arm(daemon.process)
            daemon.member.turn()

    def _lose_daemon(self, daemon: Daemon) -> None:
        self.daemons.remove(daemon)
        self.machine.kill(daemon.process)
        for worker in daemon.workers:
            if self.rng.random() < 0.5:  # the others are adopted by init and work on
                self._lose_worker(worker)
            else:
                self.orphans.append(worker)

    def _lose_worker(self, worker: Worker) -> None:
        if not self.machine.has_handle(worker.process):
            return  # somebody was quicker
        if worker.live is not None and self.rng.random() < 0.5:
            self.machine.dead.add(worker.process.pid)  # taken for dead, and yet it will report
            self.machine.say(f"worker {worker.process.pid} is taken for dead")
            self.zombies.append(worker)
        else:
            self.machine.kill(worker.process)

    def _forget(self, worker: Worker) -> None:
        for workers in [*(one.workers for one in self.daemons), self.orphans]:
            if worker in workers:
                workers.remove(worker)

    def _work(self) -> None:
        working = [*(worker for one in self.daemons for worker in one.workers), *self.orphans]
        if working:
            self._work_on(self.rng.choice(working))

    def _work_on(self, worker: Worker) -> None:
        self.machine.arm(worker.process)
        try:
            next(worker.steps)
        except StopIteration:
            self._forget(worker)
            if worker.process.pid not in self.machine.dead:
                self.machine.idle.append(worker.process)
        except (Killed, SqlorchError) as error:
            self.machine.say(f"worker {worker.process.pid} ends: {error or 'killed'}")
            self._forget(worker)
            self._lose_worker(worker)

    def _intrude(self, busy: Process) -> None:
        """Another daemon looks, or another worker goes on, while this process is about to write."""
        self.machine.say(f"in between, while pid {busy.pid} is about to write:")
        others = [one for one in self.daemons if one.process is not busy]
        if others and self.rng.random() < 0.7:
            self._tick_one(self.rng.choice(others), checked=False)
            return
        everybody = [*(worker for one in self.daemons for worker in one.workers), *self.orphans]
        working = [worker for worker in everybody if worker.process is not busy]
        if working:
            self._work_on(self.rng.choice(working))

    def _interfere(self) -> None:
        self.people._process.fault = None
        self.people.interfere(self.snapshot)

    def _edit(self) -> None:
        self.snapshot = projects.edit(self.rng, self.snapshot)
        self.machine.say("the project is edited")
        for daemon in list(self.daemons):
            self.machine.arm(daemon.process)
            try:
                daemon.scheduler.load(self.snapshot, self.machine.clock.now())
            except (Killed, SqlorchError):
                self._lose_daemon(daemon)

    def _set_clock(self) -> None:
        hours = self.rng.choice([-5, -1, -0.02, 0.02, 2, 30])
        self.machine.wall(self.machine.clock.wall + timedelta(hours=hours))

    def _late_result(self) -> None:
        if self.zombies:
            zombie = self.zombies.pop()
            self.machine.say(f"a late result of {zombie.process.pid}")
            zombie.process.fault = None
            try:
                deliver(self.machine, zombie, failed=self.rng.random() < 0.3)
            except SqlorchError as error:
                self.machine.say(f"refused: {str(error)[:80]}")
            self.machine.close_handle(zombie.process)

    def _kill_someone(self) -> None:
        if self.daemons and self.rng.random() < 0.5:
            self._lose_daemon(self.rng.choice(self.daemons))
        elif self.orphans:
            worker = self.rng.choice(self.orphans)
            self.orphans.remove(worker)
            self._lose_worker(worker)

    def _settle(self) -> None:
        """Nothing goes wrong any more, people let everything go on: it must come to rest."""
        self.machine.fault_rate = 0
        self.machine.say("peace")
        for daemon in list(self.daemons):
            self._lose_daemon(daemon)
        while self.zombies:
            self._late_result()
        # the clock is right again, and past whatever it showed
        self.machine.clock.to(self.machine.latest + timedelta(minutes=1))
        for _ in range(_SETTLING):
            self.people.decide_all()
            self.people.resume_backfills()
            if not self.daemons:
                self._start()
            (daemon,) = self.daemons
            self._tick_one(daemon)
            while daemon.workers or self.orphans:
                self._work_on((daemon.workers or self.orphans)[0])
            self.invariants.check()
            self.people.retry_all()
            if self._at_rest(daemon):
                break
        check_end(self.people._process.store, self.snapshot, self.machine.clock.now())

    def _at_rest(self, daemon: Daemon) -> bool:
        store = self.people._process.store
        due = daemon.scheduler._agenda.next()
        late = due is not None and due <= self.machine.clock.now()
        stopped = any(one.status is not GroupStatus.ACTIVE for one in store.schedule.groups().values())
        return (
            not late
            and not stopped
            and not store.queue.open_runs()
            and not store.backfills.backfills(unfinished=True)
        )

    def _outcome(self) -> Outcome:
        store = self.people._process.store
        slots = sum(len(store.schedule.slots(name)) for name in self.snapshot.groups)
        return Outcome(
            hit=self.machine.hit, slots=slots, runs=len(store.runs()), deaths=len(self.machine.dead)
        )


def simulate(seed: int) -> Outcome:
    """Run a seed.

    Raises:
        AssertionError: something did not hold; the message has the seed and what happened last.
    """
    simulation = Simulation(seed, _pool())
    try:
        return simulation.run()
    except Exception as error:
        happened = "\n  ".join(simulation.machine.trace[-40:])
        again = f"PYTHONPATH=tests python -m simulation.simulate {seed}"
        raise AssertionError(f"seed {seed}: {error!r}; again with: {again}\n  {happened}") from error
    finally:
        simulation.machine.close()


@cache
def _pool() -> Pool:
    return Pool()


def main(first: int, last: int) -> int:
    """Run seeds and print what they came to."""
    total, began, failed = Outcome(hit=Counter()), time.monotonic(), []
    for seed in range(first, last):
        if seed > first and (seed - first) % 500 == 0:
            print(f"{seed - first} seeds, {len(failed)} failed", flush=True)
        try:
            one = simulate(seed)
        except AssertionError as error:
            failed.append(seed)
            print(error, flush=True)
            continue
        total.hit += one.hit
        total.slots, total.runs = total.slots + one.slots, total.runs + one.runs
        total.deaths += one.deaths
    seconds, busy = time.monotonic() - began, time.process_time()
    print(f"{last - first} seeds in {seconds:.0f} s ({busy:.0f} s of processor): ", end="")
    print(f"{total.slots} slots, {total.runs} runs, {total.deaths} processes gone, ", end="")
    print(f"{sum(total.hit.values())} faults at points:")
    for point, count in sorted(total.hit.items()):
        print(f"  {count:7} {point}")
    print(f"failed: {failed or 'none'}")
    return bool(failed)


def _seeds(arguments: Iterable[str]) -> tuple[int, int]:
    first, *rest = map(int, arguments)
    return first, rest[0] if rest else first + 1


if __name__ == "__main__":
    sys.exit(main(*_seeds(sys.argv[1:] or ["0", "100"])))
