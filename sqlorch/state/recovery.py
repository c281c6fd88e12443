"""Whether a group is well again: what failed in it and was told of has succeeded since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from sqlorch.domain.alerts import RUN_FAILED, RUN_RECOVERED
from sqlorch.domain.describe import compact
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.domain.scheduling import RunKind
from sqlorch.state.codec import from_json, from_micros
from sqlorch.state.tables import alert, attempt, node_run, run

_CHUNK = 1000  # bound values a statement
_MOST_NAMED = 10  # intervals a message names

_LAST_RECOVERY = (
    select(func.coalesce(func.max(alert.c.id), 0))
    .where(alert.c.group_name == bindparam("name"), alert.c.kind == RUN_RECOVERED)
    .scalar_subquery()
)
_TOLD = (
    select(alert.c.payload)
    .where(
        alert.c.group_name == bindparam("name"),
        alert.c.kind == RUN_FAILED,
        alert.c.id > _LAST_RECOVERY,
    )
    .order_by(alert.c.id)
)
_RUNS = select(run).where(run.c.run_id.in_(bindparam("ids", expanding=True)))
_FAILED_NODES = select(node_run.c.unique_id).where(
    node_run.c.run_id == bindparam("id"), node_run.c.state == NodeState.FAILED
)
_RUN_NODES = select(node_run.c.unique_id).where(node_run.c.run_id == bindparam("id"))
_SUCCEEDED = (
    select(attempt.c.unique_id, attempt.c.attempt_id, run.c.interval_start, run.c.interval_end)
    .join_from(attempt, run, run.c.run_id == attempt.c.run_id)
    .where(
        attempt.c.unique_id.in_(bindparam("nodes", expanding=True)),
        attempt.c.outcome.in_([Outcome.SUCCESS, Outcome.WARN]),
        attempt.c.attempt_id > bindparam("after"),
        run.c.group_name == bindparam("name"),
    )
    .order_by(run.c.interval_start)
)
_WELL_RUNS = (
    select(run.c.interval_start, run.c.interval_end)
    .where(run.c.group_name == bindparam("name"), run.c.state == RunState.SUCCESS)
    .where(run.c.id > bindparam("after"))
    .order_by(run.c.interval_start)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """A run that failed and was told of, with the attempt at which each of its failed nodes failed."""

    run: Row[Any]
    nodes: Mapping[str, int]


def recovery(connection: Connection, ended: Row[Any]) -> Mapping[str, Any] | None:
    """What to tell of the end of a group's trouble, None when it is not over or there was none.

    It is over when each node that failed since the last recovery has succeeded after that, in whatever run
    and for whatever interval; runs that failed for intervals nobody made good are named.

    Args:
        connection: the transaction in which the run succeeds.
        ended: the run that succeeds.
    """
    told = [from_json(row.payload) for row in connection.execute(_TOLD, {"name": ended.group_name})]
    if not told:
        return None
    failures = list(_failures(connection, told, _whole(connection, ended)))
    successes = _successes(connection, ended.group_name, failures)
    if not all(_repaired(failure, successes) for failure in failures):
        return None
    left = [failure.run for failure in failures if _left(connection, failure, successes)]
    left.sort(key=lambda row: (row.interval_start, row.interval_end))
    names = list(dict.fromkeys(compact(_interval(row), row.timezone) for row in left))
    more = len(names) - _MOST_NAMED
    said = ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return {"still_failed": said} if said else {}


def _whole(connection: Connection, ended: Row[Any]) -> frozenset[str] | None:
    """All nodes of the group, None where the run may be one of some of them."""
    if ended.kind not in {RunKind.SCHEDULED, RunKind.DATASET}:
        return None
    return frozenset(connection.scalars(_RUN_NODES, {"id": ended.run_id}))


def _failures(
    connection: Connection, told: Sequence[Mapping[str, Any]], whole: frozenset[str] | None
) -> Iterator[_Failure]:
    """Failed runs that are still known; a node the group no longer has cannot be waited for."""
    nodes: dict[str, dict[str, int]] = {}
    for payload in told:
        run_id = str(payload.get("run_id") or "")
        failed = nodes.setdefault(run_id, {})
        for node in payload.get("nodes") or ():
            failed[node["unique_id"]] = node.get("attempt_id") or 0
        if payload.get("more"):  # the message lists no more than a hundred
            for row in connection.execute(_FAILED_NODES, {"id": run_id}):
                failed.setdefault(row.unique_id, min(failed.values(), default=0))
    ids = list(nodes)
    for first in range(0, len(ids), _CHUNK):
        for known in connection.execute(_RUNS, {"ids": ids[first : first + _CHUNK]}):
            failed = nodes[known.run_id]
            yield _Failure(
                run=known, nodes={uid: at for uid, at in failed.items() if whole is None or uid in whole}
            )


def _successes(
    connection: Connection, group: str, failures: list[_Failure]
) -> dict[str, list[tuple[int, int, int]]]:
    """Of each node that failed, its successes since: attempt, begin and end of the interval."""
    nodes: list[str] = sorted({uid for failure in failures for uid in failure.nodes})
    after = min((at for failure in failures for at in failure.nodes.values()), default=0)
    found: dict[str, list[tuple[int, int, int]]] = {}
    for first in range(0, len(nodes), _CHUNK):
        given = {"nodes": nodes[first : first + _CHUNK], "after": after, "name": group}
        for row in connection.execute(_SUCCEEDED, given):
            made = (row.attempt_id, row.interval_start, row.interval_end)
            found.setdefault(row.unique_id, []).append(made)
    return found


def _repaired(failure: _Failure, successes: Mapping[str, list[tuple[int, int, int]]]) -> bool:
    return all(any(made > at for made, _, _ in successes.get(uid, ())) for uid, at in failure.nodes.items())


def _left(
    connection: Connection, failure: _Failure, successes: Mapping[str, list[tuple[int, int, int]]]
) -> bool:
    """Whether the interval of a failed run is still as the run left it."""
    if failure.run.state != RunState.FAILED:
        return False
    if not failure.nodes:  # it failed as a whole: what did not begin is made good by a run that succeeds
        given = {"name": failure.run.group_name, "after": failure.run.id}
        well = [(row.interval_start, row.interval_end) for row in connection.execute(_WELL_RUNS, given)]
        return not _covered(failure.run, well)
    return not all(
        _covered(failure.run, [(begin, end) for made, begin, end in successes.get(uid, ()) if made > at])
        for uid, at in failure.nodes.items()
    )


def _covered(row: Row[Any], parts: list[tuple[int, int]]) -> bool:
    """Whether parts, by their begin, leave nothing of a run's interval out."""
    until = row.interval_start
    for begin, end in parts:
        if begin > until:
            break
        until = max(until, end)
    return bool(until >= row.interval_end and parts)


def _interval(row: Row[Any]) -> Interval:
    return Interval(from_micros(row.interval_start), from_micros(row.interval_end))
