"""The worker: a warm dbt session in a process of its own, executing the runs the daemon names, one at a time.

It answers for what it was given and decides nothing else. Between two runs it publishes what dashboards read
and lets go of the warehouse. When the daemon hangs up, or dies, it cuts what it is doing, writes down that
this may go on later, and leaves.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from sqlorch import __version__
from sqlorch.app.leasing import leased
from sqlorch.app.own_target import claim_target
from sqlorch.app.publishing import publish_after_run
from sqlorch.app.verified import read_code_of
from sqlorch.app.watching import Watch, watch_project
from sqlorch.app.worker_runs import Drives, to_log
from sqlorch.app.workspace import Choices, open_workspace
from sqlorch.domain.errors import ExecutionError, SqlorchError
from sqlorch.domain.lease import Role
from sqlorch.engine.stop import Stop
from sqlorch.executors.messages import Beat, Broken, Drive, Hello, Ready, Rested, Suspend
from sqlorch.executors.pool.serving import resident_bytes
from sqlorch.executors.worker_streams import Channel
from sqlorch.state.owner import current_owner

if TYPE_CHECKING:
    from sqlorch.app.workspace import Workspace
    from sqlorch.dbt.session import WarmSession
    from sqlorch.state.store import SqlStore

_BEAT = 5.0  # seconds between two signs of life
_REST = 0.25  # seconds without an order before the warehouse is let go of
_PUBLISH_AT_MOST = 60.0  # seconds of uninterrupted work after which dashboards get something in between
# seconds from the end of the grace to the end of this process, whatever hangs; less than lease.LEAVING
_LEAVE = 10.0
_BROKEN = 2
_STUCK = 75


def _watch(workspace: Workspace) -> Watch:
    location = workspace.location
    return watch_project(
        location.project_dir, profiles_dir=location.profiles_dir, state_dir=workspace.state_dir
    )


def serve(choices: Choices, channel: Channel) -> int:
    """Work until the daemon hangs up; returns the exit code."""
    worker = _Worker(channel)
    try:
        return worker.serve(choices)
    except SqlorchError as error:
        channel.send(Broken(error=str(error)))
        return _BROKEN


class _Worker:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._orders: SimpleQueue[Drive | None] = SimpleQueue()
        self._stop = Stop()
        self._leaving = threading.Event()
        self._nodes = 0
        self._dirty = False
        self._published_at = 0.0
        self._threads: list[threading.Thread] = []
        self._quiet = threading.Event()

    def serve(self, choices: Choices) -> int:
        self._channel.send(Hello(**asdict(current_owner()), version=__version__))
        faulthandler.register(signal.SIGUSR1)  # where every thread is, into the log, for who wonders
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._leave(0.0))
        self._begin_threads()
        began = time.monotonic()
        workspace = open_workspace(choices)
        watch = _watch(workspace)
        before = read_code_of(workspace, to_log)
        session = workspace.executing_session(tell=to_log, alone=self._alone, beside_others=True)
        try:
            with _open_store(workspace) as store, self._leased(workspace, store):
                claim_target(store, session.target_name)
                drives = Drives(
                    workspace=workspace,
                    session=session,
                    store=store,
                    before=before,
                    channel=self._channel,
                    stop=self._stop,
                    edited=watch.differs,
                )
                seconds = time.monotonic() - began
                self._channel.send(Ready(seconds=seconds, nodes=len(session.dag)))
                self._work(workspace, session, store, drives)
        finally:
            session.close()
        return 0

    def _work(self, workspace: Workspace, session: WarmSession, store: SqlStore, drives: Drives) -> None:
        while not self._leaving.is_set():
            order = self._next_order(_REST if self._dirty else None)
            if order is not None and not self._leaving.is_set():
                drives.drive(order)
                self._nodes, self._dirty = drives.nodes, True
            elif self._dirty:
                self._rest(workspace, session, store)
            late = time.monotonic() - self._published_at > _PUBLISH_AT_MOST
            if self._dirty and late and not self._leaving.is_set():
                self._publish(workspace, session, store)

    def _next_order(self, timeout: float | None) -> Drive | None:
        try:
            return self._orders.get(timeout=timeout)
        except Empty:
            return None

    def _publish(self, workspace: Workspace, session: WarmSession, store: SqlStore) -> tuple[int, str]:
        published = publish_after_run(workspace, session, store)
        self._published_at = time.monotonic()
        return len(published.publications), published.failure

    def _rest(self, workspace: Workspace, session: WarmSession, store: SqlStore) -> None:
        files, trouble = self._publish(workspace, session, store)
        session.release()
        self._dirty = False
        self._channel.send(Rested(published=files, trouble=trouble))

    def _begin_threads(self) -> None:
        self._threads = [threading.Thread(target=does, daemon=True) for does in (self._listen, self._beat)]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Without the threads that listen and beat, so that this process can be forked inside."""
        self._quiet.set()
        self._channel.ring()
        for thread in self._threads:
            thread.join()
        self._quiet.clear()
        try:
            yield
        finally:
            self._begin_threads()

    def _listen(self) -> None:
        """Runs in a thread of its own, so that a suspension is heard while a run is driven."""
        try:
            for message in self._channel.messages():
                if isinstance(message, Drive):
                    self._orders.put(message)
                elif isinstance(message, Suspend):
                    self._leave(message.grace)
        except ExecutionError as error:
            print(error, flush=True)  # noqa: T201 - into the worker's log
            self._leave(0.0)
        if self._channel.ended:
            self._leave(0.0)

    def _leave(self, grace: float) -> None:
        """Come to rest, then end; may be called from a signal handler and more than once."""
        self._stop.suspend(time.monotonic() + grace)
        self._leaving.set()
        self._orders.put(None)
        threading.Thread(target=self._insist, args=(grace,), daemon=True).start()

    def _insist(self, grace: float) -> None:
        time.sleep(grace + _LEAVE)
        os._exit(_STUCK)  # a query or a hook does not heed its interruption

    def _leased(self, workspace: Workspace, store: SqlStore) -> AbstractContextManager[object]:
        return leased(store, Role.WORKER, url=workspace.state_url, lost=self._fenced)

    def _fenced(self, why: str) -> None:
        """Others will take up what this process drives: it must be gone by then."""
        to_log(f"the worker leaves: {why}")
        self._leave(0.0)

    def _beat(self) -> None:
        while True:
            self._channel.send(Beat(resident=resident_bytes(), nodes=self._nodes))
            if self._quiet.wait(_BEAT):
                return


def _open_store(workspace: Workspace) -> SqlStore:
    """The store as it is: whose runs are ended or rescued is the daemon's business."""
    from sqlorch.state.store import SqlStore  # noqa: PLC0415 - only after the project has been found

    return SqlStore.open(workspace.state_file, url=workspace.state_url)
