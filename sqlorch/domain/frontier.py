"""Which nodes of a run may start now: the run's DAG seen as a moving front.

Pure bookkeeping of one run's generation. It never decides when or where a node is executed, only whether its
trigger rule (:mod:`sqlorch.domain.trigger`) and its condition allow it; a warning counts as success.

A condition is looked at when the trigger rule lets the node run, so that what follows a skipped node still
waits for everything upstream of it. A test that its own condition skips holds nobody back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from types import MappingProxyType

from sqlorch.domain.dag import TEST_KINDS
from sqlorch.domain.errors import StateError
from sqlorch.domain.history import NodeMove
from sqlorch.domain.run import NodeSpec, NodeState
from sqlorch.domain.trigger import Tally, TriggerRule, decide

_NOTHING: Mapping[str, str] = MappingProxyType({})
_WORDS = {
    NodeState.FAILED: "failed",
    NodeState.UPSTREAM_FAILED: "could not run",
    NodeState.CANCELLED: "was cancelled",
    NodeState.SKIPPED: "was skipped",
}


class Frontier:
    """The state of every node of one run, and what follows when one ends.

    Args:
        nodes: the run's nodes.
        states: state by unique id for nodes that are not ``waiting``: a rerun keeps its successes, a run that
            is taken up again has nodes in every state that is not live.
        unmet: nodes whose condition does not hold, with the reason.

    Raises:
        StateError: a node of ``states`` is live: its attempt has to be given up first.
    """

    def __init__(
        self,
        nodes: Iterable[NodeSpec],
        states: Mapping[str, NodeState] | None = None,
        *,
        unmet: Mapping[str, str] = _NOTHING,
    ) -> None:
        self._specs = {node.unique_id: node for node in nodes}
        self._states = dict.fromkeys(self._specs, NodeState.WAITING)
        self._unmet = unmet
        self._parents = {
            uid: [p for p in spec.after if p in self._specs] for uid, spec in self._specs.items()
        }
        self._children: dict[str, list[str]] = {uid: [] for uid in self._specs}
        for uid, parents in self._parents.items():
            for parent in parents:
                self._children[parent].append(uid)
        self._tallies = {uid: Tally(pending=len(parents)) for uid, parents in self._parents.items()}
        self._open = len(self._specs)
        self._blame: dict[str, str] = {}
        self._ready: dict[str | None, list[tuple[float, str]]] = {}
        if states:
            self._remember(states)

    @property
    def states(self) -> Mapping[str, NodeState]:
        """State by unique id."""
        return self._states

    @property
    def done(self) -> bool:
        """Whether every node is in a terminal state."""
        return self._open == 0

    def start(self) -> list[NodeMove]:
        """Let loose the nodes that wait for nothing (any more); call once."""
        moves: list[NodeMove] = []
        for uid, state in list(self._states.items()):
            if state is NodeState.LOST:
                moves.append(self._move(uid, NodeState.UP_FOR_RETRY, "its process died"))
            if self._states[uid] in {NodeState.UP_FOR_RETRY, NodeState.UP_FOR_RESCHEDULE}:
                moves.append(self._make_ready(uid))
            else:
                moves += self._settle([uid])
        return moves

    def take(self, full: Collection[str] = ()) -> str | None:
        """The ready node with the highest priority, now ``running``; None when there is none.

        Args:
            full: pools that have no room; nodes that count against them stay ready.
        """
        best: list[tuple[float, str]] | None = None
        for pool, heap in self._ready.items():
            while heap and self._states[heap[0][1]] is not NodeState.READY:
                heappop(heap)
            if heap and pool not in full and (best is None or heap[0] < best[0]):
                best = heap
        if best is None:
            return None
        _, uid = heappop(best)
        self._states[uid] = NodeState.RUNNING
        return uid

    def put_back(self, unique_id: str) -> None:
        """A node that was taken could not be started: it is ready again, as it is for everybody else."""
        self._states[unique_id] = NodeState.READY
        self._queue(unique_id)

    def succeed(self, unique_id: str) -> list[NodeMove]:
        """A running node succeeded: its move and those of the nodes that waited for it."""
        return self._end(unique_id, NodeState.SUCCESS, "")

    def fail(self, unique_id: str, *, reason: str) -> list[NodeMove]:
        """A running node failed for good: its move, and what follows from it downstream."""
        return self._end(unique_id, NodeState.FAILED, reason)

    def cancel(self, unique_id: str, *, reason: str) -> list[NodeMove]:
        """A live node ends cancelled: its move, and what follows from it downstream."""
        return self._end(unique_id, NodeState.CANCELLED, reason)

    def block(self, unique_id: str, *, reason: str) -> list[NodeMove]:
        """A waiting node cannot run for a reason outside this run: its move, and what follows downstream."""
        if self._states[unique_id] is not NodeState.WAITING:
            return []
        return self._end(unique_id, NodeState.UPSTREAM_FAILED, reason)

    def retry_later(self, unique_id: str, *, reason: str) -> list[NodeMove]:
        """A running node failed but will be tried again."""
        return [self._move(unique_id, NodeState.UP_FOR_RETRY, reason)]

    def retry_now(self, unique_id: str) -> list[NodeMove]:
        """The delay of a node that is up for retry is over."""
        return [self._make_ready(unique_id)]

    def cancel_rest(self, *, reason: str) -> list[NodeMove]:
        """Every node that is neither terminal nor running ends cancelled."""
        return [
            self._move(uid, NodeState.CANCELLED, reason)
            for uid, state in list(self._states.items())
            if not state.terminal and not state.live
        ]

    def _remember(self, states: Mapping[str, NodeState]) -> None:
        """Parents before children, since what a test says to its children depends on its own upstreams."""
        for uid in TopologicalSorter(self._parents).static_order():
            state = states.get(uid, NodeState.WAITING)
            if state.live:
                raise StateError(f"{uid} is {state}: its attempt must be given up before the run goes on")
            self._states[uid] = state
            if state.terminal:
                self._open -= 1
                self._tell_children(uid)
            elif state is NodeState.READY:
                self._queue(uid)

    def _end(self, uid: str, state: NodeState, reason: str) -> list[NodeMove]:
        move = self._move(uid, state, reason)
        return [move, *self._settle(self._tell_children(uid))]

    def _settle(self, nodes: Iterable[str]) -> list[NodeMove]:
        """Decide on these nodes, and on those downstream of what ends thereby."""
        moves: list[NodeMove] = []
        stack = list(nodes)[::-1]
        while stack:
            uid = stack.pop()
            move = self._decide(uid)
            if move is not None:
                moves.append(move)
                if move.after.terminal:
                    stack += self._tell_children(uid)[::-1]
        return moves

    def _decide(self, uid: str) -> NodeMove | None:
        if self._states[uid] is not NodeState.WAITING:
            return None
        verdict = self._verdict(uid)
        if verdict is None:
            return None
        if verdict is not NodeState.READY:
            return self._move(uid, verdict, self._why_not(uid, verdict))
        if uid in self._unmet:
            return self._move(uid, NodeState.SKIPPED, self._unmet[uid])
        return self._make_ready(uid)

    def _verdict(self, uid: str) -> NodeState | None:
        return decide(TriggerRule(self._specs[uid].trigger_rule), self._tallies[uid])

    def _tell_children(self, uid: str) -> list[str]:
        """A node has ended: count it for those downstream; returns them."""
        state = NodeState.SUCCESS if self._holds_nobody_back(uid) else self._states[uid]
        for child in self._children[uid]:
            tally = self._tallies[child]
            tally.pending -= 1
            tally.count(state)
        return self._children[uid]

    def _holds_nobody_back(self, uid: str) -> bool:
        """Whether it is a test that its own condition has skipped."""
        return (
            self._states[uid] is NodeState.SKIPPED
            and self._specs[uid].kind in TEST_KINDS
            and uid in self._unmet
            and self._verdict(uid) is NodeState.READY
        )

    def _why_not(self, uid: str, verdict: NodeState) -> str:
        """The reason people read; the node to blame is the first of a chain, not the nearest."""
        rule = self._specs[uid].trigger_rule
        if rule == TriggerRule.ONE_FAILED:
            return f"trigger_rule {rule}: no upstream failed"
        alike = {NodeState.SKIPPED} if verdict is NodeState.SKIPPED else _WORDS.keys() - {NodeState.SKIPPED}
        alike_parents = (p for p in self._parents[uid] if self._states[p] in alike)
        parent = next(p for p in alike_parents if not self._holds_nobody_back(p))
        self._blame[uid] = culprit = self._blame.get(parent, parent)
        return f"upstream {self._specs[culprit].name} {_WORDS[self._states[culprit]]}"

    def _make_ready(self, uid: str) -> NodeMove:
        self._queue(uid)
        return self._move(uid, NodeState.READY)

    def _queue(self, uid: str) -> None:
        spec = self._specs[uid]
        heappush(self._ready.setdefault(spec.pool, []), (-spec.priority, uid))

    def _move(self, uid: str, after: NodeState, reason: str = "") -> NodeMove:
        before = self._states[uid]
        self._states[uid] = after
        self._open -= after.terminal
        return NodeMove(unique_id=uid, before=before, after=after, reason=reason)
