"""Messages into a file, one line of JSON each: what was alerted, on record, without any service."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from sqlorch.domain.alert_message import Message
from sqlorch.domain.errors import ConfigError, IntegrationError


class LogFile:
    """A :class:`sqlorch.engine.alert_ports.Notifier`.

    Args:
        url: ``log:///absolute/path``.

    Raises:
        ConfigError: the path is not absolute.
    """

    def __init__(self, url: str) -> None:
        self._path = Path(url.partition("://")[2])
        if not self._path.is_absolute():
            raise ConfigError("a log of alerts has an absolute path: log:///var/log/alerts.log")

    def send(self, message: Message) -> None:
        """See the port."""
        body = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "weight": message.weight,
            "title": message.title,
            "text": message.text,
        }
        line = json.dumps(body, ensure_ascii=False) + "\n"
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line.encode("utf-8", errors="replace"))
            finally:
                os.close(file)
        except OSError as error:
            raise IntegrationError(f"{self._path} cannot be written: {error.strerror}") from error
