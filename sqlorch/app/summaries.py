"""Tables that answer a dashboard's first questions, made from the runs when a file is published.

They are tables and not views, because a published file holds rows alone, which every client reads the same
way. Their columns are a promise to people's dashboards: new ones are only added at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlorch.app.report_texts import owner_of
from sqlorch.domain.dag import TEST_KINDS
from sqlorch.domain.grouping import ASSIGNED_KINDS
from sqlorch.domain.run import Outcome
from sqlorch.domain.sla import verdicts
from sqlorch.domain.trends import Execution, NodeTrend, day_of, day_trends, node_days, node_trends
from sqlorch.engine.ports import ArrowStream, ExportTable

if TYPE_CHECKING:
    from datetime import datetime

    from sqlorch.domain.dag import Dag, Node
    from sqlorch.domain.grouping import Grouping
    from sqlorch.domain.sla import Verdict
    from sqlorch.state.moment import Moment

_Rows = Iterator[tuple[Any, ...]]

_NODE = [("unique_id", "text"), ("name", "text"), ("kind", "text"), ("group_name", "text"), ("owner", "text")]
_FIGURES = [
    ("attempts", "integer"),
    ("successes", "integer"),
    ("failures", "integer"),
    ("retries", "integer"),
    ("p50_seconds", "real"),
    ("p95_seconds", "real"),
    ("total_seconds", "real"),
    ("rows", "integer"),
]
_LATER = [("bytes", "integer"), ("p50_queued_seconds", "real"), ("p95_queued_seconds", "real")]


class _Source:
    """What the tables are made from, read once for all of them."""

    def __init__(self, moment: Moment, dag: Dag, groups: Grouping, now: datetime) -> None:
        self._trends = moment.trends
        self._dag = dag
        self._groups = groups
        self._now = now

    @cached_property
    def executions(self) -> list[Execution]:
        return self._trends.executions()

    def owner(self, unique_id: str) -> str | None:
        """Who answers for a node, as alerts have it.

        For a test without an owner of its own, who answers for what it tests; else the owner of its group.
        """
        node = self._dag.nodes.get(unique_id)
        if node is None:
            return None
        asked = [node, *(self._tested(node) if node.kind in TEST_KINDS else ())]
        group = self._groups.group_of.get(unique_id, "")
        return next(filter(None, map(owner_of, asked)), None) or self._group_owners.get(group)

    @cached_property
    def _group_owners(self) -> dict[str, str]:
        return {group.name: group.owner for group in self._groups.groups if group.owner}

    def _tested(self, test: Node) -> Iterable[Node]:
        uids = (
            [test.attached_to] if test.attached_to in self._dag else sorted(self._dag.parents(test.unique_id))
        )
        return [self._dag[uid] for uid in uids if uid is not None]

    def daily_runs(self) -> _Rows:
        for day in day_trends(self._trends.runs()):
            failed = day.runs - day.succeeded
            yield day.day, day.group, day.runs, day.succeeded, failed, day.rate, day.p50, day.p95, day.queued

    def daily_nodes(self) -> _Rows:
        for each in node_days(self.executions):
            yield each.day, *self._node(each.node), *_figures(each.node)

    def node_durations(self) -> _Rows:
        for node in node_trends(self.executions):
            yield *self._node(node), *_figures(node)

    def owner_failures(self) -> _Rows:
        found = Counter(
            (
                day_of(each.at),
                self.owner(each.unique_id) or "",
                each.unique_id,
                each.name,
                each.kind,
                each.group,
            )
            for each in self.executions
            if each.outcome in {Outcome.FAIL, Outcome.ERROR, Outcome.LOST}
        )
        for (day, owner, *node), failures in sorted(found.items()):
            yield day, owner or None, *node, failures

    def deadlines(self) -> _Rows:
        rules = {group.name: group.rules for group in self._groups.groups}
        for run in self._trends.scheduled():
            for each in verdicts(run, rules[run.group], self._now) if run.group in rules else ():
                yield _deadline(each)

    def freshness(self) -> _Rows:
        for each in self._trends.fresh():
            node = self._dag.nodes.get(each.unique_id)
            if node is not None and node.kind in ASSIGNED_KINDS:
                group = self._groups.group_of.get(each.unique_id)
                behind = (self._now - each.until).total_seconds()
                named = each.unique_id, node.name, node.kind, group, self.owner(each.unique_id)
                yield *named, each.until, each.made_at, behind

    def _node(self, node: NodeTrend) -> tuple[Any, ...]:
        return node.unique_id, node.name, node.kind, node.group, self.owner(node.unique_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Summary:
    description: str
    columns: list[tuple[str, str]]
    rows: Callable[[_Source], _Rows]


SUMMARIES = {
    "daily_runs": _Summary(
        description="One row a day (UTC) and group: how many runs succeeded, how long they took and waited.",
        columns=[
            ("day", "timestamp"),
            ("group_name", "text"),
            ("runs", "integer"),
            ("succeeded", "integer"),
            ("failed", "integer"),
            ("success_rate", "real"),
            ("p50_seconds", "real"),
            ("p95_seconds", "real"),
            ("p50_queued_seconds", "real"),
        ],
        rows=_Source.daily_runs,
    ),
    "daily_nodes": _Summary(
        description="One row a day (UTC) and node: attempts, failures, retries, and how long it took.",
        columns=[("day", "timestamp"), *_NODE, *_FIGURES, *_LATER],
        rows=_Source.daily_nodes,
    ),
    "node_durations": _Summary(
        description="One row a node, over all that is remembered: attempts, failures, seconds.",
        columns=[*_NODE, *_FIGURES, *_LATER],
        rows=_Source.node_durations,
    ),
    "owner_failures": _Summary(
        description="One row a day (UTC), owner and node that failed; owner is null where nobody is named.",
        columns=[
            ("day", "timestamp"),
            ("owner", "text"),
            ("unique_id", "text"),
            ("name", "text"),
            ("kind", "text"),
            ("group_name", "text"),
            ("failures", "integer"),
        ],
        rows=_Source.owner_failures,
    ),
    "deadlines": _Summary(
        description="One row a scheduled run and deadline of its group: by when, and whether in time.",
        columns=[
            ("run_id", "text"),
            ("group_name", "text"),
            ("interval_start", "timestamp"),
            ("interval_end", "timestamp"),
            ("deadline", "text"),
            ("within_seconds", "real"),
            ("due_at", "timestamp"),
            ("reached_at", "timestamp"),
            ("late_seconds", "real"),
            ("met", "integer"),
        ],
        rows=_Source.deadlines,
    ),
    "freshness": _Summary(
        description="One row a model, seed or snapshot: how far its data reached when this was published.",
        columns=[
            *_NODE,
            ("data_until", "timestamp"),
            ("made_at", "timestamp"),
            ("behind_seconds", "real"),
        ],
        rows=_Source.freshness,
    ),
}


def summary_tables(moment: Moment, dag: Dag, groups: Grouping, *, now: datetime) -> list[ExportTable]:
    """The tables, to be published; ``dag`` knows the owners, ``groups`` the deadlines."""
    source = _Source(moment, dag, groups, now)
    return [_table(name, summary, source) for name, summary in SUMMARIES.items()]


def _table(name: str, summary: _Summary, source: _Source) -> ExportTable:
    @contextmanager
    def stream() -> Iterator[ArrowStream]:
        from sqlorch.exporters.arrow import table_from_rows  # noqa: PLC0415 - pyarrow is heavy

        yield table_from_rows(summary.columns, summary.rows(source))

    return ExportTable(name=name, open=stream, description=summary.description)


def _figures(node: NodeTrend) -> tuple[Any, ...]:
    tried = node.executions, node.successes, node.failures, node.retries
    later = node.bytes_read, node.queued_p50, node.queued_p95
    return *tried, node.p50, node.p95, node.total, node.rows, *later


def _deadline(each: Verdict) -> tuple[Any, ...]:
    run, deadline = each.run, each.deadline
    return (
        run.run_id,
        run.group,
        run.interval.start,
        run.interval.end,
        deadline.kind,
        deadline.within.total_seconds(),
        deadline.at,
        each.reached,
        None if each.late is None else each.late.total_seconds(),
        None if each.met is None else int(each.met),
    )
