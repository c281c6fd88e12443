"""The daemon's outbox: starts a delivery when there is something to tell, and never waits for one."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.app.sending import Sending, Sent

if TYPE_CHECKING:
    from sqlorch.app.journal import Journal

_PAUSE = 2.0  # seconds between two deliveries, so that what happens together is told together
_AFTER_FAILURE = 60.0
_AT_THE_END = 10.0  # seconds the daemon waits for its last words when it stops


class Outbox:
    """One delivery at a time, each in a process of its own.

    Args:
        state_dir: the state folder.
        journal: the daemon's log.
        send: starts a delivery; only tests give another.
    """

    def __init__(
        self, state_dir: Path, journal: Journal, *, send: Callable[[str, Path], Sending] = Sending
    ) -> None:
        self._state_dir = state_dir
        self._journal = journal
        self._send = send
        self._book = ""
        self._sending: Sending | None = None
        self._not_before = 0.0
        self._due: float | None = None
        self._trouble: dict[str, str] = {}

    @property
    def has_receivers(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._book)

    @property
    def trouble(self) -> str:
        """Which receivers did not take the last message, ``""`` when all did."""
        return f"not taken by {', '.join(sorted(self._trouble))}" if self._trouble else ""

    @property
    def busy(self) -> bool:
        """Whether a delivery is under way."""
        return self._sending is not None

    def adopt(self, book: str) -> None:
        """From now on deliver by this book; ``""`` where there is no receiver."""
        if book != self._book:
            self._book = book
            self._trouble = {}

    def wanted(self) -> None:
        """There is something new to tell."""
        self._due = time.monotonic()

    def follow(self, now: datetime, *, leads: bool = True) -> None:
        """See what came of a delivery, and start one when it is time and ours to do."""
        if self._sending is not None:
            sent = self._sending.take()
            if sent is not None:
                self._sending = None
                self._heed(sent, now)
        moment = time.monotonic()
        if self._due is None or self._sending is not None or not self._book or not leads:
            return
        if moment >= max(self._due, self._not_before):
            self._start(moment)

    def end(self, now: datetime) -> None:
        """The daemon stops: a moment for what is still to be told; the rest keeps for the next start."""
        until = time.monotonic() + _AT_THE_END
        soon = self._due is not None and self._due <= time.monotonic()
        self._not_before = 0.0
        while (self.busy or soon) and time.monotonic() < until:
            self.follow(now)
            soon = False
            time.sleep(0.05)

    def _start(self, moment: float) -> None:
        self._due = None
        self._not_before = moment + _PAUSE
        try:
            self._sending = self._send(self._book, self._state_dir)
        except OSError as error:  # no process can be started now
            self._fail(f"no process could be started: {error}")

    def _heed(self, sent: Sent, now: datetime) -> None:
        if sent.failure:
            self._fail(sent.failure)
            return
        if sent.messages:
            self._journal.info("alerted", f"alerts sent: {sent.messages}", messages=sent.messages)
        self._tell(dict(sent.troubles), sent.next_at)
        if sent.next_at is not None and self._due is None:
            self._due = time.monotonic() + max(0.0, (sent.next_at - now).total_seconds())

    def _tell(self, troubles: dict[str, str], next_at: datetime | None) -> None:
        again = f"; next try at {next_at:%H:%M:%S}Z" if next_at is not None else ""
        for receiver, error in troubles.items():
            if self._trouble.get(receiver) != error:
                text = f"an alert was not taken by {receiver}: {error}{again}"
                self._journal.warning("not_alerted", text, receiver=receiver)
        self._trouble = troubles

    def _fail(self, why: str) -> None:
        self._journal.warning("not_alerted", f"alerts could not be delivered: {why}")
        self._due = time.monotonic() + _AFTER_FAILURE
