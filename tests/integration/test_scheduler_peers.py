"""A scheduler among others: what it leaves to the one that leads, and what it takes from those that rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from support.scheduling import World, at, group, owner, project

from sqlorch.domain.history import Owner
from sqlorch.engine.scheduler import Scheduler


@dataclass
class Peers:
    leads: bool = True
    distrusted: str = ""
    daemons: set[Owner] = field(default_factory=set)

    def is_daemon(self, owner: Owner) -> bool:
        return owner in self.daemons


def scheduler(world: World, peers: Peers, *, pid: int) -> Scheduler:
    """Another daemon's, on the same store."""
    return Scheduler(
        store=world.store,
        clock=world.clock,
        owner=owner(pid),
        is_alive=lambda who: who.pid not in world.dead,
        now=world.clock.now(),
        snapshot=world.snapshot,
        peers=peers,
    )


def test_a_clock_that_cannot_be_relied_on_decides_nothing_and_runs_go_on(tmp_path: Path):
    world = World(tmp_path, project(group("g")))
    [run_id] = world.tick(at(1, 1)).created
    assert world.claim(run_id)
    world.dead.add(9)
    peers = Peers(distrusted="the clock of this machine is 40 s ahead of the state database's")
    other = scheduler(world, peers, pid=2)
    report = other.tick(world.clock.to(at(2, 1)))
    assert (report.guard, report.created) == (peers.distrusted, ())
    assert report.rescued == (run_id,)
    assert [(one.run.run_id, one.resume) for one in report.ready] == [(run_id, True)]
    peers.distrusted = ""
    assert len(other.tick(at(2, 2)).created) == 1


def test_who_does_not_lead_writes_no_reasons(tmp_path: Path):
    world = World(tmp_path, project(group("g")))
    world.tick(at(2, 1))
    waiting = world.store.queue.open_runs()[1].run_id
    assert "cap 1/1" in world.reason(waiting)
    world.store.queue.explain({waiting: "as somebody else says"}, now=at(2, 1))
    scheduler(world, Peers(leads=False), pid=2).tick(at(2, 1))
    assert world.reason(waiting) == "as somebody else says"
    scheduler(world, Peers(leads=True), pid=3).tick(at(2, 1))
    assert "cap 1/1" in world.reason(waiting)


def test_a_run_in_the_hands_of_another_daemon_may_be_driven_on_by_any(tmp_path: Path):
    world = World(tmp_path, project(group("g")))
    [run_id] = world.tick(at(1, 1)).created
    assert world.claim(run_id, pid=9)
    peers = Peers(daemons={owner(1), owner(2)})
    other = scheduler(world, peers, pid=2)
    assert other.tick(at(1, 2)).ready == (), "its worker drives it"
    world.dead.add(9)
    assert world.tick(at(1, 3)).rescued == (run_id,)
    [candidate] = other.tick(at(1, 4)).ready
    assert (candidate.run.run_id, candidate.resume, candidate.run.owner) == (run_id, True, owner(1))
    peers.daemons.clear()  # as far as it knows, that process is a worker
    assert scheduler(world, peers, pid=3).tick(at(1, 5)).ready == ()
