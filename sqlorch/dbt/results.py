"""dbt's RunResult as our NodeResult."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbt.artifacts.schemas.run import RunResult

from sqlorch.dbt import errors
from sqlorch.domain.adapter_figures import rows_written
from sqlorch.domain.retry import classify
from sqlorch.domain.run import ErrorClass, NodeResult, Outcome

_OUTCOMES = {
    "success": Outcome.SUCCESS,
    "pass": Outcome.SUCCESS,
    "no-op": Outcome.SUCCESS,
    "warn": Outcome.WARN,
    "fail": Outcome.FAIL,
    "error": Outcome.ERROR,
    "runtime error": Outcome.ERROR,
    "partial success": Outcome.ERROR,
    "skipped": Outcome.ERROR,
}


def node_result(
    node: Any,
    result: RunResult,
    *,
    raised: Exception | None,
    cancelled: bool,
    started_at: datetime,
    log_path: Path,
    project_root: Path,
) -> NodeResult:
    """Translate what dbt returned for one node.

    Args:
        node: the (compiled) node that was executed.
        result: dbt's result.
        raised: the exception dbt caught while it executed the node, if any.
        cancelled: whether we asked for the query to be cancelled.
        started_at: when the attempt began.
        log_path: its log.
        project_root: root of the project, to find the compiled file.
    """
    outcome = _OUTCOMES.get(str(result.status), Outcome.ERROR)
    if cancelled and not outcome.ok:
        outcome = Outcome.CANCELLED
    message = str(result.message or "")
    error_class, line = None, None
    if not outcome.ok:
        error_class = classify(raised) if raised is not None else ErrorClass.PERMANENT
        line = _line(node, message, project_root)
        message = errors.one_line(message, placed=line is not None)
    response = dict(result.adapter_response or {})
    return NodeResult(
        unique_id=node.unique_id,
        outcome=outcome,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        rows=rows_written(response, getattr(node.config, "materialized", "")),
        message=message,
        error_class=error_class,
        failures=result.failures if node.resource_type.value in {"test", "unit_test"} else None,
        file=str(node.original_file_path).replace("\\", "/"),
        line=line,
        compiled_path=_compiled_path(node, project_root),
        log_path=str(log_path),
        adapter_response={k: v for k, v in response.items() if isinstance(v, str | int | float | bool)},
        timing=_timing(result),
    )


def _line(node: Any, message: str, project_root: Path) -> int | None:
    if str(node.original_file_path).endswith((".yml", ".yaml")):
        return _declared_line(node, project_root)
    raw_code = getattr(node, "raw_code", "") or ""
    place = errors.place_of(message)
    found = errors.source_line(raw_code, place, getattr(node, "compiled_code", "") or "") if place else None
    return found or errors.mentioned_line(raw_code, message)


def _declared_line(node: Any, project_root: Path) -> int | None:
    """The line of a YAML file that declares a test: where its name, or that of its kind, stands alone."""
    try:
        path = project_root / node.original_file_path
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # a test of an installed package
        return None
    names = [node.name, getattr(getattr(node, "test_metadata", None), "name", None)]
    for name in filter(None, names):
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        hits = [number for number, line in enumerate(lines, 1) if word.search(line)]
        if len(hits) == 1:
            return hits[0]
    return None


def _compiled_path(node: Any, project_root: Path) -> str | None:
    # what dbt runs of a data test counts its rows; what it compiled returns them, for whoever repairs them
    found = ("build_path", "compiled_path")
    for attribute in reversed(found) if node.resource_type == "test" else found:
        path = getattr(node, attribute, None)
        if path:
            return str(project_root / path)
    return None


def _timing(result: RunResult) -> dict[str, float]:
    return {
        phase.name: (phase.completed_at - phase.started_at).total_seconds()
        for phase in result.timing
        if phase.started_at and phase.completed_at
    }
