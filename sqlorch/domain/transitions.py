"""The one place that says which state may follow which (scheduling specification 2.5)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlorch.domain.run import NodeState, RunState

RUN_MOVES: Mapping[RunState, frozenset[RunState]] = {
    # a run that waited too long for others fails without having begun
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.SKIPPED, RunState.CANCELLED, RunState.FAILED}),
    RunState.RUNNING: frozenset({RunState.SUCCESS, RunState.FAILED, RunState.CANCELLING}),
    RunState.CANCELLING: frozenset({RunState.CANCELLED}),
    # a terminal run moves only by an explicit rerun, which raises its generation
    RunState.SUCCESS: frozenset({RunState.QUEUED}),
    RunState.FAILED: frozenset({RunState.QUEUED}),
    RunState.SKIPPED: frozenset({RunState.QUEUED}),
    RunState.CANCELLED: frozenset({RunState.QUEUED}),
}

_S = NodeState
NODE_MOVES: Mapping[NodeState, frozenset[NodeState]] = {
    _S.WAITING: frozenset({_S.READY, _S.SKIPPED, _S.UPSTREAM_FAILED, _S.CANCELLED}),
    _S.READY: frozenset({_S.DISPATCHED, _S.CANCELLED}),
    _S.DISPATCHED: frozenset({_S.RUNNING, _S.LOST, _S.CANCELLED}),
    _S.RUNNING: frozenset(
        {_S.SUCCESS, _S.FAILED, _S.UP_FOR_RETRY, _S.UP_FOR_RESCHEDULE, _S.LOST, _S.CANCELLED}
    ),
    _S.LOST: frozenset({_S.UP_FOR_RETRY, _S.FAILED, _S.CANCELLED}),
    _S.UP_FOR_RETRY: frozenset({_S.READY, _S.CANCELLED}),
    _S.UP_FOR_RESCHEDULE: frozenset({_S.READY, _S.CANCELLED}),
    # terminal: a rerun writes the node anew with a higher generation
    _S.SUCCESS: frozenset(),
    _S.FAILED: frozenset(),
    _S.SKIPPED: frozenset(),
    _S.UPSTREAM_FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
}


def may_move_run(before: RunState, after: RunState) -> bool:
    """Whether a run may go from ``before`` to ``after``."""
    return after in RUN_MOVES[before]


def may_move_node(before: NodeState, after: NodeState) -> bool:
    """Whether a node may go from ``before`` to ``after`` within one generation."""
    return after in NODE_MOVES[before]
