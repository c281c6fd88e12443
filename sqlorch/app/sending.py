"""Delivers alerts in a child process, so that no receiver, however slow or broken, holds anybody up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlorch.config.references import STATE_URL

_LONGEST = 180.0  # seconds; the child itself gives its receivers a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a child said of its delivery.

    Attributes:
        messages: messages that were taken.
        troubles: receiver and error of each that was not.
        next_at: when to deliver again, None when nothing is left.
        failure: why it could not deliver at all, ``""`` when it could.
    """

    messages: int = 0
    troubles: tuple[tuple[str, str], ...] = ()
    next_at: datetime | None = None
    failure: str = ""


class Sending:
    """One delivery under way.

    Args:
        book: the encoded book (:mod:`sqlorch.domain.alert_codec`).
        state_dir: the state folder.
        url: the state's, where it is in PostgreSQL; it goes by the environment, which others cannot read.
    """

    def __init__(self, book: str, state_dir: Path, *, url: str | None = None) -> None:
        self._out = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        command = [sys.executable, "-m", "sqlorch", "_deliver", "--state-dir", str(state_dir)]
        with tempfile.TemporaryFile() as given:
            given.write(book.encode())
            given.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                stdin=given,
                stdout=self._out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=None if url is None else {**os.environ, STATE_URL: url},
            )
        self._deadline = time.monotonic() + _LONGEST

    def take(self) -> Sent | None:
        """What came of it; None while it goes on."""
        code = self._process.poll()
        if code is None and time.monotonic() < self._deadline:
            return None
        if code is None:
            self._process.kill()
            self._process.wait()
            return Sent(failure=f"delivering alerts took longer than {_LONGEST:g} s")
        self._out.seek(0)
        return _read(self._out.read().decode(errors="replace"), code)

    def wait(self, seconds: float) -> Sent | None:
        """What came of it within so many seconds; it goes on by itself after that."""
        until = time.monotonic() + seconds
        while (sent := self.take()) is None and time.monotonic() < until:
            time.sleep(0.05)
        return sent


def _read(said: str, code: int) -> Sent:
    lines = said.strip().splitlines()
    try:
        document: dict[str, Any] = json.loads(lines[-1])
        return Sent(
            messages=document["messages"],
            troubles=tuple((one["receiver"], one["error"]) for one in document["troubles"]),
            next_at=datetime.fromisoformat(document["next_at"]) if document["next_at"] else None,
        )
    except (ValueError, KeyError, TypeError, IndexError):
        last = lines[-1].removeprefix("Error: ") if lines else "it said nothing"
        return Sent(failure=f"the process that delivers alerts ended with code {code}: {last}")
