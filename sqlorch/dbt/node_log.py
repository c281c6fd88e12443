"""What dbt says while it executes a node, written to that attempt's own log file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager_client import get_event_manager
from dbt_common.exceptions.base import env_secrets

from sqlorch.domain.masking import Masker, secrets_of

_NOISE = frozenset(
    {"CacheAction", "CacheDumpGraph", "NodeStart", "NodeFinished", "NodeCompiling", "NodeExecuting"}
)


class NodeLogs:
    """Routes dbt's events to the log of the node that the firing thread executes.

    A full disk or a lost folder never fails a node: the log just ends there.

    Args:
        secrets: values that must never reach a file; each is written as ``*****``.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._masker = Masker([*secrets, *env_secrets(), *secrets_of(os.environ)])
        self._here = threading.local()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear all that dbt says until the block ends.

        dbt would first make a protobuf message of every event, for loggers and callbacks there are none of
        here; only warnings go that way, since dbt decides there whether a warning is an error.
        """
        manager = get_event_manager()
        original = manager.fire_event

        def fire_event(
            e: Any,
            level: Any = None,
            node: Any = None,
            force_warn_or_error_handling: bool = False,  # noqa: FBT001, FBT002 - dbt's signature
        ) -> None:
            level = level or e.level_tag()
            if force_warn_or_error_handling or level == EventLevel.WARN or manager.callbacks:
                original(e, level, node, force_warn_or_error_handling)
            self._hear(e, str(level.value))

        manager.fire_event = fire_event
        try:
            yield
        finally:
            manager.fire_event = original

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
        """``text`` without secrets: those of the environment and the profile's own credentials."""
        return self._masker.known(text)

    def _hear(self, event: Any, level: str) -> None:
        if getattr(self._here, "file", None) is None or type(event).__name__ in _NOISE:
            return
        now = datetime.now()  # noqa: DTZ005 - a log speaks local time
        stamp = f"{now.hour:02}:{now.minute:02}:{now.second:02}.{now.microsecond // 1000:03}"
        self.write(f"{stamp} [{level:<5}] {event.message()}")


def _open(path: Path) -> TextIO | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8", errors="replace")
    except OSError:
        return None
