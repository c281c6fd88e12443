"""The lineage report, composed: the graph, its columns and groups, and what the runs left behind."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sqlorch.app.report_chart import critical_path, gantt, headers
from sqlorch.app.report_runs import Memory, node_runs, recall
from sqlorch.app.report_tests import report_tests, tested_nodes
from sqlorch.app.report_texts import model_sql, owner_of, schedule_of
from sqlorch.reports.model import (
    LineageReport,
    ReportColumn,
    ReportColumnEdge,
    ReportGroup,
    ReportNode,
)

if TYPE_CHECKING:
    from sqlorch.app.lineage import LineageView
    from sqlorch.domain.dag import Node
    from sqlorch.domain.group import Group

_NAME_PART = re.compile(r'"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[\w$-]+')


def lineage_report(view: LineageView, chosen: Collection[str], *, now: datetime) -> LineageReport:
    """Everything the page shows.

    Args:
        view: the project.
        chosen: the nodes to show; tests among them are shown at what they test.
        now: the current instant; it is in the report only when something ever ran.

    Raises:
        SqlorchError: the groups or the state file cannot be used.
    """
    return _Composer(view, chosen, recall(view), now).report()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What is shown of the graph: nodes in lineage order, their parents, and the tests of each."""

    order: tuple[str, ...]
    parents: Mapping[str, tuple[str, ...]]
    tested: Mapping[str, tuple[str, ...]]


class _Composer:
    def __init__(self, view: LineageView, chosen: Collection[str], memory: Memory, now: datetime) -> None:
        self._view = view
        self._dag = view.project.dag
        self._memory = memory
        self._now = now
        self._groups = {group.name: group for group in view.grouping.groups}
        self._shown = _shown(view, chosen)
        self._columns = {uid: self._columns_of(self._dag[uid]) for uid in self._shown.order}
        names = {uid: [column.name for column in columns] for uid, columns in self._columns.items()}
        self._tests = report_tests(self._dag, self._shown.tested, names, memory)
        self._critical = self._critical_path()

    def report(self) -> LineageReport:
        memory, shown, inferred = self._memory, self._shown, self._view.project.inferred
        return LineageReport(
            project=self._view.project.name,
            adapter=self._view.project.adapter,
            nodes=tuple(self._node(self._dag[uid]) for uid in shown.order),
            edges={
                (parent, child): (parent, child) in inferred
                for child in shown.order
                for parent in shown.parents[child]
            },
            column_edges=tuple(self._column_edges()),
            groups=tuple(self._group(group) for group in self._view.grouping.groups),
            runs=headers(memory),
            gantt=gantt(memory, self._drawn_on(), self._now),
            generated_at=None if memory.empty else self._now,
        )

    def _node(self, node: Node) -> ReportNode:
        uid = node.unique_id
        group = self._groups.get(self._view.grouping.group_of.get(uid, ""))
        newest = self._memory.newest.get(uid)
        sql, compiled = model_sql(self._view.project, node, newest.compiled_path if newest else None)
        return ReportNode(
            unique_id=uid,
            name=_label(node),
            kind=node.kind,
            path=node.path,
            folder=str(PurePosixPath(node.path).parent) if node.path else "",
            schema=_schema(node),
            group=group.name if group else None,
            package=node.package,
            materialized=node.materialized,
            description=node.description,
            tags=tuple(sorted(node.tags)),
            owner=owner_of(node),
            relation=node.relation or "",
            sql=sql,
            compiled=compiled,
            language="python" if node.path.endswith(".py") else "sql",
            schedule=schedule_of(group, zone=True) if group else None,
            columns=self._columns[uid],
            tests=self._tests.get(uid, ()),
            runs=node_runs(
                self._memory,
                uid,
                now=self._now,
                timetable=group.timetable if group else None,
                parents=self._shown.parents[uid],
                critical=uid in self._critical,
            ),
        )

    def _group(self, group: Group) -> ReportGroup:
        return ReportGroup(
            name=group.name,
            schedule=schedule_of(group),
            timezone=group.timezone,
            description=group.description,
        )

    def _columns_of(self, node: Node) -> tuple[ReportColumn, ...]:
        """What the SQL returns, with what YAML says of it; then what YAML alone knows."""
        declared = {c.name.casefold(): c for c in self._view.project.columns.get(node.unique_id, ())}
        found = self._read_columns(node.unique_id)
        columns = []
        for name, kind, resolved in found:
            said = declared.pop(name.casefold(), None)
            columns.append(
                ReportColumn(
                    name=name,
                    type=kind or (said.data_type if said else ""),
                    description=said.description if said else "",
                    resolved=resolved,
                )
            )
        unread = node.kind == "model" and bool(declared)
        columns += [
            ReportColumn(name=c.name, type=c.data_type, description=c.description, resolved=not unread)
            for c in declared.values()
        ]
        return tuple(columns)

    def _read_columns(self, uid: str) -> Iterable[tuple[str, str, bool]]:
        model = self._view.columns.models.get(uid)
        if model is not None:
            return [(column.name, column.type, not column.unknown) for column in model.columns]
        known = self._view.known_columns.get(uid)
        return [(column.name, column.type, True) for column in known.columns] if known else []

    def _column_edges(self) -> Iterable[ReportColumnEdge]:
        for edge in self._view.columns.edges():
            if edge.source.node in self._columns and edge.target.node in self._columns:
                yield ReportColumnEdge(
                    parent=edge.source.node,
                    parent_column=edge.source.column,
                    child=edge.target.node,
                    child_column=edge.target.column or None,
                    kind=str(edge.kind or edge.label),
                    expression=edge.expression,
                )

    def _critical_path(self) -> frozenset[str]:
        """A node takes as long as itself and the longest of the tests that hold up what builds on it."""
        memory = self._memory
        gates: dict[str, float] = {}
        for test, nodes in self._shown.tested.items():
            seconds = memory.seconds(test) or 0.0
            if not _warns_only(self._dag[test]):
                for on in nodes:
                    gates[on] = max(gates.get(on, 0.0), seconds)
        seconds_of = {uid: memory.seconds(uid) for uid in self._shown.order}
        taken = {uid: own + gates.get(uid, 0.0) for uid, own in seconds_of.items() if own is not None}
        return critical_path(self._shown.order, self._shown.parents, taken)

    def _drawn_on(self) -> dict[str, tuple[str, str | None]]:
        tests = {uid: (nodes[0], self._dag[uid].name) for uid, nodes in self._shown.tested.items()}
        return {**{uid: (uid, None) for uid in self._shown.order}, **tests}


def _shown(view: LineageView, chosen: Collection[str]) -> _Shown:
    dag = view.project.dag
    order = tuple(uid for uid in dag.order if uid in chosen and not dag[uid].is_test)
    place = {uid: number for number, uid in enumerate(order)}
    tested = {uid: tuple(on for on in nodes if on in place) for uid, nodes in tested_nodes(dag).items()}
    return _Shown(
        order=order,
        parents={uid: tuple(sorted(place.keys() & dag.parents(uid), key=place.__getitem__)) for uid in order},
        tested={uid: nodes for uid, nodes in sorted(tested.items()) if nodes},
    )


def _label(node: Node) -> str:
    if node.kind == "source":
        return f"{node.source_name}.{node.name}"
    return node.name if node.version is None else f"{node.name}.v{node.version}"


def _schema(node: Node) -> str:
    """The schema in the name of what it builds; a source that is files has none."""
    parts = _NAME_PART.findall(node.relation or "")
    dotted = ".".join(parts) == node.relation
    return parts[-2].strip('"`[]') if dotted and len(parts) > 1 else ""


def _warns_only(test: Node) -> bool:
    return str(test.config.get("severity") or "error").lower() == "warn"
