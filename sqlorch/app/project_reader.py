"""Reads the project in a child process, so that the daemon need not import what reading takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlorch.domain.errors import ProjectError, SqlorchError
from sqlorch.domain.snapshot import Snapshot
from sqlorch.domain.snapshot_codec import decode_snapshot
from sqlorch.executors.supervisor import Limits

_TIMEOUT = 300.0  # seconds; far more than any project takes
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the daemon is to behave: the section ``daemon`` of the settings.

    Attributes:
        grace: seconds running nodes may go on when it is told to stop.
        limits: when workers are replaced.
        runs: how many are driven at once.
        health: ``host:port`` to answer health checks on, ``off`` for none, ``""`` where nothing is said.
    """

    grace: float
    limits: Limits
    runs: int
    health: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a reading yielded: the project for the scheduler, who is alerted (``""``: nobody), its folders.

    ``state_url`` is where the URL of the state's database is found, never the URL; ``target`` is that of the
    profile, ``""`` where none was found, and ``adapter`` dbt's kind of warehouse.
    """

    snapshot: Snapshot
    alerts: str
    project_dir: Path
    profiles_dir: Path
    state_dir: Path
    state_url: str | None
    target: str
    adapter: str
    habits: Habits


class ProjectReader:
    """One reading at a time, started and then asked for.

    Args:
        options: the options that name the project, as on the daemon's command line.
    """

    def __init__(self, options: Sequence[str]) -> None:
        self._command = [sys.executable, "-m", "sqlorch", "_snapshot", *options]
        self._process: subprocess.Popen[bytes] | None = None
        self._error = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        self._text = b""
        self._deadline = 0.0

    @property
    def busy(self) -> bool:
        """Whether a reading is under way."""
        return self._process is not None

    def fileno(self) -> int:
        """What to wait on while it is busy."""
        assert self._process is not None  # noqa: S101 - asked only while busy
        assert self._process.stdout is not None  # noqa: S101 - a pipe, as asked for
        return self._process.stdout.fileno()

    def start(self) -> None:
        """Begin a reading; one that is under way is given up, for it may have seen old files."""
        self.close()
        self._error.seek(0)
        self._error.truncate()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._error
        )
        os.set_blocking(self.fileno(), False)
        self._text, self._deadline = b"", time.monotonic() + _TIMEOUT

    def take(self) -> Described | SqlorchError | None:
        """What came of the reading; None while there is none or it goes on."""
        if self._process is None:
            return None
        if not self._drained():
            if time.monotonic() < self._deadline:
                return None
            self.close()
            return ProjectError(f"reading the project took longer than {_TIMEOUT:g} s")
        code = self._process.wait()
        text, self._process = self._text, None
        self._text = b""
        if code != 0:
            return ProjectError(self._complaint(code))
        try:
            return _described(text)
        except SqlorchError as error:
            return error

    def read(self) -> Described:
        """Read now, and wait for it.

        Raises:
            SqlorchError: the project cannot be used.
        """
        self.start()
        while (found := self.take()) is None:
            time.sleep(0.02)
        if isinstance(found, SqlorchError):
            raise found
        return found

    def close(self) -> None:
        """Give up a reading that is under way."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _drained(self) -> bool:
        while True:
            try:
                chunk = os.read(self.fileno(), _CHUNK)
            except BlockingIOError:
                return False
            if not chunk:
                return True
            self._text += chunk

    def _complaint(self, code: int) -> str:
        self._error.seek(0)
        said = self._error.read(_CHUNK).decode(errors="replace").strip()
        return said.removeprefix("Error: ") or f"the process that reads the project ended with code {code}"


def _described(text: bytes) -> Described:
    document = json.loads(text)
    return Described(
        snapshot=decode_snapshot(document["snapshot"]),
        alerts=str(document["alerts"]),
        project_dir=Path(document["project_dir"]),
        profiles_dir=Path(document["profiles_dir"]),
        state_dir=Path(document["state_dir"]),
        state_url=document["state_url"],
        target=str(document["target"]),
        adapter=str(document["adapter"]),
        habits=_habits(document["daemon"]),
    )


def _habits(said: Mapping[str, Any]) -> Habits:
    limits = Limits(nodes=said["nodes"], memory=said["memory"], idle=said["idle"])
    return Habits(grace=said["grace"], limits=limits, runs=said["runs"], health=said["health"])
