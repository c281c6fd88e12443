"""What people tell the daemon: pause, resume, catch up, trigger, cancel.

All of it goes through the state file, so it works whether a daemon is running or not; one that runs sees it
within a second.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlorch.app.clock import SystemClock
from sqlorch.app.lineage import LineageView, open_view
from sqlorch.app.own_target import require_target
from sqlorch.app.person import this_person
from sqlorch.app.snapshot import take_snapshot
from sqlorch.app.workspace import Choices, Workspace, open_state_workspace
from sqlorch.domain.catchup import CatchupPolicy
from sqlorch.domain.errors import ConfigError, SqlorchError
from sqlorch.domain.group import Group
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.periods import parse_period
from sqlorch.domain.scheduling import GroupState, GroupStatus, NewRun, OpenRun, RunKind
from sqlorch.domain.selector import select
from sqlorch.domain.snapshot import Snapshot, spec_hash
from sqlorch.domain.variables import VARIABLES, new_run_id
from sqlorch.domain.zones import instant_of, label_at
from sqlorch.engine.sensing import IGNORE

if TYPE_CHECKING:
    from sqlorch.lineage.project import Project
    from sqlorch.state.store import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Helm:
    """What is remembered of a project, for somebody who steers it while its files cannot be read.

    Attributes:
        store: what is remembered of it.
        who: the person, for the audit trail: ``ann@host``.
        now: when the command was given.
    """

    store: SqlStore
    who: str
    now: datetime

    def state(self, name: str) -> GroupState:
        """What is remembered of a group.

        Raises:
            ConfigError: nothing is.
        """
        known = self.store.schedule.groups()
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise ConfigError(f"the state knows no group {name!r}; the groups it knows are: {names}")
        return known[name]

    def require(self, name: str) -> None:
        """Refuse a group that nobody knows.

        Raises:
            ConfigError: it is unknown.
        """
        if not self.open_runs(name):
            self.state(name)

    def open_runs(self, group: str | None = None) -> list[OpenRun]:
        """Runs that have not ended, oldest due first."""
        return [run for run in self.store.queue.open_runs() if group in {None, run.group}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk(Helm):
    """A project as somebody who operates it finds it.

    Attributes:
        workspace: the project.
        project: its files, read.
        snapshot: its groups and nodes, as its files have them now.
    """

    workspace: Workspace
    project: Project
    snapshot: Snapshot

    def state(self, name: str) -> GroupState:
        """What is remembered of a group, which is enrolled when no daemon has seen it yet.

        Raises:
            ConfigError: the project has no such group.
        """
        group = self.snapshot.group(name)
        known = self.store.schedule.groups().get(name)
        if known is not None:
            return known
        return self.store.schedule.enrol(
            name, cursor=None, spec_hash=spec_hash(group), watched_since=self.now, now=self.now
        )

    def require(self, name: str) -> None:
        """Refuse a group the project does not have.

        Raises:
            ConfigError: it has none of that name.
        """
        self.snapshot.group(name)


@contextmanager
def open_desk(choices: Choices) -> Iterator[Desk]:
    """Open a project to operate it.

    Raises:
        SqlorchError: its files or its state cannot be read.
    """
    view = open_view(choices)
    with _desk(view, take_snapshot(view, {})) as desk:
        yield desk


@contextmanager
def open_helm(choices: Choices, tell: Callable[[str], object]) -> Iterator[Helm]:
    """Open a project to steer it, by its state alone where its files cannot be read.

    Args:
        choices: what the command line says.
        tell: told then what is wrong with the files.

    Raises:
        SqlorchError: it cannot be found, or its state cannot be read.
    """
    try:
        view = open_view(choices)
        opened: AbstractContextManager[Helm] = _desk(view, take_snapshot(view, {}))
    except SqlorchError as error:
        opened = _helm(open_state_workspace(choices, _silent))
        tell(str(error))
    with opened as helm:
        yield helm


@contextmanager
def _desk(view: LineageView, snapshot: Snapshot) -> Iterator[Desk]:
    with view.workspace.store() as store:
        require_target(store, view.project.target)
        yield Desk(
            workspace=view.workspace,
            project=view.project,
            snapshot=snapshot,
            store=store,
            who=this_person(),
            now=SystemClock().now(),
        )


@contextmanager
def _helm(workspace: Workspace) -> Iterator[Helm]:
    with workspace.store() as store:
        require_target(store, workspace.choices.target or "")
        yield Helm(store=store, who=this_person(), now=SystemClock().now())


def _silent(_message: str) -> None:
    """What is wrong is told by the caller."""


def pause(desk: Helm, name: str, reason: str) -> bool:
    """Make no more runs of a group; those under way are finished. False when it was paused already."""
    desk.state(name)
    said = f"{reason} ({desk.who})" if reason else f"paused by {desk.who}"
    return desk.store.schedule.set_status(name, GroupStatus.PAUSED, reason=said, who=desk.who, now=desk.now)


def resume(desk: Helm, name: str, policy: CatchupPolicy | None) -> bool:
    """Make runs of a group again. False when nothing kept it from that.

    Args:
        desk: the project.
        name: the group.
        policy: what becomes of the intervals that fell due meanwhile; None for what the group says.

    Raises:
        ConfigError: the group is held, so that a policy has to be chosen.
    """
    state = desk.state(name)
    if state.status is GroupStatus.HELD and policy is None:
        raise ConfigError(f"{name} is held: {state.reason}")
    return desk.store.schedule.set_status(
        name, GroupStatus.ACTIVE, reason="", who=desk.who, now=desk.now, catchup=policy or ""
    )


def decide(desk: Desk, name: str, policy: CatchupPolicy) -> None:
    """Say what becomes of the due intervals of a group that is held.

    Raises:
        ConfigError: it is not held, so that there is nothing to decide.
    """
    state = desk.state(name)
    if state.status is not GroupStatus.HELD:
        hint = f"sqlorch resume {name} --catchup {policy}" if state.status is GroupStatus.PAUSED else ""
        raise ConfigError(
            f"{name} is {state.status}, not held: there is nothing to decide"
            + (f"; use {hint}" if hint else "")
        )
    resume(desk, name, policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A run that somebody asks for.

    Attributes:
        interval: text of ``--interval``; None for the last complete one, or today where there is no schedule.
        variables: values for the project, over those of ``--vars``.
        select: nodes of the group, in dbt's syntax; all when empty.
        key: asking twice with one key makes one run.
        missing: only what is not done yet, instead of everything.
        full_refresh: rebuild incremental models from scratch.
        ignore_sensors: do not wait for what the group waits for.
    """

    interval: str | None = None
    variables: Mapping[str, str]
    select: Sequence[str] = ()
    key: str | None = None
    missing: bool = False
    full_refresh: bool = False
    ignore_sensors: bool = False


def trigger(desk: Desk, name: str, asked: Trigger) -> str:
    """Queue a run of a group; returns its id, or that of the run with the same key.

    Raises:
        ConfigError: no such group, an interval or a variable that cannot be used, a selection that holds
            nothing of the group.
        ProjectError: a selection that finds nothing or cannot be read.
    """
    group = desk.snapshot.group(name)
    _require_some(desk, name, asked.select)
    taken = sorted(asked.variables.keys() & {variable.name for variable in VARIABLES})
    if taken:
        raise ConfigError(f"--param {taken[0]} is a variable of the interval; say it with --interval")
    interval = chosen_interval(group, asked.interval, desk.now)
    desk.state(name)
    parameters: dict[str, Any] = {"reprocess": Reprocess.MISSING if asked.missing else Reprocess.ALL}
    parameters |= {"vars": dict(asked.variables)} if asked.variables else {}
    parameters |= {"select": list(asked.select)} if asked.select else {}
    parameters |= {"full_refresh": True} if asked.full_refresh else {}
    parameters |= {IGNORE: True} if asked.ignore_sensors else {}
    run = NewRun(
        run_id=new_run_id("manual", interval.start, secrets.token_hex(3)),
        group=name,
        kind=RunKind.TRIGGERED,
        interval=interval,
        timezone=group.timezone,
        due_at=desk.now,
        trigger_key=f"key:{asked.key}" if asked.key else f"manual:{secrets.token_hex(8)}",
        spec_hash=spec_hash(group),
        parameters=parameters,
    )
    return desk.store.queue.enqueue(run, now=desk.now)


def _require_some(desk: Desk, name: str, selection: Sequence[str]) -> None:
    """Refuse a selection without a node of the group at once: its run would have nothing to do."""
    if selection and desk.snapshot.members(name).isdisjoint(select(desk.project.dag, tuple(selection))):
        raise ConfigError(f"the selection {' '.join(selection)!r} holds nothing of the group {name}")


def chosen_interval(group: Group, text: str | None, now: datetime) -> Interval:
    """The interval somebody means: as written, else the last complete one, or today without a schedule.

    Raises:
        ConfigError: the text cannot be read, or no interval of the schedule is complete.
    """
    if text is not None:
        return parse_period(text, group.timezone)
    current = group.timetable.slot_containing(now)
    last = group.timetable.last_slot(now) if current is None else group.timetable.previous_slot(current)
    if last is not None:
        return last
    if group.timetable.scheduled:
        raise ConfigError(f"{group.name} has no complete interval yet; say which one with --interval")
    zone = group.timetable.zone
    day = label_at(now, zone).date()
    begin, end = (instant_of(datetime.combine(date, time()), zone) for date in (day, day + timedelta(days=1)))
    return Interval(begin, end)


def cancel(desk: Helm, run_ids: Sequence[str], reason: str) -> list[str]:
    """Ask for runs to be cancelled; returns those that had not ended.

    Raises:
        StateError: one of them does not exist; then none is cancelled.
    """
    for run_id in run_ids:
        desk.store.run(run_id)
    return [
        run_id
        for run_id in run_ids
        if desk.store.queue.request_cancel(run_id, reason=reason, who=desk.who, now=desk.now)
    ]
