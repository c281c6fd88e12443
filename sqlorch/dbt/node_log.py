"""What dbt says while it executes a node, written to that attempt's own log file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from dbt_common.events.event_manager_client import get_event_manager
from dbt_common.events.functions import env_scrubber

_NOISE = frozenset(
    {"CacheAction", "CacheDumpGraph", "NodeStart", "NodeFinished", "NodeCompiling", "NodeExecuting"}
)
_MASK = "*****"


class NodeLogs:
    """Routes dbt's events to the log of the node that the firing thread executes.

    A full disk or a lost folder never fails a node: the log just ends there.

    Args:
        secrets: values that must never reach a file; each is written as ``*****``.
    """

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._secrets = tuple(sorted((s for s in secrets if s), key=len, reverse=True))
        self._here = threading.local()

    def install(self) -> None:
        """Start listening to dbt."""
        get_event_manager().add_callback(self._on_event)

    @contextmanager
    def writing_to(self, path: Path) -> Iterator[None]:
        """Send what this thread's dbt says to ``path`` (appended) until the block ends."""
        self._here.file = _open(path)
        try:
            yield
        finally:
            if self._here.file is not None:
                with suppress(OSError):
                    self._here.file.close()
            self._here.file = None

    def write(self, text: str) -> None:
        """Add a line of our own to this thread's log."""
        file: TextIO | None = getattr(self._here, "file", None)
        if file is not None:
            with suppress(OSError):
                file.write(self.mask(text) + "\n")

    def mask(self, text: str) -> str:
        """``text`` without secrets: dbt's ``DBT_ENV_SECRET_*`` and the profile's own credentials."""
        text = env_scrubber(text)
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text

    def _on_event(self, message: Any) -> None:
        if getattr(self._here, "file", None) is None or message.info.name in _NOISE:
            return
        stamp = message.info.ts.ToDatetime().strftime("%H:%M:%S.%f")[:-3]
        self.write(f"{stamp} [{message.info.level:<5}] {message.info.msg}")


def _open(path: Path) -> TextIO | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8", errors="replace")
    except OSError:
        return None
