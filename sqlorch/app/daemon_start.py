"""Puts the daemon together. Nothing here, or below it, imports dbt, a SQL or YAML parser, or pydantic.

That is what keeps an idle daemon small; a test holds it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from sqlorch import __version__
from sqlorch.app.clock import SystemClock, WakefulClock
from sqlorch.app.daemon import Daemon, Parts
from sqlorch.app.daemon_events import Reporter
from sqlorch.app.daemon_signals import Signals, catching
from sqlorch.app.dispatching import Dispatcher
from sqlorch.app.health import Health
from sqlorch.app.journal import Journal
from sqlorch.app.membership import Member, Sole
from sqlorch.app.outbox import Outbox
from sqlorch.app.own_target import require_target
from sqlorch.app.poker import ChildPoker
from sqlorch.app.project_reader import Described, ProjectReader
from sqlorch.app.pruning import Pruner
from sqlorch.app.sending import Sending
from sqlorch.app.spawning import Spawner
from sqlorch.app.watching import Watch, watch_project
from sqlorch.config.references import find_state_url
from sqlorch.domain.adapters import IN_A_FILE
from sqlorch.domain.errors import ConfigError, StateError
from sqlorch.domain.history import Owner
from sqlorch.domain.lease import Role
from sqlorch.engine.scheduler import Scheduler
from sqlorch.executors.workers import Workers
from sqlorch.state.lock import FileLock, LockedError
from sqlorch.state.lock_keeper import kept
from sqlorch.state.owner import current_owner
from sqlorch.state.schema import make_private_folder
from sqlorch.state.store import SqlStore
from sqlorch.state.turn import RunTurn, hosts_lock

STATE_FILE = "state.db"
DEFAULT_HEALTH = "127.0.0.1:8391"
_STATE_PATIENCE = 3.0  # seconds: while the state is out of reach the loop has signals and workers to heed
_DOING = "is the daemon of this project"


class HeldError(StateError):
    """Another daemon is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    """What ``sqlorch daemon`` was asked.

    Attributes:
        project: the options that name and open the project, for the processes that do.
        execution: options for those of them that execute nodes.
        grace: seconds a node under way gets when the daemon is told to stop, None as the settings say.
        once: end when nothing is due.
        health: ``HOST:PORT`` to answer health checks on, ``off`` for none, None as the settings say.
        command: this command line, for whoever finds a lock taken.
    """

    project: Sequence[str]
    grace: float | None
    once: bool
    health: str | None
    command: str
    execution: Sequence[str] = ()


def run_daemon(options: DaemonOptions, journal: Journal) -> int:
    """Be the daemon of a project until told to stop; returns the exit code.

    Raises:
        HeldError: another daemon is.
        SqlorchError: the project cannot be used, or its state.
    """
    if sys.platform == "win32":
        raise ConfigError("the daemon runs on Linux and macOS; on Windows start it in WSL or in a container")
    with ExitStack() as stack:
        signals = stack.enter_context(catching())
        reader = ProjectReader(options.project)
        stack.callback(reader.close)
        project = reader.read()
        url = find_state_url(project.state_url, os.environ, project.project_dir)
        shared = url is not None and project.adapter not in IN_A_FILE
        stack.enter_context(_hold(project, options.command, url, signals, shared=shared))
        store = stack.enter_context(
            SqlStore.open(project.state_dir / STATE_FILE, url=url, patience=_STATE_PATIENCE)
        )
        require_target(store, project.target)  # its workers claim it
        clock, owner = SystemClock(), current_owner()
        member = stack.enter_context(_membership(store, owner, url, signals, journal))
        turn = RunTurn(project.state_dir, command=options.command, url=url, shared=shared)
        stack.callback(turn.close)
        workers = Workers(
            spawn=Spawner(project.state_dir, [*options.project, *options.execution], turn.filenos),
            clock=clock,
            limits=project.habits.limits,
            runs=project.habits.runs,
        )
        stack.callback(workers.kill, "the daemon ends")
        poker = ChildPoker(options.project)
        stack.callback(poker.close)
        pruner = Pruner(project.project_dir, project.profiles_dir, journal)
        stack.callback(pruner.close)
        store.abandon_dead(clock.now(), store.is_alive)
        parts = Parts(
            journal=journal,
            clock=clock,
            signals=signals,
            reader=reader,
            watch=_watch(project),
            workers=workers,
            poker=poker,
            dispatcher=Dispatcher(workers, turn),
            scheduler=Scheduler(
                store=store,
                clock=WakefulClock(),
                owner=owner,
                is_alive=store.is_alive,
                now=clock.now(),
                snapshot=project.snapshot,
                peers=member,
            ),
            store=store,
            reporter=Reporter(journal, store.alerts),
            outbox=Outbox(project.state_dir, journal, send=partial(Sending, url=url)),
            member=member,
            pruner=pruner,
            owner=owner,
            state_dir=project.state_dir,
            state_url=project.state_url,
        )
        daemon = Daemon(parts=parts, said_grace=options.grace, once=options.once, grace=project.habits.grace)
        daemon.adopt_alerts(project.alerts)
        health = _health(options, project.habits.health, daemon, journal)
        if health is not None:
            stack.callback(health.close)
        _greet(project, health, journal)
        return daemon.run()


@contextmanager
def _hold(
    project: Described, command: str, url: str | None, signals: Signals, *, shared: bool
) -> Iterator[None]:
    """Be the daemon of this folder, and of the state unless daemons of other folders may be there too.

    Whose place was taken while the state's server was started anew leaves, as after SIGTERM.

    Raises:
        HeldError: on entry, another one is; at the end, another one took the place meanwhile.
    """
    make_private_folder(project.state_dir)
    lock = FileLock(project.state_dir / "daemon.lock", doing=_DOING, command=command)
    hosts = hosts_lock(url, "daemon", doing=_DOING, shared=shared)
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except LockedError as error:
            hint = f"; another one beside it needs a folder of its own, not {project.project_dir}"
            raise HeldError(f"{error}{hint if shared else ''}") from error
        try:
            if hosts is not None:
                stack.enter_context(hosts)
        except LockedError as error:
            hint = f"; one host alone can drive a warehouse of {project.adapter}, which is a file"
            raise HeldError(f"{error}{'' if shared else hint}") from error
        taken: list[str] = []

        def leave(why: str) -> None:
            taken.append(why)
            signals.end()

        with kept(hosts, lost=leave):
            yield
        if taken:
            raise HeldError(f"this daemon has left its place to another one: {taken[0]}")


@contextmanager
def _membership(
    store: SqlStore, owner: Owner, url: str | None, signals: Signals, journal: Journal
) -> Iterator[Member | Sole]:
    """Its lease among the daemons of a state that several hosts use."""
    if url is None:
        yield Sole()
        return
    from sqlorch.state.lease_keeper import LeaseKeeper  # noqa: PLC0415 - threads that few daemons need

    clock = WakefulClock()
    with LeaseKeeper(
        store.leases,
        owner,
        Role.DAEMON,
        lost=lambda _: signals.wake(),
        comes_back=True,
        changed=signals.wake,
        now=clock.now,
        monotonic=clock.monotonic,
    ) as keeper:
        yield Member(keeper, owner, journal)


def _watch(project: Described) -> Watch:
    return watch_project(project.project_dir, profiles_dir=project.profiles_dir, state_dir=project.state_dir)


def _health(options: DaemonOptions, said: str, daemon: Daemon, journal: Journal) -> Health | None:
    wanted = options.health or ("" if options.once else said)
    if wanted == "off" or (options.once and not wanted):
        return None
    try:
        return Health(wanted or DEFAULT_HEALTH, daemon.status)
    except ConfigError as error:
        if wanted:
            raise
        journal.warning("no_health", f"nobody can ask how the daemon is: {error}")
        return None


def _greet(project: Described, health: Health | None, journal: Journal) -> None:
    groups = project.snapshot.groups.values()
    scheduled = sum(1 for group in groups if group.timetable.scheduled)
    where = f"; health on port {health.port}" if health is not None else ""
    journal.info(
        "started",
        f"sqlorch {__version__} watches {project.project_dir}: {len(groups)} groups, "
        f"{scheduled} on a schedule, {len(project.snapshot.nodes)} nodes{where}",
        pid=os.getpid(),
        project_dir=str(project.project_dir),
        state_dir=str(project.state_dir),
    )
    for warning in project.snapshot.warnings:
        journal.warning("project", warning)
