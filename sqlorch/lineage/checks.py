"""Faults of a project that can be told from its files: each rule yields findings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlorch.domain.dag import Dag, Node, cycle_message
from sqlorch.domain.errors import CycleError
from sqlorch.domain.group import DEFAULT_GROUP
from sqlorch.domain.grouping import Grouping
from sqlorch.lineage.cascades import short_lived_views
from sqlorch.lineage.project import Project

Severity = Literal["error", "warning"]
_SEVERITY: dict[str, Severity] = {"duplicate": "error"}
_RULES = {"degraded": "unreadable", "assumed": "profile"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or probably is.

    Attributes:
        rule: ``cycle``, ``unknown-ref``, ``duplicate``, ``groups``, ``unreadable``, ``invalid``, ``ignored``,
            ``profile``, ``expectations``, ``unused-source``, ``ungrouped``, ``untested``,
            ``short-lived-view``.
        severity: ``error`` when the project cannot run like this, else ``warning``.
        message: what is wrong and what to do.
        path: the file, relative to the project's folder; "" when there is none.
        line: the line, from 1; 0 when it is not known.
        unique_id: the node concerned, or "".
        nearest: existing names that are close to one that does not exist.
    """

    rule: str
    severity: Severity
    message: str
    path: str = ""
    line: int = 0
    unique_id: str = ""
    nearest: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """``file:line``, as far as it is known."""
        return f"{self.path}:{self.line}" if self.line else self.path


def check_project(project: Project, grouping: Grouping | None) -> list[Finding]:
    """Apply every rule.

    What only the author of a package could change is not asked of it: sources, tests and groups are judged in
    the root project alone.

    Args:
        project: as loaded.
        grouping: who belongs to which group; None when that is not to be judged.

    Returns:
        Errors first, each kind by file and line.
    """
    lines = _Lines(project.root)
    findings = [*_unresolved(project), *_warnings(project)]
    findings += _unused_sources(project.dag, lines)
    findings += _untested(project.dag, lines)
    if grouping is not None:
        findings += _ungrouped(project.dag, grouping)
        findings += _short_lived(project, grouping, lines)
    return sorted(findings, key=lambda f: (f.severity, f.path, f.line, f.rule, f.message))


def cycle_findings(error: CycleError, root: Path) -> list[Finding]:
    """What cycles look like as findings: each at the place where its first file reads the next."""
    lines = _Lines(root)
    return [_cycle(cycle, lines) for cycle in error.cycles]


def _cycle(cycle: tuple[tuple[str, str], ...], lines: _Lines) -> Finding:
    (read, _), (reader, path) = cycle[-2:]
    quoted = rf"(['\"]){re.escape(read.rsplit('.', 1)[-1])}\1"
    return Finding(
        rule="cycle",
        severity="error",
        message=cycle_message([cycle]),
        path=path,
        line=lines.of(path, quoted),
        unique_id=reader,
    )


def _unresolved(project: Project) -> Iterator[Finding]:
    for found in project.unresolved:
        what = "is disabled" if found.reason == "disabled" else "does not exist"
        hint = f"; did you mean {' or '.join(found.nearest)}?" if found.nearest else ""
        yield Finding(
            rule="unknown-ref",
            severity="error",
            message=f"{found.reference} {what}{hint}",
            path=found.path,
            line=found.line,
            unique_id=found.unique_id,
            nearest=found.nearest,
        )


def _warnings(project: Project) -> Iterator[Finding]:
    for found in project.warnings:
        yield Finding(
            rule=_RULES.get(found.kind, found.kind),
            severity=_SEVERITY.get(found.kind, "warning"),
            message=found.message,
            path=found.path,
            line=found.line,
            unique_id=found.unique_id,
        )


def _unused_sources(dag: Dag, lines: _Lines) -> Iterator[Finding]:
    for node in _own(dag, "source"):
        if any(not dag[child].is_test for child in dag.children(node.unique_id)):
            continue
        table = re.escape(node.name)
        yield Finding(
            rule="unused-source",
            severity="warning",
            message=f"nothing reads the source {node.source_name}.{node.name}; remove it or use it",
            path=node.path,
            line=lines.of(node.path, rf"\bname:\s*(['\"]?){table}\1\s*(#|,|\}}|$)"),
            unique_id=node.unique_id,
        )


def _untested(dag: Dag, lines: _Lines) -> Iterator[Finding]:
    for node in _own(dag, "model"):
        if any(dag[child].is_test for child in dag.children(node.unique_id)):
            continue
        yield Finding(
            rule="untested",
            severity="warning",
            message=f"no test looks at {node.name}; a unique or not_null test on its key is a beginning",
            path=node.path,
            line=lines.of(node.path, r"\S"),
            unique_id=node.unique_id,
        )


def _ungrouped(dag: Dag, grouping: Grouping) -> Iterator[Finding]:
    if len(grouping.groups) < 2:  # noqa: PLR2004 - the default group is always there
        return
    for node in _own(dag, "model"):
        if grouping.group_of.get(node.unique_id) == DEFAULT_GROUP and node.materialized != "ephemeral":
            yield Finding(
                rule="ungrouped",
                severity="warning",
                message=f"{node.name} is in no group: no schedule runs it; select it in sqlorch.yml",
                path=node.path,
                line=1,
                unique_id=node.unique_id,
            )


def _short_lived(project: Project, grouping: Grouping, lines: _Lines) -> Iterator[Finding]:
    for view, read in short_lived_views(project.dag, grouping, project.adapter):
        ours, theirs = (grouping.group_of.get(node.unique_id) for node in (view, read))
        yield Finding(
            rule="short-lived-view",
            severity="warning",
            message=f"the view {view.name} (group {ours}) is dropped whenever {read.name} (group {theirs}) "
            f"is made anew, and missing until {ours} runs: put both into one group, make {view.name} "
            f"a table, or {read.name} incremental",
            path=view.path,
            line=lines.of(view.path, r"\S"),
            unique_id=view.unique_id,
        )


def _own(dag: Dag, kind: str) -> list[Node]:
    return [node for node in dag.nodes.values() if node.kind == kind and node.package == dag.project]


class _Lines:
    """Finds lines in files of the root project, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._texts: dict[str, str] = {}

    def of(self, path: str, pattern: str) -> int:
        """The line of the first match, 0 when there is none."""
        if path not in self._texts:
            try:
                self._texts[path] = (self._root / path).read_text(encoding="utf-8", errors="replace")
            except OSError:  # it is gone since it was read: the finding stands without a line
                self._texts[path] = ""
        match = re.search(pattern, self._texts[path], re.MULTILINE)
        return self._texts[path].count("\n", 0, match.start()) + 1 if match else 0
