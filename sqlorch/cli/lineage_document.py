"""Lineage, impact and trace as JSON documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlorch.lineage.fields import fields_of
from sqlorch.lineage.origin import row_deciders

if TYPE_CHECKING:
    from sqlorch.app.lineage import Changes, LineageView
    from sqlorch.domain.dag import Node
    from sqlorch.lineage.columns import ColumnLineage, ColumnRef
    from sqlorch.lineage.fields import fields_of
    from sqlorch.lineage.impact import ColumnImpact, Impact
from sqlorch.lineage.origin import Decider, Station


def lineage_document(view: LineageView, chosen: frozenset[str], *, columns: bool) -> dict[str, Any]:
    """The document of ``sqlorch lineage --format json``.

    Args:
        view: the project.
        chosen: the selected nodes; edges and column edges are those between them.
        columns: whether column lineage was asked for.
    """
    dag = view.project.dag
    lineage = view.columns if columns else None
    return {
        "nodes": [_node(view, dag[uid], lineage) for uid in dag.order if uid in chosen],
        "edges": [[p, c] for p, c in dag.edges if p in chosen and c in chosen],
        "column_edges": _column_edges(lineage, chosen) if lineage else [],
        "unresolved": [*_unresolved(view, chosen), *(_unread(lineage, chosen) if lineage else [])],
        "coverage": _coverage(view, lineage),
    }


def _node(view: LineageView, node: Node, lineage: ColumnLineage | None) -> dict[str, Any]:
    return {
        "unique_id": node.unique_id,
        "kind": node.kind,
        "name": node.name,
        "path": node.path,
        "group": view.grouping.group_of.get(node.unique_id),
        "materialized": node.materialized or None,
        "description": node.description,
        "columns": _columns(view, node, lineage),
    }


def _columns(view: LineageView, node: Node, lineage: ColumnLineage | None) -> list[dict[str, str]]:
    """What the SQL returns, with what YAML says of it; without column lineage, what YAML says alone."""
    known = view.known_columns if lineage is not None else {}
    return [
        {"name": field.name, "type": field.type, "description": field.description}
        for field in fields_of(view.project, node.unique_id, lineage, known)
    ]


def _column_edges(lineage: ColumnLineage, chosen: frozenset[str]) -> list[dict[str, Any]]:
    return [
        {
            "from": [edge.source.node, edge.source.column],
            # An edge that decides about all rows touches the model, not one of its columns.
            "to": [edge.target.node, edge.target.column or None],
            "kind": str(edge.kind or edge.label),
            "expression": edge.expression,
        }
        for edge in lineage.edges()
        if edge.target.node in chosen and (edge.source.node in chosen or ":" in edge.source.node)
    ]


def _unresolved(view: LineageView, chosen: frozenset[str]) -> list[dict[str, Any]]:
    references = [
        {
            "unique_id": found.unique_id,
            "reference": found.reference,
            "path": found.path,
            "line": found.line or None,
            "reason": found.reason,
            "nearest": list(found.nearest),
        }
        for found in view.project.unresolved
        if found.unique_id in chosen
    ]
    return references + [
        _problem(found.unique_id, found.path, found.line, found.message)
        for found in view.project.warnings
        if found.kind == "degraded" and found.unique_id in chosen
    ]


def _unread(lineage: ColumnLineage, chosen: frozenset[str]) -> list[dict[str, Any]]:
    return [
        _problem(model.node, "", model.line or 0, reason)
        for model in lineage.models.values()
        if model.node in chosen
        for reason in model.reasons
    ]


def _problem(unique_id: str, path: str, line: int, reason: str) -> dict[str, Any]:
    return {
        "unique_id": unique_id,
        "reference": None,
        "path": path,
        "line": line or None,
        "reason": reason,
        "nearest": [],
    }


def _coverage(view: LineageView, lineage: ColumnLineage | None) -> dict[str, Any]:
    """Of the whole project, whatever is selected."""
    degraded = {w.unique_id for w in view.project.warnings if w.kind == "degraded" and w.unique_id}
    found: dict[str, Any] = {
        "nodes": len(view.project.dag),
        "edges": len(view.project.dag.edges),
        "degraded": sorted(degraded),
        "unresolved": len(view.project.unresolved),
    }
    if lineage is None:
        return found
    told = lineage.coverage
    return found | {
        "models": told.models,
        "resolved_models": told.resolved_models,
        "partial_models": told.partial_models,
        "failed_models": told.failed_models,
        "columns": told.columns,
        "resolved_columns": told.resolved_columns,
        "columns_percent": round(told.columns_percent, 2),
        "sources": dict(sorted(view.sources.items())),
        "compiled_models": view.remembered.compiled,
    }


def impact_document(
    view: LineageView, impact: Impact, column: ColumnImpact | None, changes: Changes | None
) -> dict[str, Any]:
    """The document of ``sqlorch impact --json``."""
    group_of = view.grouping.group_of
    document: dict[str, Any] = {
        "starts": list(impact.starts),
        "nodes": [{"unique_id": uid, "group": group_of.get(uid)} for uid in impact.nodes],
        "tests": list(impact.tests),
        "exposures": list(impact.exposures),
    }
    if column is not None:
        document["column"] = _pair(column.start)
        document["columns"] = [_pair(ref) for ref in column.values]
        document |= {"rows": list(column.rows), "unsure": list(column.unsure)}
        document["untouched"] = list(column.untouched)
    if changes is not None:
        document |= {"files": list(changes.files), "other_files": list(changes.other)}
    return document


def trace_document(lineage: ColumnLineage, steps: Sequence[Station]) -> dict[str, Any]:
    """The document of ``sqlorch trace --json``."""
    return {
        "steps": [
            {
                "depth": step.depth,
                "column": _pair(step.ref),
                "kind": str(step.label) if step.label else None,
                "expression": step.expression,
                "inner": list(step.inner),
                "from": [[source.node, source.column, source.path] for source in step.sources],
                "decided_by": _deciders(step.deciders),
                "unknown": list(step.unknown),
            }
            for step in steps
        ],
        "rows": _deciders(row_deciders(lineage, steps[0].ref.node)),
    }


def _deciders(deciders: Iterable[Decider]) -> list[dict[str, Any]]:
    return [{"kind": str(kind), "column": [source.node, source.column]} for kind, source in deciders]


def _pair(ref: ColumnRef) -> list[str]:
    return [ref.node, ref.column]
