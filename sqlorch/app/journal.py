"""The daemon's log: one line an event that a person wants, as text or as JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

_LEVELS = {"info": "    ", "warning": "WARN", "error": "FAIL"}


class Journal:
    """Writes lines; never raises, for a log nobody can write to must not end the daemon.

    Args:
        as_json: one JSON object a line instead of text.
        stream: where to, standard error by default.
        detailed: nodes too, not only runs.
    """

    def __init__(self, *, as_json: bool, stream: TextIO | None = None, detailed: bool = False) -> None:
        self._as_json = as_json
        self._stream = sys.stderr if stream is None else stream
        self.detailed = detailed

    def info(self, event: str, text: str, **fields: Any) -> None:
        """Something happened as it should."""
        self._write("info", event, text, fields)

    def warning(self, event: str, text: str, **fields: Any) -> None:
        """Something a person should know of; the daemon goes on."""
        self._write("warning", event, text, fields)

    def error(self, event: str, text: str, **fields: Any) -> None:
        """Something a person has to see to."""
        self._write("error", event, text, fields)

    def _write(self, level: str, event: str, text: str, fields: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        if self._as_json:
            stamp = now.isoformat(timespec="milliseconds")
            body = {"at": stamp, "level": level, "event": event, "message": text, **fields}
            line = json.dumps(body, default=str)
        else:
            first, *more = text.splitlines() or [""]
            line = f"{now:%Y-%m-%d %H:%M:%S}Z {_LEVELS[level]} {first}"
            line += "".join(f"\n{'':26}{rest}" for rest in more)
        try:
            print(line, file=self._stream, flush=True)
        except (OSError, ValueError):  # nobody reads any more, or the disk is full
            return
