"""The worker as a child process: pipes for the protocol, a file for whatever it prints, an inherited lock."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sqlorch.executors.lines import LineReader
from sqlorch.executors.messages import Message, ToWorker, decode, encode

_TAIL = 2_000  # bytes of the log quoted when it ended unexpectedly


class Child(Protocol):
    """A running worker as the supervisor sees it."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def fileno(self) -> int:
        """What to wait on for its messages."""

    def send(self, message: ToWorker) -> bool:
        """Say something; False when it cannot hear any more."""

    def receive(self) -> list[Message]:
        """What it has said since.

        Raises:
            ExecutionError: it says what no worker says.
        """

    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it lives."""

    def hang_up(self) -> None:
        """End the conversation: it cuts what it is doing and leaves."""

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""

    def dispose(self) -> str:
        """Let go of what it used; returns the last lines it printed."""


class WorkerChild:
    """Starts a worker; see :class:`Child` for the rest.

    It gets a session of its own, so that Ctrl-C in the daemon's terminal reaches the daemon alone. Start it
    from the main thread: on Linux the kernel ends it when the *thread* that started it is gone.

    Args:
        command: its command line.
        log_path: receives its standard error; what an earlier one printed is kept once, beside it.
        keep: descriptors it inherits.
        environ: its environment, None for that of this process.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log_path: Path,
        keep: Sequence[int] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._log_path = log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            log_path.replace(log_path.with_suffix(".1.log"))
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=tuple(keep),
                start_new_session=True,
                env=None if environ is None else dict(environ),
            )
        assert self._process.stdin is not None  # noqa: S101 - both are pipes, as asked for
        assert self._process.stdout is not None  # noqa: S101
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)
        os.set_blocking(self._output, False)
        self._reader = LineReader(self._output)

    @property
    def pid(self) -> int:
        """See the port."""
        return self._process.pid

    def fileno(self) -> int:
        """See the port."""
        return self._output

    def send(self, message: ToWorker) -> bool:
        """See the port. A pipe that is full belongs to a worker that does not listen."""
        line = encode(message)
        try:
            return os.write(self._input, line) == len(line)
        except OSError:
            return False

    def receive(self) -> list[Message]:
        """See the port."""
        return [decode(line) for line in self._reader.read()]

    def exit_code(self) -> int | None:
        """See the port."""
        return self._process.poll()

    def hang_up(self) -> None:
        """See the port."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe, as asked for
        with suppress(OSError):
            self._process.stdin.close()

    def kill(self) -> None:
        """See the port. Its whole process group goes: what a model's Python started must not outlive it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def dispose(self) -> str:
        """See the port."""
        self.hang_up()
        assert self._process.stdout is not None  # noqa: S101 - a pipe, as asked for
        self._process.stdout.close()
        try:
            with self._log_path.open("rb") as log:
                log.seek(max(0, self._log_path.stat().st_size - _TAIL))
                return log.read().decode(errors="replace").strip()
        except OSError:
            return ""
