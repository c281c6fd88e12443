"""Runs of random shape, rules, conditions and fates, also taken up half-way: they end as ruled."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.domain.frontier import Frontier
from sqlorch.domain.history import NodeMove
from sqlorch.domain.run import NodeSpec, NodeState
from sqlorch.domain.transitions import may_move_node
from sqlorch.domain.trigger import Tally, TriggerRule, decide

S = NodeState
FATES = ["ok", "ok", "ok", "fail", "cancel", "retry"]


@dataclass
class Case:
    """A run: its nodes, those whose condition is false, how attempts end, and a prefix to stop after."""

    nodes: list[NodeSpec]
    unmet: dict[str, str]
    fates: list[str]
    stop_after: int
    pools: set[str] = field(default_factory=set)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    size = draw(st.integers(1, 10))
    names = [f"n{label}" for label in draw(st.permutations(range(size)))]
    nodes = []
    for i, name in enumerate(names):
        nodes.append(
            NodeSpec(
                unique_id=name,
                name=name,
                kind=draw(st.sampled_from(["model", "model", "test"])),
                after=frozenset(draw(st.sets(st.sampled_from(names[:i]), max_size=3))) if i else frozenset(),
                trigger_rule=draw(st.sampled_from([*TriggerRule, *["all_success"] * 4])),
                priority=draw(st.floats(0, 9)),
                pool=draw(st.sampled_from([None, "p"])),
            )
        )
    unmet = {name: f"run_if of {name}" for name in draw(st.sets(st.sampled_from(names), max_size=3))}
    fates = draw(st.lists(st.sampled_from(FATES), min_size=60, max_size=60))
    return Case(nodes, unmet, fates, draw(st.integers(0, 20)))


class World:
    """What a store would say, and that every move it is told is legal."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.specs = {node.unique_id: node for node in case.nodes}
        self.states = dict.fromkeys(self.specs, S.WAITING)
        self.ran: set[str] = set()

    def follow(self, moves: list[NodeMove]) -> None:
        for move in moves:
            assert self.states[move.unique_id] is move.before
            assert may_move_node(move.before, move.after)
            self.states[move.unique_id] = move.after
            if move.after in {S.SKIPPED, S.UPSTREAM_FAILED}:
                assert move.reason
            self.check_decided(move)

    def check_decided(self, move: NodeMove) -> None:
        """A node leaves ``waiting`` only for what its rule says of its upstreams as they are."""
        if move.before is not S.WAITING:
            return
        verdict = decide(TriggerRule(self.specs[move.unique_id].trigger_rule), self.tally(move.unique_id))
        skipped_by_condition = move.unique_id in self.case.unmet and verdict is S.READY
        assert move.after is (S.SKIPPED if skipped_by_condition else verdict)

    def tally(self, uid: str) -> Tally:
        tally = Tally()
        for parent in self.specs[uid].after:
            state = self.states[parent]
            if not state.terminal:
                tally.pending += 1
            else:
                tally.count(S.SUCCESS if self.passes(parent) else state)
        return tally

    def passes(self, uid: str) -> bool:
        """A test skipped by its own condition holds nobody back."""
        if self.specs[uid].kind != "test" or self.states[uid] is not S.SKIPPED or uid not in self.case.unmet:
            return False
        return decide(TriggerRule(self.specs[uid].trigger_rule), self.tally(uid)) is S.READY

    def execute(self, frontier: Frontier, fate: str, full: set[str]) -> bool:
        uid = frontier.take(full)
        if uid is None:
            return False
        assert self.states[uid] is S.READY
        assert self.specs[uid].pool not in full
        assert not any(
            self.specs[other].priority > self.specs[uid].priority
            for other, state in self.states.items()
            if state is S.READY and self.specs[other].pool not in full
        )
        assert uid not in self.case.unmet
        self.states[uid] = S.RUNNING
        self.ran.add(uid)
        if fate == "fail":
            self.follow(frontier.fail(uid, reason="x"))
        elif fate == "cancel":
            self.follow(frontier.cancel(uid, reason="x"))
        elif fate == "retry":
            self.follow(frontier.retry_later(uid, reason="x"))
            self.follow(frontier.retry_now(uid))
        else:
            self.follow(frontier.succeed(uid))
        return True


@settings(max_examples=400, deadline=None)
@given(cases())
def test_every_run_ends_as_its_rules_say(case: Case) -> None:
    world = World(case)
    frontier = Frontier(case.nodes, unmet=case.unmet)
    world.follow(frontier.start())
    for fate in [*case.fates, *["ok"] * 40]:
        if not world.execute(frontier, fate, set()):
            break
    assert frontier.done
    assert dict(frontier.states) == world.states
    assert all(state.terminal for state in world.states.values())


@settings(max_examples=300, deadline=None)
@given(cases(), st.sampled_from([S.UP_FOR_RETRY, S.FAILED, S.LOST]))
def test_a_run_taken_up_half_way_ends_as_its_rules_say(case: Case, becomes: NodeState) -> None:
    world = World(case)
    frontier = Frontier(case.nodes, unmet=case.unmet)
    world.follow(frontier.start())
    for fate in case.fates[: case.stop_after]:
        world.execute(frontier, fate, set())
    lost = frontier.take()
    if lost is not None:
        world.states[lost] = becomes
    left = {uid: state for uid, state in world.states.items() if state is not S.WAITING}
    again = Frontier(case.nodes, left, unmet=case.unmet)
    world.follow(again.start())
    while world.execute(again, "ok", set()):
        pass
    assert again.done
    assert dict(again.states) == world.states


@settings(max_examples=200, deadline=None)
@given(cases())
def test_a_full_pool_holds_back_its_own_nodes_alone(case: Case) -> None:
    world = World(case)
    frontier = Frontier(case.nodes, unmet=case.unmet)
    world.follow(frontier.start())
    while world.execute(frontier, "ok", {"p"}):
        pass
    assert all(world.specs[uid].pool == "p" for uid, state in world.states.items() if state is S.READY)
    while world.execute(frontier, "ok", set()):
        pass
    assert frontier.done
