"""Which nodes of a run may start now: the run's DAG seen as a moving front.

Pure bookkeeping of one run's generation. It never decides when or where a node is executed, only whether its
upstreams allow it (trigger rule ``all_success``; a warning counts as success).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from sqlorch.domain.history import NodeMove
from sqlorch.domain.run import NodeSpec, NodeState


class Frontier:
    """The state of every node of one run, and what follows when one ends.

    Args:
        nodes: the run's nodes.
        states: state by unique id for nodes that are not ``waiting`` (a rerun keeps its successes).
    """

    def __init__(self, nodes: Iterable[NodeSpec], states: Mapping[str, NodeState] | None = None) -> None:
        self._specs = {node.unique_id: node for node in nodes}
        self._states = {uid: (states or {}).get(uid, NodeState.WAITING) for uid in self._specs}
        self._missing = {
            uid: {p for p in spec.after if p in self._specs and self._states[p] is not NodeState.SUCCESS}
            for uid, spec in self._specs.items()
        }
        self._children: dict[str, list[str]] = {uid: [] for uid in self._specs}
        for uid, spec in self._specs.items():
            for parent in spec.after:
                if parent in self._children:
                    self._children[parent].append(uid)
        self._ready: list[tuple[float, str]] = []

    @property
    def states(self) -> Mapping[str, NodeState]:
        """State by unique id."""
        return self._states

    @property
    def done(self) -> bool:
        """Whether every node is in a terminal state."""
        return all(state.terminal for state in self._states.values())

    @property
    def ready_count(self) -> int:
        """How many nodes could start at once."""
        return len(self._ready)

    def start(self) -> list[NodeMove]:
        """Let loose the nodes that wait for nothing; call once."""
        return [self._make_ready(uid) for uid in self._specs if self._may_start(uid)]

    def take(self) -> str | None:
        """The ready node with the highest priority, now ``running``; None when there is none."""
        while self._ready:
            _, uid = heappop(self._ready)
            if self._states[uid] is NodeState.READY:
                self._states[uid] = NodeState.RUNNING
                return uid
        return None

    def succeed(self, unique_id: str) -> list[NodeMove]:
        """A running node succeeded: its move and those of the nodes it was the last to hold back."""
        moves = [self._move(unique_id, NodeState.SUCCESS)]
        for child in self._children[unique_id]:
            self._missing[child].discard(unique_id)
            if self._may_start(child):
                moves.append(self._make_ready(child))
        return moves

    def fail(self, unique_id: str, *, reason: str) -> list[NodeMove]:
        """A running node failed for good: its move, and ``upstream_failed`` for all that is downstream."""
        move = self._move(unique_id, NodeState.FAILED, reason)
        return [move, *self.block_descendants(unique_id)]

    def block(self, unique_id: str, *, reason: str) -> list[NodeMove]:
        """A waiting node cannot run for a reason outside this run; neither can what is downstream of it."""
        if self._states[unique_id] is not NodeState.WAITING:
            return []
        move = self._move(unique_id, NodeState.UPSTREAM_FAILED, reason)
        return [move, *self.block_descendants(unique_id)]

    def block_descendants(self, unique_id: str) -> list[NodeMove]:
        """``upstream_failed`` for every waiting node downstream, each told which node is to blame."""
        reason = f"upstream {self._specs[unique_id].name} {_WORDS[self._states[unique_id]]}"
        moves: list[NodeMove] = []
        stack = list(self._children[unique_id])
        while stack:
            uid = stack.pop()
            if self._states[uid] is NodeState.WAITING:
                moves.append(self._move(uid, NodeState.UPSTREAM_FAILED, reason))
                stack.extend(self._children[uid])
        return moves

    def retry_later(self, unique_id: str, *, reason: str) -> list[NodeMove]:
        """A running node failed but will be tried again."""
        return [self._move(unique_id, NodeState.UP_FOR_RETRY, reason)]

    def retry_now(self, unique_id: str) -> list[NodeMove]:
        """The delay of a node that is up for retry is over."""
        return [self._make_ready(unique_id)]

    def cancel(self, unique_id: str, *, reason: str) -> list[NodeMove]:
        """A live node ends cancelled."""
        return [self._move(unique_id, NodeState.CANCELLED, reason)]

    def cancel_rest(self, *, reason: str) -> list[NodeMove]:
        """Every node that is neither terminal nor running ends cancelled."""
        return [
            self._move(uid, NodeState.CANCELLED, reason)
            for uid, state in self._states.items()
            if not state.terminal and not state.live
        ]

    def _may_start(self, uid: str) -> bool:
        return self._states[uid] is NodeState.WAITING and not self._missing[uid]

    def _make_ready(self, uid: str) -> NodeMove:
        heappush(self._ready, (-self._specs[uid].priority, uid))
        return self._move(uid, NodeState.READY)

    def _move(self, uid: str, after: NodeState, reason: str = "") -> NodeMove:
        before = self._states[uid]
        self._states[uid] = after
        return NodeMove(unique_id=uid, before=before, after=after, reason=reason)


_WORDS = {
    NodeState.FAILED: "failed",
    NodeState.UPSTREAM_FAILED: "could not run",
    NodeState.CANCELLED: "was cancelled",
}


def remaining_path(
    after: Mapping[str, Iterable[str]], seconds: Mapping[str, float], *, default: float
) -> dict[str, float]:
    """Length of the longest path from each node to the end of the run, itself included: its priority.

    Starting the node with the longest remaining path first is the classic list-scheduling rule (Hu 1961,
    Graham 1969); with it the critical path is never left waiting behind short work.

    Args:
        after: for each node the nodes it waits for.
        seconds: expected duration by node.
        default: expected duration where nothing is known.
    """
    children: dict[str, list[str]] = {uid: [] for uid in after}
    open_children = dict.fromkeys(after, 0)
    for uid, parents in after.items():
        for parent in parents:
            if parent in children:
                children[parent].append(uid)
                open_children[parent] += 1
    length: dict[str, float] = {}
    stack = [uid for uid, count in open_children.items() if count == 0]
    while stack:
        uid = stack.pop()
        length[uid] = seconds.get(uid, default) + max((length[c] for c in children[uid]), default=0.0)
        for parent in after[uid]:
            if parent in open_children:
                open_children[parent] -= 1
                if open_children[parent] == 0:
                    stack.append(parent)
    return length
