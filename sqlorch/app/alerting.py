"""Delivering alerts: puts the outbox, the receivers and what makes notifiers of URLs together.

Nothing here imports pydantic, dbt or a parser: the process that delivers is started often, and stays light.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlorch.app.alert_reports import AlertReports
from sqlorch.app.clock import SystemClock
from sqlorch.domain.alert_message import Command, Message, Paragraph, make_message
from sqlorch.domain.alerts import AlertBook, Receiver, Weight
from sqlorch.domain.masking import Masker, secrets_of
from sqlorch.engine.alerting import PATIENCE, Deliverer, Told
from sqlorch.notifiers.references import resolve
from sqlorch.notifiers.registry import notifier_for
from sqlorch.state.lock import FileLock
from sqlorch.state.store import SqlStore
from sqlorch.state.turn import hosts_lock

if TYPE_CHECKING:
    from sqlorch.engine.alert_ports import Notifier

STATE_FILE = "state.db"
_LOCK = "alerts.lock"
_DOING = "delivers alerts of this project"


def deliver(
    book: AlertBook,
    state_dir: Path,
    *,
    command: str,
    url: str | None = None,
    hurry: bool = False,
    wait: float = 0.0,
    patience: float = PATIENCE,
    environ: Mapping[str, str] = os.environ,
) -> Told:
    """Deliver what is in the outbox of a state folder; one process at a time does, on whatever host.

    Args:
        book: who receives what.
        state_dir: the state folder.
        command: the command line, for whoever finds the outbox taken.
        url: the state's, where it is in PostgreSQL.
        hurry: try at once what waits for its next try, and once more what was given up.
        wait: seconds to wait for another process that delivers.
        patience: seconds for all receivers together.
        environ: where references lead to, and which secrets must not be told.

    Raises:
        LockedError: another process delivers; names it.
        StateError: the state cannot be used.
    """
    lock = FileLock(state_dir / _LOCK, doing=_DOING, command=command, timeout=wait)
    hosts = hosts_lock(url, "alerts", doing=_DOING) or nullcontext()
    with lock, hosts, SqlStore.open(state_dir / STATE_FILE, url=url) as store:
        if hurry:
            store.deliveries.reopen([receiver.name for receiver in book.receivers])
        deliverer = Deliverer(
            store=store.deliveries,
            clock=SystemClock(),
            book=book,
            notifier=partial(make_notifier, state_dir=state_dir, environ=environ),
            mask=Masker(secrets_of(environ)),
            report=AlertReports(store, state_dir, Path(book.project_dir)),
            hurry=hurry,
            patience=patience,
        )
        return deliverer.deliver()


def make_notifier(receiver: Receiver, *, state_dir: Path, environ: Mapping[str, str]) -> Notifier:
    """What sends to a receiver.

    Raises:
        ConfigError: its URL is not there or cannot be used.
    """
    return notifier_for(resolve(receiver.url, environ, state_dir))


def told_document(told: Told) -> dict[str, Any]:
    """What came of a delivery, ready for JSON."""
    return {
        "messages": told.messages,
        "quiet": told.quiet,
        "troubles": [
            {"receiver": one.receiver, "error": one.error, "next_at": _text(one.next_at)}
            for one in told.troubles
        ],
        "next_at": _text(told.next_at),
    }


def told_line(told: Told) -> str:
    """:func:`told_document` as one line."""
    return json.dumps(told_document(told))


def test_message(book: AlertBook) -> Message:
    """What ``sqlorch alerts test`` sends."""
    now = datetime.now(UTC)
    return make_message(
        f"[{book.project}] a test of alerts",
        Weight.INFO,
        [
            Paragraph(f"Somebody tried at {now:%Y-%m-%d %H:%M:%S} UTC whether alerts arrive here. They do."),
            Command("What is waiting to be sent", "sqlorch alerts list --unsent"),
        ],
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
