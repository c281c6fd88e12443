"""What was unusual about a run: its nodes compared with what they did before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlorch.domain.anomaly import Anomaly, Sample, anomalies
from sqlorch.domain.dag import TEST_KINDS

if TYPE_CHECKING:
    from sqlorch.domain.history import NodeRecord, RunRecord
    from sqlorch.state.store import SqlStore

MOST_RUNS = 40  # a command that makes a year of runs is not held up by looking back from each


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """By unique id ``found``, what was unusual, and ``before``, the successes before, newest first."""

    found: Mapping[str, Sequence[Anomaly]] = field(default_factory=dict)
    before: Mapping[str, Sequence[Sample]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """A node of a run that was unlike itself."""

    run: RunRecord
    node: NodeRecord
    anomaly: Anomaly


def unlike_before(
    store: SqlStore, runs: Sequence[RunRecord], nodes: Mapping[str, Sequence[NodeRecord]]
) -> list[Unlike]:
    """What was unusual in the newest of some runs, at most :data:`MOST_RUNS` of them.

    Args:
        store: where those before are remembered.
        runs: in the order they were made.
        nodes: the nodes of each, by run id.
    """
    found = []
    for run in runs[-MOST_RUNS:]:
        records = {node.unique_id: node for node in nodes[run.run_id]}
        hints = run_hints(store, run, list(records.values())).found
        found += [
            Unlike(run=run, node=records[uid], anomaly=each) for uid, some in hints.items() for each in some
        ]
    return found


def run_hints(store: SqlStore, run: RunRecord, nodes: Sequence[NodeRecord]) -> Hints:
    """Compare each node of a run that succeeded with its successes before that run.

    A full refresh builds everything from scratch: it is compared with nothing. The rule is in
    :mod:`sqlorch.domain.anomaly`.
    """
    before = store.trends.before(run.run_id, run.interval)
    if run.invocation.get("full_refresh"):
        return Hints(before=before)
    found = {
        node.unique_id: anomalies(Sample(seconds=node.seconds, rows=node.rows), before[node.unique_id])
        for node in nodes
        if node.unique_id in before and _comparable(node) and node.seconds is not None
    }
    return Hints(found={uid: hints for uid, hints in found.items() if hints}, before=before)


def _comparable(node: NodeRecord) -> bool:
    return node.kind not in TEST_KINDS and node.outcome is not None and node.outcome.ok
