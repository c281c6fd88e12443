"""Which nodes of a group a run is to make: those that need it, and everything downstream of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from sqlorch.domain.coverage import Standing, newest_verdict, verdict_over
from sqlorch.domain.dag import EXPECTATIONS, Dag
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, Reprocess
from sqlorch.domain.lost import appends

_CHECKS = frozenset({"test", EXPECTATIONS})
INTERVAL_FREE_KINDS = frozenset({"seed", "function"})
"""Kinds that are the same whatever the interval: done once with the present code, they stay done."""

WANTED: Mapping[Reprocess, frozenset[Standing]] = MappingProxyType(
    {
        Reprocess.MISSING: frozenset({Standing.MISSING, Standing.FAILED}),
        Reprocess.FAILED: frozenset({Standing.FAILED}),
        Reprocess.CHANGED: frozenset({Standing.MISSING, Standing.FAILED, Standing.CHANGED}),
        Reprocess.ALL: frozenset(Standing),
    }
)


def standings_over(
    dag: Dag,
    members: Iterable[str],
    interval: Interval,
    entries: Mapping[str, Sequence[LedgerEntry]],
    changed: Callable[[str, str], str],
) -> dict[str, Standing]:
    """How nodes stand over an interval; seeds and their like, by their newest outcome.

    Args:
        dag: the project.
        members: the nodes.
        interval: of the run.
        entries: of each node; for seeds of any time, for others those that touch the interval.
        changed: ``(unique id, fingerprint) -> what has changed since``.
    """
    found: dict[str, Standing] = {}
    for uid in members:
        own, since = entries.get(uid, ()), partial(changed, uid)
        free = dag[uid].kind in INTERVAL_FREE_KINDS
        verdict = newest_verdict(own, since) if free else verdict_over(own, interval, since)
        found[uid] = verdict.standing
    return found


def needs_run(kind: str, standing: Standing, reprocess: Reprocess) -> bool:
    """Whether a node is to be made again for its own sake.

    A seed whose file has changed was never loaded as it is now: for such kinds ``changed`` is ``missing``.
    """
    if kind in INTERVAL_FREE_KINDS and standing is Standing.CHANGED:
        standing = Standing.MISSING
    return standing in WANTED[reprocess]


def examined(dag: Dag, checks: Iterable[str], among: frozenset[str]) -> dict[str, str]:
    """What failed checks have looked at, and has to be made again with them.

    A test that failed fails again until what it reads has changed, and repaired data gets there in no other
    way than by building it once more. Unit tests read no data. What appends is left as it is: its rows would
    be there twice.

    Args:
        dag: the project.
        checks: nodes that failed; those that are no checks are passed over.
        among: nodes that may be made again.

    Returns:
        For each node to make again, the first of the checks because of which it is.
    """
    found: dict[str, str] = {}
    for check in sorted(checks):
        if dag[check].kind in _CHECKS:
            for uid in dag.parents(check) & among:
                if not appends(dag[uid]):
                    found.setdefault(uid, check)
    return found


def nodes_to_run(
    dag: Dag, members: Iterable[str], standings: Mapping[str, Standing], reprocess: Reprocess
) -> dict[str, str]:
    """The nodes of a group that a run over one interval is to make.

    Args:
        dag: the project.
        members: executable nodes the run may hold: the group's, or those selected of it.
        standings: how each member stands over the interval; one that is not there is missing.
        reprocess: which of them are made again.

    Returns:
        For each node to make, in topological order, the node because of which it is made: itself, one that
        is upstream of it, or a check of it that failed. All members when all that depend on the interval
        need it, so that a fresh interval runs whole, seeds included.
    """
    among = frozenset(members)
    kinds = {uid: dag[uid].kind for uid in among}
    needed = {uid for uid in among if needs_run(kinds[uid], standings.get(uid, Standing.MISSING), reprocess)}
    bound = {uid for uid in among if kinds[uid] not in INTERVAL_FREE_KINDS}
    if needed and bound and bound <= needed:
        needed = set(among)
    failed = (uid for uid in needed if standings.get(uid) is Standing.FAILED)
    causes = _causes(dag, {**examined(dag, failed, among), **{uid: uid for uid in needed}})
    return {uid: causes[uid] for uid in sorted(among & causes.keys(), key=dag.position.__getitem__)}


def _causes(dag: Dag, begun: Mapping[str, str]) -> dict[str, str]:
    causes = dict(begun)
    queue = sorted(causes)
    for uid in queue:  # grows while it is read: breadth first, so the nearest cause is named
        for child in sorted(dag.children(uid)):
            if child not in causes:
                causes[child] = causes[uid]
                queue.append(child)
    return causes
