"""A process that waits to be copied: one thread, the project open, no connection to the warehouse.

The driving process has threads and connections once it works, and must not be forked then. So it is forked
once before, and that fork makes the workers, buries them, and goes when the driving process does.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from sqlorch.executors.pool.forking import settle_in

_ORDER = struct.Struct("!BIf")  # verb, number of a worker or pid, seconds
_ANSWER = struct.Struct("!Ii")  # pid, wait status
_SPAWN, _END = 1, 2
UNKILLABLE = -1  # instead of a wait status: the system does not let go of the process
_LEAVE = 15.0  # seconds the workers have when the driving process is gone; they want 10 to cancel
_UNKILLABLE_AFTER = 10.0
_POLL = 0.01

Serve = Callable[[int, socket.socket], None]


class ZygoteGoneError(Exception):
    """It cannot be asked any more."""


class Zygote:
    """The handle of the driving process. One thread at a time.

    Args:
        serve: what a worker does with its number and socket; called in the fork, which ends afterwards.
        keep: descriptors that stay open in the forks.
        log_path: receives what the forks print.
    """

    def __init__(self, serve: Serve, *, keep: Sequence[int], log_path: Path) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        gc.freeze()  # what is alive is never collected in the forks: nothing inherited is torn down there
        self.pid = os.fork()
        if self.pid == 0:
            _be(lambda: _wait_for_orders(theirs, serve), [theirs.fileno(), *keep], log_path)
        theirs.close()
        self._socket = ours

    def spawn(self, number: int) -> tuple[int, socket.socket]:
        """Start a worker; returns its process id and our end of a socket pair.

        Raises:
            ZygoteGoneError: there is none.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            pid, _ = self._ask(_SPAWN, number, 0.0, [theirs.fileno()])
        except ZygoteGoneError:
            ours.close()
            raise
        finally:
            theirs.close()
        return pid, ours

    def end(self, pid: int, *, patience: float = 0.0) -> int:
        """Wait until a worker is dead, killing it after ``patience`` seconds.

        Returns:
            Its wait status, or :data:`UNKILLABLE`.

        Raises:
            ZygoteGoneError: there is none to tell.
        """
        _, status = self._ask(_END, pid, patience, [])
        return status

    def close(self) -> None:
        """Let it and all workers go, and wait for that."""
        self._socket.close()
        deadline = time.monotonic() + _LEAVE + 1.0
        while not _gone(self.pid):
            if time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            time.sleep(_POLL)

    def _ask(self, verb: int, number: int, seconds: float, descriptors: list[int]) -> tuple[int, int]:
        try:
            socket.send_fds(self._socket, [_ORDER.pack(verb, number, seconds)], descriptors)
            answer = self._socket.recv(_ANSWER.size, socket.MSG_WAITALL)
        except OSError as error:
            raise ZygoteGoneError from error
        if len(answer) != _ANSWER.size:
            raise ZygoteGoneError
        pid, status = _ANSWER.unpack(answer)
        return pid, status


def _be(life: Callable[[], None], keep: Sequence[int], log_path: Path) -> NoReturn:
    """Be a fork until the end: never return into the frames it was forked in, nor end like Python does."""
    code = 1
    try:
        gc.disable()
        settle_in(keep, log_path)
        life()
        code = 0
    except BaseException:  # noqa: BLE001 - the last frame there is
        traceback.print_exc()
    finally:
        os._exit(code)


def _wait_for_orders(orders: socket.socket, serve: Serve) -> None:
    workers: set[int] = set()
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, _ORDER.size, 1)
        if not order:
            break
        verb, number, seconds = _ORDER.unpack(order)
        if verb == _SPAWN:
            pid = _fork_worker(orders, descriptors[0], number, serve)
            workers.add(pid)
            orders.sendall(_ANSWER.pack(pid, 0))
        else:
            status = _end(number, seconds)
            workers.discard(number)
            orders.sendall(_ANSWER.pack(number, status))
    deadline = time.monotonic() + _LEAVE
    for pid in workers:
        _end(pid, max(0.0, deadline - time.monotonic()))


def _fork_worker(orders: socket.socket, descriptor: int, number: int, serve: Serve) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            orders.close()
            gc.enable()
            serve(number, socket.socket(fileno=descriptor))
            code = 0
        except BaseException:  # noqa: BLE001 - the last frame there is
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(descriptor)
    return pid


def _end(pid: int, patience: float) -> int:
    deadline = time.monotonic() + patience
    killed = False
    while True:
        found, status = _reap(pid)
        if found:
            return status
        if time.monotonic() >= deadline:
            if killed:
                return UNKILLABLE
            os.kill(pid, signal.SIGKILL)
            killed, deadline = True, time.monotonic() + _UNKILLABLE_AFTER
        time.sleep(_POLL)


def _reap(pid: int) -> tuple[bool, int]:
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return True, 0
    return bool(found), status


def _gone(pid: int) -> bool:
    return _reap(pid)[0]
