"""Keeps the lock over hosts while runs are driven: a server that is started anew has forgotten who has it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlorch.state.lock_postgres import PostgresLock

_LOOK = 1.0  # seconds between two looks
_JOIN = 5.0  # seconds


@contextmanager
def kept(lock: PostgresLock | None, *, lost: Callable[[str], object]) -> Iterator[None]:
    """Inside, a thread takes the lock again where it was forgotten.

    Args:
        lock: one that is held; None where there are no other hosts.
        lost: told once, from the thread, when somebody else was quicker, and who it is.
    """
    if lock is None:
        yield
        return
    end = threading.Event()
    thread = threading.Thread(target=_keep, args=(lock, end, lost), name="lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(_JOIN)


def _keep(lock: PostgresLock, end: threading.Event, lost: Callable[[str], object]) -> None:
    while not end.wait(_LOOK):
        if taken := lock.keep():
            lost(f"the server of the state was started anew, and {taken}")
            return
