"""Starts worker processes for the daemon, each with a log of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from sqlorch.executors.child import WorkerChild


class Spawner:
    """Starts a worker when called.

    The first writes ``worker.log``, one that is started beside it ``worker-2.log``, and so on; a number is
    used again when its process has ended.

    Args:
        folder: the state folder.
        options: the options that name and open the project.
        locks: descriptors of the project's run lock, which workers inherit.
    """

    def __init__(self, folder: Path, options: Sequence[str], locks: Callable[[], Sequence[int]]) -> None:
        self._folder = folder
        self._options = options
        self._locks = locks
        self._living: dict[int, WorkerChild] = {}

    def __call__(self) -> WorkerChild:
        """Start one.

        Raises:
            StateError: the lock of other hosts cannot be reached.
        """
        self._living = {n: child for n, child in self._living.items() if child.exit_code() is None}
        number = next(n for n in count(1) if n not in self._living)
        keep = self._locks()
        kept = [text for lock in keep for text in ("--keep", str(lock))]
        command = [sys.executable, "-m", "sqlorch", "_worker", *kept, *self._options]
        log_path = self._folder / ("worker.log" if number == 1 else f"worker-{number}.log")
        child = self._living[number] = WorkerChild(command, log_path=log_path, keep=keep)
        return child
