"""What Apprise says of a message that was not taken: it answers false, and tells the reason to its log."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

_FORGETTABLE = ("Sent ", "Response Details", "Failed to send one or more")


class Complaints(logging.Handler):
    """Collects warnings and errors of this thread while its block lasts."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger
        self._thread = threading.get_ident()
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        self._logger.addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of this thread."""
        if record.thread == self._thread:
            self._lines.append(record.getMessage())

    @property
    def text(self) -> str:
        """What was said, on one line."""
        lines = [line for line in self._lines if not line.startswith(_FORGETTABLE)]
        return " ".join(" ".join(lines).split())
