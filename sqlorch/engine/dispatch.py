"""Which ready nodes go next, as far as threads and pools have room."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlorch.domain.frontier import Frontier
from sqlorch.domain.history import NodeMove
from sqlorch.domain.run import NodeSpec, NodeState
from sqlorch.engine.pools import Pools


class Dispatcher:
    """Takes nodes from a frontier and room from pools.

    Args:
        frontier: the run's nodes; those with the longest remaining path go first.
        pools: a node whose pool is full is passed over, and holds no other node back.
        nodes: the run's nodes by unique id.
    """

    def __init__(self, frontier: Frontier, pools: Pools, nodes: Mapping[str, NodeSpec]) -> None:
        self._frontier = frontier
        self._pools = pools
        self._nodes = nodes

    def choose(self, room: int) -> list[str]:
        """Take up to ``room`` nodes; their pools count them from now on."""
        chosen: list[str] = []
        with self._pools.lock:
            while len(chosen) < room:
                uid = self._frontier.take(self._pools.full)
                if uid is None:
                    break
                self._pools.enter(self._nodes[uid].pool)
                chosen.append(uid)
        return chosen

    def give_back(self, unique_ids: Iterable[str]) -> None:
        """These are not executed (any more): there is room again in their pools."""
        for uid in unique_ids:
            self._pools.leave(self._nodes[uid].pool)

    def put_back(self, unique_ids: Collection[str]) -> None:
        """These were chosen and not started, because of what other processes execute: they stay ready."""
        for uid in unique_ids:
            self._frontier.put_back(uid)
        self.give_back(unique_ids)

    def explained(self, moves: Sequence[NodeMove], chosen: Collection[str]) -> list[NodeMove]:
        """The moves, those that leave a node waiting for its pool with that as the reason."""
        full = self._pools.full
        return [
            replace(move, reason=self._wait(move.unique_id))
            if self._waits(move, full) and move.unique_id not in chosen
            else move
            for move in moves
        ]

    def _waits(self, move: NodeMove, full: Collection[str]) -> bool:
        return move.after is NodeState.READY and self._nodes[move.unique_id].pool in full

    def _wait(self, uid: str) -> str:
        pool = self._nodes[uid].pool or ""
        return f"waiting for the pool {pool} ({self._pools.use(pool)})"
