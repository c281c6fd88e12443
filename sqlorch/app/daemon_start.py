"""Puts the daemon together. Nothing here, or below it, imports dbt, a SQL or YAML parser, or pydantic.

That is what keeps an idle daemon small; a test holds it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlorch import __version__
from sqlorch.app.clock import SystemClock, WakefulClock
from sqlorch.app.daemon import Daemon, Parts
from sqlorch.app.daemon_events import Reporter
from sqlorch.app.daemon_signals import catching
from sqlorch.app.dispatching import Dispatcher
from sqlorch.app.health import Health
from sqlorch.app.journal import Journal
from sqlorch.app.outbox import Outbox
from sqlorch.app.poker import ChildPoker
from sqlorch.app.project_reader import Described, ProjectReader
from sqlorch.app.pruning import Pruner
from sqlorch.app.sending import Sending
from sqlorch.app.spawning import Spawner
from sqlorch.app.watching import Watch
from sqlorch.config.references import find_state_url
from sqlorch.domain.errors import ConfigError, StateError
from sqlorch.domain.history import Owner
from sqlorch.engine.scheduler import Scheduler
from sqlorch.executors.workers import Workers
from sqlorch.state.lock import FileLock, LockedError
from sqlorch.state.owner import current_owner, is_alive
from sqlorch.state.schema import make_private_folder
from sqlorch.state.store import SqlStore
from sqlorch.state.turn import RunTurn, hosts_lock

STATE_FILE = "state.db"
DEFAULT_HEALTH = "127.0.0.1:8391"
_DOING = "is the daemon of this project"


class HeldError(StateError):
    """Another daemon is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    """What ``sqlorch daemon`` was asked.

    Attributes:
        project: the options that name and open the project, for the processes that do.
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
        stack.enter_context(_alone(project.state_dir, options.command, url))
        store = stack.enter_context(SqlStore.open(project.state_dir / STATE_FILE, url=url))
        turn = RunTurn(project.state_dir, command=options.command, url=url)
        stack.callback(turn.close)
        clock = SystemClock()
        workers = Workers(
            spawn=Spawner(project.state_dir, options.project, turn.filenos),
            clock=clock,
            limits=project.habits.limits,
            runs=project.habits.runs,
        )
        stack.callback(workers.kill, "the daemon ends")
        poker = ChildPoker(options.project)
        stack.callback(poker.close)
        pruner = Pruner(project.project_dir, project.profiles_dir, journal)
        stack.callback(pruner.close)
        owner = current_owner()
        alive = _aliveness(turn, url)
        store.abandon_dead(clock.now(), alive)
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
                is_alive=alive,
                now=clock.now(),
                snapshot=project.snapshot,
            ),
            store=store,
            reporter=Reporter(journal, store.alerts),
            outbox=Outbox(project.state_dir, journal, send=partial(Sending, url=url)),
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
def _alone(state_dir: Path, command: str, url: str | None) -> Iterator[None]:
    make_private_folder(state_dir)
    lock = FileLock(state_dir / "daemon.lock", doing=_DOING, command=command)
    hosts = hosts_lock(url, "daemon", doing=_DOING)
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
            if hosts is not None:
                stack.enter_context(hosts)
        except LockedError as error:
            raise HeldError(str(error)) from error
        yield


def _aliveness(turn: RunTurn, url: str | None) -> Callable[[Owner], bool]:
    """Whether the process that drives a run is there; of another host it is not, when its lock is free."""

    def alive(owner: Owner) -> bool:
        if url is None or owner.host == current_owner().host:
            return is_alive(owner)
        return bool(turn.take())

    return alive


def _watch(project: Described) -> Watch:
    profiles = project.profiles_dir / "profiles.yml"
    return Watch(project.project_dir, [profiles], apart=project.state_dir)


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
