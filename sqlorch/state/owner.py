"""Which process is this, and does that one still live."""

from __future__ import annotations

import os
import socket
import sys
from functools import cache
from pathlib import Path

from sqlorch.domain.history import Owner

_STARTTIME = 22  # field number in proc_pid_stat(5), counted from 1
_STATE = 3


def current_owner() -> Owner:
    """The calling process."""
    pid = os.getpid()
    _, started = _process_stat(pid)
    return Owner(host=socket.gethostname(), boot_id=_boot_id(), pid=pid, started=started)


def can_be_seen(owner: Owner) -> bool:
    """Whether it would be in the table of processes that this one looks into.

    Containers may share the name and the boot of their machine; their processes are apart all the same.
    """
    return owner.host == socket.gethostname() and owner.boot_id == _boot_id()


def is_alive(owner: Owner) -> bool:
    """Whether the process still exists on this machine.

    A process of another host cannot be seen from here and counts as alive. Where the system does not tell
    start times (macOS, Windows) a later process with the same pid counts as the same one.
    """
    if owner.host != socket.gethostname():
        return True
    if owner.boot_id and owner.boot_id != _boot_id():
        return False
    if not _pid_exists(owner.pid):
        return False
    state, started = _process_stat(owner.pid)
    if state in {"Z", "X"}:  # ended, only not yet waited for by its parent
        return False
    return 0 in (owner.started, started) or started == owner.started


@cache
def _boot_id() -> str:
    """The boot of this machine, and the name space of its process ids: ``UUID/4026531836``."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _process_stat(pid: int) -> tuple[str, int]:
    """State letter and start in clock ticks since boot; ``("", 0)`` where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "", 0
    # the second field is the program's name in parentheses and may itself hold blanks and parentheses
    fields = stat.rpartition(")")[2].split()
    return fields[_STATE - 3], int(fields[_STARTTIME - 3])


if sys.platform == "win32":

    def _pid_exists(pid: int) -> bool:
        # os.kill(pid, 0) would send Ctrl-C there
        import ctypes  # noqa: PLC0415 - exists for this platform only

        synchronize, timeout = 0x00100000, 0x102
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(synchronize, 0, pid)
        if not handle:
            return False
        waited = kernel.WaitForSingleObject(handle, 0)
        kernel.CloseHandle(handle)
        return bool(waited == timeout)

else:

    def _pid_exists(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # it exists and is someone else's
            return True
        return True
