"""Examine a set-up: project, schedules, state, disk, versions, clocks, daemon. Nothing is changed."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.app import care
from sqlorch.app.clock import SystemClock
from sqlorch.app.lineage import LineageView, check, open_view
from sqlorch.app.living import living_daemons
from sqlorch.app.own_target import require_target
from sqlorch.app.snapshot import take_snapshot
from sqlorch.app.workspace import Choices
from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.examination import (
    MOST_SLOTS,
    Level,
    Remark,
    examine_disk,
    examine_pace,
    examine_schedule,
)
from sqlorch.domain.lease import SKEW_REFUSED, SKEW_TOLD, clock_skew
from sqlorch.domain.run import RunState

if TYPE_CHECKING:
    from sqlorch.domain.snapshot import Snapshot
    from sqlorch.state.store import SqlStore

OLDEST_DBT, NEWEST_DBT = (1, 10), (1, 12)  # the first that is, and the first that is not supported
_RECENT = 20  # runs of a group whose durations say how long it takes
_SHOWN = 5  # faults of the project; `sqlorch check` has the others
_AHEAD = 60.0  # seconds
_A_YEAR_OF_DAYS, _SLOTS_OF_ALL = 400, 100_000  # looked at, so that many groups take seconds and not minutes
_PACKAGES = ("sqlglot", "duckdb", "sqlalchemy")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patient:
    """What could be opened of a set-up."""

    view: LineageView
    snapshot: Snapshot
    store: SqlStore | None


def examine(choices: Choices) -> Iterator[Remark]:
    """Look at everything; what cannot be read is itself a finding, and ends what depends on it.

    Raises:
        SqlorchError: there is no project.
    """
    yield from _versions()
    yield from _faults(choices)
    try:
        view = open_view(choices)
        snapshot = take_snapshot(view, {})
    except SqlorchError as error:
        yield Remark(area="project", level=Level.ERROR, text=str(error))
        return
    size = f"{len(snapshot.nodes):,} nodes, {len(snapshot.groups):,} groups"
    yield Remark(area="project", level=Level.OK, text=f"{view.workspace.location.project_dir}: {size}")
    with ExitStack() as stack:
        store, remarks = _opened(view, stack)
        yield from remarks
        patient = _Patient(view=view, snapshot=snapshot, store=store)
        for part in (_schedules, _disk, _clock, _daemon):
            yield from _guarded(part, patient)


def _guarded(part: Callable[[_Patient], Iterator[Remark]], patient: _Patient) -> Iterator[Remark]:
    try:
        yield from part(patient)
    except SqlorchError as error:
        yield Remark(area=part.__name__.lstrip("_"), level=Level.ERROR, text=str(error))


def _versions() -> Iterator[Remark]:
    yield Remark(
        area="versions",
        level=Level.OK,
        text=f"sqlorch {metadata.version('sqlorch')}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, "
        + ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES),
    )
    dbt = metadata.version("dbt-core")
    adapters = sorted(
        f"{name} {one.version}"
        for one in metadata.distributions()
        if (name := one.metadata["Name"] or "").startswith("dbt-") and name not in _NO_ADAPTERS
    )
    supported = OLDEST_DBT <= _pair(dbt) < NEWEST_DBT
    oldest, newest = (".".join(map(str, pair)) for pair in (OLDEST_DBT, NEWEST_DBT))
    more = "" if supported else f": supported are versions from {oldest} to below {newest}"
    yield Remark(
        area="versions",
        level=Level.OK if supported else Level.ERROR,
        text=f"dbt-core {dbt}{more}; adapters: {', '.join(adapters) or 'none'}",
    )


_NO_ADAPTERS = frozenset(
    {"dbt-core", "dbt-common", "dbt-adapters", "dbt-semantic-interfaces", "dbt-extractor", "dbt-protos"}
)


def _pair(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _faults(choices: Choices) -> Iterator[Remark]:
    """What ``sqlorch check`` calls an error: cycles, models in two groups, unknown refs."""
    try:
        errors = [finding for finding in check(choices) if finding.severity == "error"]
    except SqlorchError:
        return  # told when the project is opened
    for finding in errors[:_SHOWN]:
        place = f"{finding.place}: " if finding.place else ""
        yield Remark(area="project", level=Level.ERROR, text=f"{place}{finding.message}")
    if len(errors) > _SHOWN:
        more = f"{len(errors) - _SHOWN} more errors: sqlorch check"
        yield Remark(area="project", level=Level.ERROR, text=more)


def _opened(view: LineageView, stack: ExitStack) -> tuple[SqlStore | None, list[Remark]]:
    """The state, where it has today's schema; it is not upgraded by looking at it."""
    workspace = view.workspace
    if not workspace.has_state:
        return None, [Remark(area="state", level=Level.OK, text="none yet: nothing was run")]
    try:
        found = care.status(workspace)
        text = f"{found.path}, {found.size / 1_000_000:.1f} MB, schema {found.version}"
        if found.version != found.newest:
            text += f"; this sqlorch has {found.newest}: sqlorch db upgrade"
            return None, [Remark(area="state", level=Level.WARNING, text=text)]
        store = stack.enter_context(workspace.store())
        require_target(store, view.project.target)
    except SqlorchError as error:
        return None, [Remark(area="state", level=Level.ERROR, text=str(error))]
    return store, [Remark(area="state", level=Level.OK, text=text)]


def _schedules(patient: _Patient) -> Iterator[Remark]:
    now, groups = SystemClock().now(), patient.snapshot.groups.values()
    most = max(_A_YEAR_OF_DAYS, min(MOST_SLOTS, _SLOTS_OF_ALL // max(len(groups), 1)))
    for group in groups:
        yield from examine_schedule(group, now, most)
        if patient.store is not None:
            runs = patient.store.runs(group=group.name, state=RunState.SUCCESS, limit=_RECENT)
            yield from examine_pace(group, [run.seconds for run in runs if run.seconds is not None], now)


def _disk(patient: _Patient) -> Iterator[Remark]:
    folder = patient.view.workspace.state_dir
    if folder.exists():
        private = not stat.S_IMODE(folder.stat().st_mode) & 0o077
        yield from _folder(f"the state folder {folder}", folder, private=private)
    for name in dict.fromkeys(path.parent for path in patient.view.workspace.settings.exports.to):
        yield from _folder(f"the folder of exports {name}", name, private=True)


def _folder(what: str, folder: Path, *, private: bool) -> Iterator[Remark]:
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    free = shutil.disk_usage(there).free
    yield from examine_disk(what, free=free, writable=os.access(there, os.W_OK | os.X_OK), private=private)


def _clock(patient: _Patient) -> Iterator[Remark]:
    zones = sorted({group.timezone for group in patient.snapshot.groups.values()})
    yield Remark(area="clock", level=Level.OK, text=f"time zones: {', '.join(zones) or 'none'}")
    if patient.store is None:
        return
    before = SystemClock().now()
    there = patient.store.leases.standing().now
    skew = clock_skew(before, SystemClock().now(), there)
    if skew is not None and patient.view.workspace.state_url is not None:
        level = (
            Level.ERROR if abs(skew) > SKEW_REFUSED else Level.WARNING if abs(skew) > SKEW_TOLD else Level.OK
        )
        where = "ahead of" if skew.total_seconds() >= 0 else "behind"
        text = f"this machine's clock is {abs(skew.total_seconds()):.1f} s {where} the database's"
        yield Remark(area="clock", level=level, text=text + ("" if level is Level.OK else "; set it (NTP)"))
    newest = max((run.started_at for run in patient.store.runs(limit=1) if run.started_at), default=None)
    if newest is not None and (newest - before).total_seconds() > _AHEAD:
        text = (
            f"the newest run began at {newest:%Y-%m-%d %H:%M:%S} UTC, which is still to come; set the clock"
        )
        yield Remark(area="clock", level=Level.ERROR, text=text)


def _daemon(patient: _Patient) -> Iterator[Remark]:
    found = living_daemons(patient.store) if patient.store is not None else []
    scheduled = sum(group.timetable.scheduled for group in patient.snapshot.groups.values())
    if not found and scheduled:
        text = f"none is running, so nothing of {scheduled} scheduled groups runs by itself: sqlorch daemon"
        yield Remark(area="daemon", level=Level.WARNING, text=text)
    for one in found:
        text = f"process {one.pid} on {one.host}, {one.state}, sqlorch {one.version}"
        old = one.version != metadata.version("sqlorch")
        more = "; this is another version: restart it" if old else ""
        yield Remark(area="daemon", level=Level.WARNING if old else Level.OK, text=text + more)
