"""The report as the two documents the page reads: ``graph`` to draw at once, ``detail`` to look closer.

They are JSON in UTF-8, compressed as raw deflate and written in base64, so that nothing anybody named or
wrote can be read as markup, and a browser unpacks them by ``DecompressionStream("deflate-raw")``.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlorch.reports.layout import lay_out

if TYPE_CHECKING:
    from sqlorch.reports.layout import Layout
    from sqlorch.reports.model import Gantt, LineageReport, ReportNode, ReportRun, ReportTest

VERSION = 1
_STAY_LEFT = frozenset({"source"})  # data enters on the left; what is looked up stands beside its reader
_LEVEL = 9
_RAW = -15  # window of 32 KiB, no header


def packed(document: Mapping[str, Any]) -> str:
    """A document as base64 of its deflated JSON; the same document always gives the same text."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    compressor = zlib.compressobj(level=_LEVEL, wbits=_RAW)
    # A file name that is no Unicode has halves of characters in it, which no UTF-8 can hold.
    data = compressor.compress(text.encode("utf-8", "replace")) + compressor.flush()
    return base64.b64encode(data).decode("ascii")


def graph_document(report: LineageReport) -> dict[str, Any]:
    """What is drawn: places, edges, and the figures that colour them."""
    index = {node.unique_id: number for number, node in enumerate(report.nodes)}
    layout = lay_out(
        index,
        report.edges,
        stay_left=frozenset(node.unique_id for node in report.nodes if node.kind in _STAY_LEFT),
    )
    runs = [_run(run) for run in report.runs]
    return {
        "version": VERSION,
        "project": report.project,
        "adapter": report.adapter,
        "generated_at": instant(report.generated_at),
        "nodes": [_node(node, layout) for node in report.nodes],
        "edges": _edges(report, layout, index),
        "groups": [
            {
                "name": group.name,
                "schedule": group.schedule,
                "timezone": group.timezone,
                "description": group.description,
                "owner": group.owner,
            }
            for group in report.groups
        ],
        "run": runs[0] if runs else None,
        "runs": runs,
        "gantt": _gantt(report.gantt, index) if report.gantt else None,
    }


def detail_document(report: LineageReport) -> dict[str, Any]:
    """What is read of a single node, and which column is made from which."""
    index = {node.unique_id: number for number, node in enumerate(report.nodes)}
    return {
        "nodes": {node.unique_id: _detail(node) for node in report.nodes},
        "column_edges": [
            [
                index[edge.parent],
                edge.parent_column,
                index[edge.child],
                edge.child_column,
                edge.kind,
                edge.expression,
            ]
            for edge in report.column_edges
            if edge.parent in index and edge.child in index
        ],
    }


def _node(node: ReportNode, layout: Layout) -> dict[str, Any]:
    place, runs = layout.places[node.unique_id], node.runs
    return {
        "id": node.unique_id,
        "name": node.name,
        "kind": node.kind,
        "path": node.path,
        "folder": node.folder,
        "schema": node.schema,
        "group": node.group,
        "package": node.package,
        "materialized": node.materialized,
        "x": short(place.x),
        "y": short(place.y),
        "layer": place.layer,
        "tests": len(node.tests),
        "columns": len(node.columns),
        "state": runs.state,
        "seconds": in_seconds(runs.seconds),
        "critical": runs.critical,
        "last_run": instant(runs.last_run),
        "rows": runs.rows,
        "freshness_seconds": in_seconds(runs.freshness_seconds),
        "stale": runs.stale,
    }


def _edges(report: LineageReport, layout: Layout, index: Mapping[str, int]) -> list[list[Any]]:
    edges = []
    for (parent, child), inferred in report.edges.items():
        bends = [[short(x), short(y)] for x, y in layout.bends.get((parent, child), ())]
        edges.append([index[parent], index[child], "inferred" if inferred else "ref", bends])
    return sorted(edges, key=lambda edge: (edge[0], edge[1]))


def _detail(node: ReportNode) -> dict[str, Any]:
    kind = "compiled" if node.compiled else "raw"
    return {
        "description": node.description,
        "owner": node.owner,
        "tags": list(node.tags),
        "relation": node.relation,
        "sql": node.sql,
        "sql_kind": None if node.sql is None else kind,
        "language": node.language,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "description": column.description,
                "status": "resolved" if column.resolved else "unknown",
            }
            for column in node.columns
        ],
        "tests": [_test(test) for test in node.tests],
        "schedule": node.schedule,
        "durations": [in_seconds(value) for value in node.runs.durations],
        "message": node.runs.message,
    }


def _test(test: ReportTest) -> dict[str, Any]:
    return {
        "name": test.name,
        "column": test.column,
        "severity": test.severity,
        "state": test.state,
        "failures": test.failures,
        "message": test.message,
        "at": instant(test.at),
    }


def _run(run: ReportRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "group": run.group,
        "interval": run.interval,
        "state": run.state,
        "started_at": instant(run.started_at),
        "finished_at": instant(run.finished_at),
    }


def _gantt(gantt: Gantt, index: Mapping[str, int]) -> dict[str, Any]:
    return {
        "start": instant(gantt.start),
        "seconds": in_seconds(gantt.seconds),
        "bars": [
            {
                "node": index[bar.node],
                "test": bar.test,
                "attempt": bar.attempt,
                "run_id": bar.run_id,
                "start": in_seconds(bar.start),
                "end": in_seconds(bar.end),
                "state": bar.state,
            }
            for bar in gantt.bars
            if bar.node in index
        ],
        "skipped_bars": gantt.skipped_bars,
    }


def instant(when: datetime | None) -> str | None:
    """In UTC, to the second."""
    return None if when is None else f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def in_seconds(value: float | None) -> float | None:
    """To the millisecond."""
    return None if value is None else short(round(value, 3))


def short(value: float) -> float:
    """Whole numbers without a fraction: every byte is downloaded by somebody."""
    return int(value) if value == int(value) else value
