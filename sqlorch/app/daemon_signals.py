"""Signals as the daemon's loop wants them: counted, and able to wake it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Signals:
    """What has been asked for by signals.

    Attributes:
        ends: how often SIGTERM or SIGINT came: drain, then cut, then end at once.
        reload: whether SIGHUP came since it was last taken.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self._reading = reading
        self._writing = writing
        self.ends = 0
        self.reload = False

    def fileno(self) -> int:
        """What to wait on."""
        return self._reading

    def drain(self) -> None:
        """Forget what woke the loop."""
        with suppress(BlockingIOError):
            while os.read(self._reading, 512):
                pass

    def wake(self) -> None:
        """Wake the loop; safe in a signal handler and from any thread."""
        with suppress(BlockingIOError):  # full: it is awake already
            os.write(self._writing, b"!")

    def on_end(self, _number: int, _frame: object) -> None:
        """Handle SIGTERM and SIGINT."""
        self.end()

    def end(self) -> None:
        """Ask for the end, as a signal does; from any thread."""
        self.ends += 1
        self.wake()

    def on_reload(self, _number: int, _frame: object) -> None:
        """Handle SIGHUP."""
        self.reload = True
        self.wake()

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last time."""
        asked, self.reload = self.reload, False
        return asked


@contextmanager
def catching() -> Iterator[Signals]:
    """Catch the signals of a daemon inside.

    SIGINT too where it was ignored when we were started, as a shell does for ``command &`` in a script.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    caught = Signals(reading, writing)
    handlers = {
        signal.SIGTERM: caught.on_end,
        signal.SIGINT: caught.on_end,
        signal.SIGHUP: caught.on_reload,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)
