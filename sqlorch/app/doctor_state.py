"""What the state says of itself, of the clock and of the daemon; it is read as it is, never upgraded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlorch import __version__
from sqlorch.app import care
from sqlorch.app.clock import SystemClock
from sqlorch.app.living import LivingDaemon, living_daemons
from sqlorch.app.own_target import require_target
from sqlorch.app.workspace import Workspace
from sqlorch.domain.errors import SqlorchError, StateError
from sqlorch.domain.lease import clock_skew
from sqlorch.domain.remarks import Grade, Remark, judge_skew
from sqlorch.domain.scheduling import GroupStatus
from sqlorch.engine.clock_guard import ClockGuard

if TYPE_CHECKING:
    from sqlorch.domain.sla import ScheduledRun
    from sqlorch.state.care import Status
    from sqlorch.state.store import SqlStore

_LATELY = timedelta(days=30)  # runs that say how long they usually take
_ALERTS = 100  # the newest that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What the state has to say, and the scheduled runs of late that are in it."""

    remarks: Sequence[Remark] = ()
    runs: Sequence[ScheduledRun] = ()


def examine(workspace: Workspace, target: str, now: datetime) -> Examined:
    """Look into the state; one that cannot be used is a remark too.

    Args:
        workspace: the project.
        target: of the profile, ``""`` where it is not known.
        now: the current instant.
    """
    from sqlorch.state.care import NoStateError  # noqa: PLC0415 - help must not wait for SQLAlchemy

    try:
        found = care.status(workspace)
        schema = _schema(found)
        if found.version != found.newest:
            return Examined(remarks=[schema])
        return _opened(workspace, target, now, schema)
    except NoStateError as error:
        idle = Remark(part="daemon", grade=Grade.NOTE, message="has never run here")
        return Examined(remarks=[_absent(workspace, error), idle])
    except SqlorchError as error:
        return Examined(remarks=[Remark(part="state", grade=Grade.ERROR, message=str(error))])


def _absent(workspace: Workspace, error: StateError) -> Remark:
    """Nothing was run yet; unless ``state.uuid`` says that there was a state."""
    from sqlorch.state.faults import ON_A_SERVER, uuid_file  # noqa: PLC0415 - help must not wait for SQLAlchemy

    if not uuid_file(workspace.state_file).exists():
        elsewhere = "" if workspace.settings.state_url else f"; {ON_A_SERVER}"
        message = f"there is none yet: nothing has been run here{elsewhere}"
        return Remark(part="state", grade=Grade.OK, message=message)
    advice = f"put a copy back, or delete {uuid_file(workspace.state_file)} to start with an empty history"
    return Remark(part="state", grade=Grade.ERROR, message=str(error), advice=advice)


def _schema(found: Status) -> Remark:
    size = f"{found.path}, {found.size / 1_000_000:,.1f} MB"
    if found.version == found.newest:
        return Remark(part="state", grade=Grade.OK, message=f"{size}, schema {found.version}")
    if found.version > found.newest:
        message = f"{size}: its schema {found.version} is of a newer sqlorch, this one has {found.newest}"
        return Remark(part="state", grade=Grade.ERROR, message=message, advice="install that version")
    message = f"{size}: its schema is {found.version}, this sqlorch has {found.newest}"
    return Remark(part="state", grade=Grade.WARNING, message=message, advice="sqlorch db upgrade")


def _opened(workspace: Workspace, target: str, now: datetime, schema: Remark) -> Examined:
    from sqlorch.state.store import SqlStore  # noqa: PLC0415 - help must not wait for SQLAlchemy

    with SqlStore.open(workspace.state_file, url=workspace.state_url) as store:
        remarks = [schema, *_target(store, target), *_held(store)]
        remarks += [_on_a_server(store) if workspace.settings.state_url else _in_a_file(store, now)]
        remarks += [*_daemon(store, bool(store.schedule.groups())), *_alerts(store)]
        return Examined(remarks=remarks, runs=store.trends.scheduled(now - _LATELY))


def _target(store: SqlStore, target: str) -> Iterator[Remark]:
    try:
        require_target(store, target)
    except SqlorchError as error:
        yield Remark(part="state", grade=Grade.ERROR, message=str(error))


def _held(store: SqlStore) -> Iterator[Remark]:
    for name, group in sorted(store.schedule.groups().items()):
        if group.status is GroupStatus.HELD:
            yield Remark(
                part="state",
                grade=Grade.WARNING,
                subject=name,
                message=f"is held: {group.reason}",
                advice=f"sqlorch catchup {name}",
            )


def _on_a_server(store: SqlStore) -> Remark:
    clock = SystemClock()
    store.leases.standing()  # the first question may wait for a connection
    before = clock.now()
    there = store.leases.standing().now
    return judge_skew(clock_skew(before, clock.now(), there))


def _in_a_file(store: SqlStore, now: datetime) -> Remark:
    """Whether the clock shows less than what it showed when the newest record was written."""
    verdict = ClockGuard(_newest(store)).check(now, 0.0)
    if verdict.reason:
        advice = "set the clock of this machine right; if it was wrong before, the daemon goes on from then"
        return Remark(part="clock", grade=Grade.ERROR, message=verdict.reason, advice=advice)
    return Remark(part="clock", grade=Grade.OK, message="not behind the newest record of the state")


def _newest(store: SqlStore) -> datetime | None:
    daemon = store.daemons.daemon()
    found = [None if daemon is None else daemon["beat_at"]]
    for run in store.runs(limit=1):
        found += [run.created_at, run.started_at, run.finished_at]
    return max((instant for instant in found if instant is not None), default=None)


def _daemon(store: SqlStore, scheduled: bool) -> Iterator[Remark]:  # noqa: FBT001 - private, one caller
    alive = living_daemons(store)
    for one in alive:
        yield _alive(one)
    if alive:
        return
    last = store.daemons.daemon()
    if last is not None and last["state"] != "stopped":
        message = f"is gone without having been stopped, last heard of {last['beat_at']:%Y-%m-%d %H:%M} UTC"
        yield Remark(part="daemon", grade=Grade.WARNING, message=message, advice="sqlorch daemon")
    else:
        advice = "sqlorch daemon" if scheduled else ""
        yield Remark(part="daemon", grade=Grade.NOTE, message="does not run", advice=advice)


def _alive(daemon: LivingDaemon) -> Remark:
    since = f"{daemon.started_at:%Y-%m-%d %H:%M} UTC, sqlorch {daemon.version}"
    message = f"{daemon.state}: process {daemon.pid} on {daemon.host} since {since}"
    if daemon.version == __version__:
        return Remark(part="daemon", grade=Grade.OK, message=message)
    message = f"{message}, but {__version__} is installed"
    return Remark(part="daemon", grade=Grade.WARNING, message=message, advice="start it anew")


def _alerts(store: SqlStore) -> Iterator[Remark]:
    failed = [alert for alert in store.alerts.newest(_ALERTS, unsent=True) if alert.error]
    if failed:
        many = f"{len(failed)} or more" if len(failed) == _ALERTS else str(len(failed))
        yield Remark(
            part="daemon",
            grade=Grade.WARNING,
            subject="alerts",
            message=f"{many} could not be delivered; the newest: {failed[0].error}",
            advice="sqlorch alerts list --unsent",
        )
