"""Once a day the daemon forgets runs as old as ``state.runs_keep`` says, in a child process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlorch.app.journal import Journal

_FIRST = 600.0  # seconds after the start: what is due comes first
_EVERY = 24 * 3600.0
_NOTHING = ("forgot 0 runs, 0 other records and 0 folders", "runs are kept for ever")
_AT_MOST = 3600.0  # seconds; far more than forgetting a day's runs takes


class Pruner:
    """See the module. It belongs to the daemon's loop.

    Args:
        project_dir, profiles_dir: the project's folders.
        journal: told how it went wrong.
        first: seconds from now to the first time.
    """

    def __init__(
        self, project_dir: Path, profiles_dir: Path, journal: Journal, *, first: float = _FIRST
    ) -> None:
        where = ["--project-dir", str(project_dir), "--profiles-dir", str(profiles_dir)]
        self._command = [sys.executable, "-m", "sqlorch", "db", "prune", *where]
        self._journal = journal
        self._next = time.monotonic() + first
        self._process: subprocess.Popen[bytes] | None = None
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        self._deadline = 0.0

    def follow(self) -> None:
        """Start when it is time, and hear how it went."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._next:
                self._start(now)
        elif self._process.poll() is not None:
            self._tell(self._process.returncode)
            self._process = None
        elif now >= self._deadline:
            self.close()
            self._journal.warning("not_pruned", "forgetting old runs took longer than an hour; it was ended")

    def close(self) -> None:
        """End one that is under way: it goes on another day."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self, now: float) -> None:
        self._next, self._deadline = now + _EVERY, now + _AT_MOST
        self._output.seek(0)
        self._output.truncate()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self._command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT
        )

    def _tell(self, code: int) -> None:
        self._output.seek(0)
        said = self._output.read().decode(errors="replace").strip()
        if code == 0 and not said.startswith(_NOTHING):
            self._journal.info("pruned", said)
        elif code != 0:
            self._journal.warning("not_pruned", f"old runs could not be forgotten: {said}")
