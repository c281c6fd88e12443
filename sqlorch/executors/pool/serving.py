"""The life of a worker of the pool, in the process that was forked for it."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.run import ErrorClass, NodeResult, Outcome
from sqlorch.executors.pool.ports import Followable, FollowedRun
from sqlorch.executors.pool.wire import Wire
from sqlorch.executors.pool.words import Beat, Cancel, Close, Done, Execute, Open, Refused

BEAT = 2.0  # seconds between two signs of life
_CANCEL_AGAIN = 0.5  # seconds: a query may begin just after the first cancel
_LEAVE = 10.0  # seconds to cancel what runs when the driving process is gone


def serve(session: Followable, number: int, end: socket.socket, *, threads: int) -> None:
    """Execute nodes until the other end of the socket is closed; the process ends then.

    Args:
        session: the open project, as it was forked.
        number: of this worker.
        end: to the driving process.
        threads: how many nodes it is ever given at once.
    """
    session.become_worker(number)
    with ThreadPoolExecutor(threads, thread_name_prefix=f"node-{number}") as executors:
        server = _Server(session, Wire(end), executors)
        try:
            server.run()
        finally:
            server.leave()


class _Server:
    def __init__(self, session: Followable, wire: Wire, executors: ThreadPoolExecutor) -> None:
        self._session = session
        self._wire = wire
        self._executors = executors
        self._run: FollowedRun | None = None
        self._executing: set[int] = set()
        self._idle = Event()

    def run(self) -> None:
        due = 0.0
        while True:
            if time.monotonic() >= due:
                self._wire.send(Beat(resident=resident_bytes()))
                due = time.monotonic() + BEAT
            if not self._wire.readable(max(0.0, due - time.monotonic())):
                continue
            messages = self._wire.receive()
            if messages is None:
                return
            for message in messages:
                if not self._heed(message):
                    return

    def leave(self) -> None:
        """Stop what runs, for nobody would hear of its end, and let go of the warehouse."""
        deadline = time.monotonic() + _LEAVE
        while self._executing and time.monotonic() < deadline:
            with suppress(Exception):  # a connection that has just been closed: its query is over
                if self._run is not None:
                    self._run.cancel()
            self._idle.clear()
            if self._executing:
                self._idle.wait(_CANCEL_AGAIN)
        if self._executing:
            os._exit(1)  # a query or Python code does not heed its interruption
        self._close()

    def _heed(self, message: object) -> bool:
        """Do what is asked; False when this worker cannot go on."""
        match message:
            case Open():
                return self._open(message)
            case Execute():
                self._executing.add(message.ticket)
                self._executors.submit(self._execute, message)
            case Cancel():
                if self._run is not None:
                    self._run.cancel(message.unique_ids)
            case Close():
                self._close()
        return True

    def _open(self, message: Open) -> bool:
        self._close()
        try:
            self._run = self._session.follow_run(shared=message.shared, **message.arguments)
        except SqlorchError as error:
            self._wire.send(Refused(error=str(error)))
            return False
        return True

    def _close(self) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.close()

    def _execute(self, order: Execute) -> None:
        """Runs in a thread of its own. Whatever happens, the driving process is told."""
        try:
            self._wire.send(self._done(order))
        finally:
            self._executing.discard(order.ticket)
            self._idle.set()

    def _done(self, order: Execute) -> Done:
        began = datetime.now(UTC)
        try:
            assert self._run is not None  # noqa: S101 - it is opened before its nodes are sent
            result, report = self._run.execute(
                order.unique_id,
                log_path=order.log_path,
                changes=order.changes,
                again=order.again,
                lost=order.lost,
            )
        except BaseException as error:  # noqa: BLE001 - a lost result would leave the run waiting for ever
            result, report = _broken(order.unique_id, began, error), None
        # the empty mappings that are a result's defaults cannot be pickled
        plain = replace(result, adapter_response=dict(result.adapter_response), timing=dict(result.timing))
        return Done(ticket=order.ticket, result=plain, report=report)


def _broken(unique_id: str, began: datetime, error: BaseException) -> NodeResult:
    return NodeResult(
        unique_id=unique_id,
        outcome=Outcome.ERROR,
        started_at=began,
        finished_at=datetime.now(UTC),
        message=f"could not be executed: {type(error).__name__}: {error}",
        error_class=ErrorClass.PERMANENT,
    )


def resident_bytes() -> int:
    """Bytes of memory in use by this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
