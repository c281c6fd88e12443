"""The audit trail: what people did, written in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from sqlorch.state.codec import clean_text, from_micros, to_micros
from sqlorch.state.tables import audit


def note(
    connection: Connection, *, who: str, action: str, subject: str, detail: str = "", now: datetime
) -> None:
    """Write one line: ``who`` (``ann@host``) did ``action`` to ``subject``."""
    texts = {"who": who, "action": action, "subject": subject, "detail": detail}
    cleaned = {name: clean_text(text) for name, text in texts.items()}
    connection.execute(audit.insert(), cleaned | {"at": to_micros(now)})


def listed(connection: Connection, limit: int | None) -> list[Mapping[str, Any]]:
    """Newest first: ``at``, ``who``, ``action``, ``subject``, ``detail``."""
    statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
    return [
        {
            "at": from_micros(row.at),
            "who": row.who,
            "action": row.action,
            "subject": row.subject,
            "detail": row.detail,
        }
        for row in connection.execute(statement)
    ]
