"""``sqlorch doctor``: everything that can be told of a set-up without running anything, in remarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqlorch.app import doctor_disk, doctor_project, doctor_schedules, doctor_state, doctor_versions
from sqlorch.app.clock import SystemClock
from sqlorch.app.lineage import LineageView, check, open_view
from sqlorch.app.snapshot import runs_at_once
from sqlorch.app.workspace import Choices, Workspace, open_workspace
from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.remarks import Remark

if TYPE_CHECKING:
    from datetime import datetime

    from sqlorch.domain.group import Group


def examine(choices: Choices) -> Iterator[Remark]:
    """Look at project, schedules, runs, disk, versions, state, clock and daemon, in this order.

    What is wrong with one of them keeps nobody from looking at the others. Nothing is run, nothing of dbt is
    imported, and the state is neither made nor upgraded.

    Raises:
        SqlorchError: there is no project, or its settings or its files cannot be read at all.
    """
    now = SystemClock().now()
    findings = check(choices)
    workspace = open_workspace(choices, connects=False)
    view = _view(choices)
    groups = _groups(workspace, view)
    yield from doctor_project.remarks(findings, view)
    yield from doctor_schedules.remarks(groups, now)
    state = doctor_state.examine(workspace, "" if view is None else view.project.target, now)
    yield from _runs(view, groups, state, now)
    yield from doctor_disk.remarks(workspace)
    yield from doctor_versions.remarks("" if view is None else view.project.adapter)
    yield from state.remarks
    yield doctor_schedules.zones(groups)


def _runs(
    view: LineageView | None, groups: Sequence[Group], state: doctor_state.Examined, now: datetime
) -> Iterator[Remark]:
    yield from doctor_schedules.durations(groups, state.runs)
    if view is not None:
        yield from doctor_schedules.crowds(groups, now, runs_at_once(view))


def _view(choices: Choices) -> LineageView | None:
    """The project with its groups; None where they do not hold together, which is told already."""
    try:
        view = open_view(choices)
        _ = view.grouping
    except SqlorchError:
        return None
    return view


def _groups(workspace: Workspace, view: LineageView | None) -> Sequence[Group]:
    """The groups with what nodes say of them; only those of the settings where nodes cannot be asked."""
    found = workspace.settings.groups if view is None else view.grouping.groups
    return [group for group in found if group.timetable.scheduled]
