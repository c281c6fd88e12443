"""What runs left behind of each node, for the lineage report: states, durations, freshness."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING

from sqlorch.domain.run import NodeState, Outcome
from sqlorch.reports.model import NodeRuns

if TYPE_CHECKING:
    from sqlorch.app.lineage import LineageView
    from sqlorch.domain.history import AttemptRecord, NodeRecord, RunRecord
    from sqlorch.domain.timetable import Timetable
    from sqlorch.state.store import SqlStore

_SAMPLES = 10  # durations shown
_MEDIAN_OF = 5  # as estimates are made: a median of five ignores two outliers
_LOOK_BACK = 300  # newest runs among which the newest sitting is looked for
_PAUSE = timedelta(minutes=2)  # runs further apart were started by hand at another time
STATES = {
    Outcome.SUCCESS: "success",
    Outcome.WARN: "warn",
    Outcome.FAIL: "failed",
    Outcome.ERROR: "failed",
    Outcome.LOST: "failed",
    Outcome.CANCELLED: "cancelled",
}
# States of a node that was never tried in a run, and yet is done with.
_UNTRIED = frozenset({NodeState.SKIPPED, NodeState.UPSTREAM_FAILED, NodeState.CANCELLED})
_NOTHING = NodeRuns()


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What is remembered of a project's nodes, read once.

    Attributes:
        newest: the newest attempt at each node, tests included.
        successes: the last successful attempts, newest first.
        sitting: the newest run of each group in the newest sitting, newest first.
        nodes: the nodes of these runs, by run id.
        attempts: the attempts of these runs in their newest generation, oldest first.
    """

    newest: Mapping[str, AttemptRecord] = field(default_factory=dict)
    successes: Mapping[str, Sequence[AttemptRecord]] = field(default_factory=dict)
    sitting: Sequence[RunRecord] = ()
    nodes: Mapping[str, Sequence[NodeRecord]] = field(default_factory=dict)
    attempts: Sequence[AttemptRecord] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing ever ran."""
        return not self.newest and not self.sitting

    @cached_property
    def untried(self) -> Mapping[str, tuple[NodeRecord, RunRecord]]:
        """Nodes that the newest sitting passed over, with the run in which it did."""
        return {
            node.unique_id: (node, run)
            for run in reversed(self.sitting)
            for node in self.nodes[run.run_id]
            if node.state in _UNTRIED and node.outcome is None
        }

    def state(self, unique_id: str) -> str | None:
        """How a node stands after the newest run it was in; None when it was in none."""
        attempt = self.newest.get(unique_id)
        if unique_id in self.untried:
            node, run = self.untried[unique_id]
            if attempt is None or run.started_at is None or attempt.started_at < run.started_at:
                return str(node.state)
        if attempt is None:
            return None
        return "running" if attempt.outcome is None else STATES[attempt.outcome]

    def seconds(self, unique_id: str) -> float | None:
        """Median seconds of its last successes."""
        samples = [seconds_of(attempt) for attempt in self.successes.get(unique_id, ())[:_MEDIAN_OF]]
        return median(samples) if samples else None

    def last_success(self, unique_id: str) -> AttemptRecord | None:
        """Its newest successful attempt."""
        found = self.successes.get(unique_id)
        return found[0] if found else None


def recall(view: LineageView) -> Memory:
    """Read what is remembered of a project; where no state file is, none is made.

    Raises:
        StateError: the state file cannot be used.
    """
    if not view.workspace.has_state:
        return Memory()
    from sqlorch.state.past import open_past  # noqa: PLC0415 - SQLAlchemy; a report without runs does without

    executed = list(view.grouping.group_of)
    with (
        view.workspace.store() as store,
        open_past(view.workspace.state_file, url=view.workspace.state_url) as past,
    ):
        sitting = _sitting(store)
        return Memory(
            newest=past.newest(executed),
            successes=past.successes(executed, limit=_SAMPLES),
            sitting=sitting,
            nodes={run.run_id: store.nodes(run.run_id) for run in sitting},
            attempts=[
                attempt
                for run in sitting
                for attempt in store.attempts(run.run_id)
                if attempt.gen == run.gen  # what was tried before a retry may be days ago
            ],
        )


def _sitting(store: SqlStore) -> list[RunRecord]:
    """The newest run of each group, as far as one run followed the other without a pause."""
    begun = [(run.started_at, run) for run in store.runs(limit=_LOOK_BACK) if run.started_at is not None]
    begun.sort(key=lambda pair: pair[0], reverse=True)
    found: dict[str, RunRecord] = {}
    earliest: datetime | None = None
    for started, run in begun:
        if earliest is not None and earliest - (run.finished_at or started) > _PAUSE:
            break
        earliest = started
        found.setdefault(run.group, run)
    return list(found.values())


def node_runs(
    memory: Memory,
    unique_id: str,
    *,
    now: datetime,
    timetable: Timetable | None,
    parents: Collection[str],
    critical: bool,
) -> NodeRuns:
    """The figures of one node.

    Args:
        memory: what is remembered.
        unique_id: the node.
        now: when the report is made.
        timetable: of its group, None where it has none.
        parents: what it reads.
        critical: whether it is on the critical path.
    """
    attempt = memory.newest.get(unique_id)
    state = memory.state(unique_id)
    if attempt is None:
        return NodeRuns(state=state) if state else _NOTHING
    success = memory.last_success(unique_id)
    return NodeRuns(
        state=state,
        seconds=memory.seconds(unique_id),
        last_run=attempt.finished_at or attempt.started_at,
        rows=success.rows if success else None,
        freshness_seconds=(now - end_of(success)).total_seconds() if success else None,
        stale=success is not None and _stale(memory, success, now, timetable, parents),
        critical=critical,
        durations=tuple(seconds_of(past) for past in reversed(memory.successes.get(unique_id, ()))),
        message=attempt.message if _failed(attempt) else None,
    )


def _stale(
    memory: Memory,
    success: AttemptRecord,
    now: datetime,
    timetable: Timetable | None,
    parents: Collection[str],
) -> bool:
    """With a schedule: two fires have passed since. Without: what it reads was built anew since."""
    if timetable is not None and timetable.scheduled:
        fire = timetable.next_fire(end_of(success))
        after = timetable.next_fire(fire) if fire is not None else None
        return after is not None and after < now
    newer = (memory.last_success(parent) for parent in parents)
    return any(above is not None and end_of(above) > success.started_at for above in newer)


def _failed(attempt: AttemptRecord) -> bool:
    return attempt.outcome is not None and not attempt.outcome.ok


def seconds_of(attempt: AttemptRecord) -> float:
    """How long it took; 0 while it is under way."""
    return (end_of(attempt) - attempt.started_at).total_seconds()


def end_of(attempt: AttemptRecord) -> datetime:
    """When it ended, or began while it is under way."""
    return attempt.finished_at or attempt.started_at
