"""What must be so before a process is forked, and what the fork must not keep."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Collection
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")
_TASKS = Path("/proc/self/task")
_PATIENCE = 1.0
_POLL = 0.01


def obstacle() -> str:
    """Why this process cannot be forked now, ``""`` when it can.

    A fork has one thread only; whatever another thread held at that moment (a lock, half a write) stays so in
    it for ever. Native threads that sleep hold nothing: dbt's parser leaves some that wait for more to parse,
    which forks never do.
    """
    if not sys.platform.startswith("linux"):
        return f"worker processes are forked, which is not safe on {sys.platform}"
    others = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    if others:
        return f"this process has other threads already ({', '.join(others)})"
    deadline = time.monotonic() + _PATIENCE
    while busy := _busy_threads():
        if time.monotonic() > deadline:
            return f"a library has {busy} threads at work"
        time.sleep(_POLL)
    return ""


def _busy_threads() -> int:
    """How many native threads beside the calling one do not sleep."""
    mine = threading.get_native_id()
    busy = 0
    for task in _TASKS.iterdir():
        with suppress(OSError):  # it has just ended
            state = (task / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
            busy += int(task.name) != mine and state != "S"
    return busy


def descriptors_of(path: Path) -> list[int]:
    """The open descriptors of a file in this process."""
    try:
        wanted = path.stat()
    except OSError:
        return []
    found = []
    for descriptor in _open_descriptors():
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), wanted):
                found.append(descriptor)
    return found


def settle_in(keep: Collection[int], log_path: Path) -> None:
    """Make this fork independent of the process it came from.

    Its terminal, pipes and databases belong to that process: held open here, their other ends would not see
    it go. Signals of the terminal and of a service manager reach both, and are answered there alone: a fork
    goes when its socket is closed.

    Args:
        keep: descriptors to keep beside those of standard streams.
        log_path: receives what is printed.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        log = nothing
    for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    kept = {0, 1, 2, *keep, *_of_python()}
    for descriptor in _open_descriptors():
        if descriptor not in kept:
            with suppress(OSError):
                os.close(descriptor)


def _open_descriptors() -> list[int]:
    return [int(path.name) for path in _DESCRIPTORS.iterdir()]


def _of_python() -> list[int]:
    """The pipe to the tracker of named semaphores, which dbt's locks are."""
    descriptor = getattr(resource_tracker._resource_tracker, "_fd", None)  # noqa: SLF001 - not told otherwise
    return [] if descriptor is None else [descriptor]
