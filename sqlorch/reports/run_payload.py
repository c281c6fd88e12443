"""The report on a run as the two documents its page reads: ``run`` to show at once, ``texts`` when asked.

Nodes are named by their place, as JSON objects with names of somebody's choice would need care in a browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlorch.reports.layout import lay_out
from sqlorch.reports.payload import VERSION, in_seconds, instant, short

if TYPE_CHECKING:
    from sqlorch.reports.run_model import Finding, RunNode, RunReport

_TESTS = frozenset({"test", "unit_test", "expectations"})


def run_document(report: RunReport) -> dict[str, Any]:
    """Everything but SQL: the header, the nodes with how they ended, their places and bars."""
    index = {node.unique_id: number for number, node in enumerate(report.nodes)}
    critical = {step.unique_id for step in report.path}
    return {
        "version": VERSION,
        "head": _head(report),
        "freshness": [asdict(source) for source in report.sources],
        "nodes": [_node(node, index, critical) for node in report.nodes],
        "drawing": _drawing(report, index),
        "path": [
            {
                "node": index[step.unique_id],
                "waited": in_seconds(step.waited),
                "seconds": in_seconds(step.seconds),
            }
            for step in report.path
            if step.unique_id in index
        ],
        "gantt": {"seconds": in_seconds(report.chart_seconds), "bars": _bars(report, index)},
    }


def texts_document(report: RunReport) -> dict[str, Any]:
    """SQL by the place of its node."""
    return {
        "sources": [
            [number, node.source.text, node.source.compiled, node.source.mark, node.source.language]
            for number, node in enumerate(report.nodes)
            if node.source is not None
        ]
    }


def _head(report: RunReport) -> dict[str, Any]:
    return {
        "run_id": report.run_id,
        "group": report.group,
        "kind": report.kind,
        "state": report.state,
        "reason": report.reason,
        "interval": report.interval,
        "interval_full": report.interval_full,
        "timezone": report.timezone,
        "generation": report.generation,
        "seconds": in_seconds(report.seconds),
        "queued": in_seconds(report.queued),
        "created_at": instant(report.created_at),
        "started_at": instant(report.started_at),
        "finished_at": instant(report.finished_at),
        "chart_start": instant(report.chart_start),
        "made_at": instant(report.made_at),
        "variables": sorted([name, str(value)] for name, value in report.variables.items()),
        "settings": [[name, value] for name, value in report.settings.items()],
        "retry": report.retry,
    }


def _node(node: RunNode, index: Mapping[str, int], critical: set[str]) -> dict[str, Any]:
    return {
        "id": node.unique_id,
        "name": node.name,
        "kind": node.kind,
        "test": node.kind in _TESTS,
        "path": node.path,
        "materialized": node.materialized,
        "state": node.state,
        "reason": node.reason,
        "message": node.message,
        "where": node.where,
        "on": index.get(node.on) if node.on is not None else None,
        "severity": node.severity,
        "seconds": in_seconds(node.seconds),
        "waited": in_seconds(node.waited),
        "rows": node.rows,
        "failures": node.failures,
        "tries": [
            {"number": each.number, "state": each.state, "message": each.message}
            | {"start": in_seconds(each.start), "end": in_seconds(each.end)}
            for each in node.tries
        ],
        "usual": [in_seconds(value) for value in node.usual],
        "hints": list(node.hints),
        "findings": [_finding(finding) for finding in node.findings],
        "log": node.log,
        "held": node.held,
        "critical": node.unique_id in critical,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return asdict(finding) | {"samples": list(finding.samples)}


def _drawing(report: RunReport, index: Mapping[str, int]) -> dict[str, Any]:
    """Places of what is built; tests stand with what they test."""
    drawn = [node.unique_id for node in report.nodes if node.kind not in _TESTS]
    layout = lay_out(drawn, dict.fromkeys(report.edges, False))
    return {
        "places": [[index[uid], short(layout.places[uid].x), short(layout.places[uid].y)] for uid in drawn],
        "edges": [
            [
                index[parent],
                index[child],
                [[short(x), short(y)] for x, y in layout.bends.get((parent, child), ())],
            ]
            for parent, child in report.edges
        ],
    }


def _bars(report: RunReport, index: Mapping[str, int]) -> list[dict[str, Any]]:
    """Attempts, and before each the time in which it waited: for a thread, or to be tried again."""
    bars = []
    for node in report.nodes:
        on = index.get(node.on) if node.on is not None else None
        row = {
            "node": index[node.unique_id] if on is None else on,
            "test": node.name if on is not None else None,
        }
        free = node.tries[0].start - (node.waited or 0.0) if node.tries else 0.0
        for each in node.tries:
            bar = row | {"attempt": each.number, "start": in_seconds(each.start), "end": in_seconds(each.end)}
            if each.start > free and on is None:
                word = "queued" if each is node.tries[0] else "retry_wait"
                bars.append(bar | {"start": in_seconds(free), "end": in_seconds(each.start), "state": word})
            bars.append(bar | {"state": each.state})
            free = each.end
    return bars
