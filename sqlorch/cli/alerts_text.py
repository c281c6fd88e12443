"""What ``sqlorch alerts`` prints."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sqlorch.app.alert_book import read_book
from sqlorch.app.alerting import deliver, make_notifier, test_message, told_document
from sqlorch.app.lineage import open_view
from sqlorch.app.workspace import Choices, open_workspace
from sqlorch.cli import text
from sqlorch.cli.running import command_line, warn
from sqlorch.domain.alert_message import clip
from sqlorch.domain.alerts import AlertBook, Receiver, kind_of
from sqlorch.domain.errors import ConfigError, SqlorchError
from sqlorch.domain.masking import Masker, secrets_of
from sqlorch.engine.alert_ports import Delivery, DeliveryState

if TYPE_CHECKING:
    from pathlib import Path

    from sqlorch.domain.scheduling import Alert

_NO_RECEIVERS = (
    "there is no receiver of alerts; name one in sqlorch.yml, as in alerts: {to: [{url: env:SLACK_URL}]}"
)
_LONGEST = 100


def list_alerts(given: Mapping[str, Any]) -> int:
    """Do what ``sqlorch alerts list`` was told; returns the exit code."""
    with open_workspace(_choices(given)).store() as store:
        found = store.alerts.newest(given["limit"], unsent=given["unsent"])
        deliveries: dict[int, list[Delivery]] = {alert.alert_id: [] for alert in found}
        for one in store.deliveries.deliveries(deliveries):
            deliveries[one.alert_id].append(one)
    if given["as_json"]:
        documents = [_document(alert, deliveries[alert.alert_id]) for alert in found]
        click.echo(json.dumps({"alerts": documents}, indent=2))
    elif found:
        Console(highlight=False).print(_table(found, deliveries))
    else:
        click.echo("nothing waits to be sent" if given["unsent"] else "no alerts yet")
    return 0


def send_alerts(given: Mapping[str, Any]) -> int:
    """Do what ``sqlorch alerts send`` was told; returns the exit code."""
    book, state_dir = _book(given)
    url = open_workspace(_choices(given)).state_url
    told = deliver(book, state_dir, command=command_line(), url=url, hurry=True, wait=30.0)
    if given["as_json"]:
        click.echo(json.dumps(told_document(told), indent=2))
    else:
        click.echo(f"{text.number(told.messages, 'message')} sent")
        if told.quiet:
            click.echo(f"{text.number(told.quiet, 'alert')} not told, because the same was told just before")
        for trouble in told.troubles:
            again = f"; next try {trouble.next_at:%Y-%m-%d %H:%M:%S} UTC" if trouble.next_at else ""
            click.echo(f"not taken by {trouble.receiver}: {trouble.error}{again}", err=True)
    return 1 if told.troubles else 0


def test_receivers(given: Mapping[str, Any]) -> int:
    """Do what ``sqlorch alerts test`` was told; returns the exit code."""
    book, state_dir = _book(given)
    chosen = _chosen(book, given["names"])
    message = test_message(book)

    def attempt(receiver: Receiver) -> str:
        try:
            make_notifier(receiver, state_dir=state_dir, environ=os.environ).send(message)
        except SqlorchError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a notifier is anybody's code
            return f"{type(error).__name__}: {error}"
        return ""

    mask = Masker(secrets_of(os.environ))
    failed = 0
    with ThreadPoolExecutor(len(chosen), thread_name_prefix="notifier") as pool:
        for receiver, error in zip(chosen, pool.map(attempt, chosen), strict=True):
            failed += bool(error)
            said = f"not taken: {clip(mask(error), 300)}" if error else "taken"
            click.echo(f"{receiver.name}: {said}")
    return 1 if failed else 0


def _chosen(book: AlertBook, names: Sequence[str]) -> list[Receiver]:
    for name in names:
        if not any(name == one.name for one in book.receivers):
            known = ", ".join(receiver.name for receiver in book.receivers)
            raise ConfigError(f"there is no receiver {name!r}; there are: {known}")
    return [one for one in book.receivers if not names or one.name in names]


def _book(given: Mapping[str, Any]) -> tuple[AlertBook, Path]:
    choices = _choices(given)
    settings = open_workspace(choices).settings.alerts
    if not settings.receivers:
        raise ConfigError(_unset(settings.absent) if settings.absent else _NO_RECEIVERS)
    view = open_view(choices)
    book, notices = read_book(view)
    for notice in notices:
        warn(notice)
    return book, view.workspace.state_dir


def _unset(absent: Sequence[str]) -> str:
    return f"there is no receiver of alerts here: {', '.join(absent)} is optional, and its URL is not set"


def _choices(given: Mapping[str, Any]) -> Choices:
    return Choices(project_dir=given["project_dir"], profiles_dir=given["profiles_dir"])


def _document(alert: Alert, deliveries: Sequence[Delivery]) -> dict[str, Any]:
    return {
        "id": alert.alert_id,
        "kind": alert.kind,
        "at": alert.created_at.isoformat(),
        "settled_at": alert.sent_at.isoformat() if alert.sent_at else None,
        "error": alert.error,
        "payload": dict(alert.payload),
        "deliveries": [
            {
                "receiver": one.receiver,
                "state": one.state,
                "tries": one.tries,
                "next_at": one.next_at.isoformat() if one.next_at else None,
                "error": one.error,
            }
            for one in deliveries
        ],
    }


def _table(found: Sequence[Alert], deliveries: Mapping[int, Sequence[Delivery]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("at (UTC)", "what", "about", "told"):
        table.add_column(name, overflow="fold")
    for alert in found:
        payload = alert.payload
        about = payload.get("run_id") or payload.get("group") or payload.get("reason") or ""
        table.add_row(
            f"{alert.created_at:%Y-%m-%d %H:%M:%S}",
            kind_of(alert.kind).title,
            escape(clip(str(about), _LONGEST)),
            escape(_standing(alert, deliveries[alert.alert_id])),
        )
    return table


def _standing(alert: Alert, deliveries: Sequence[Delivery]) -> str:
    if not deliveries:
        return "waits" if alert.sent_at is None else "nobody asked to be"
    return "\n".join(_said(one) for one in deliveries)


def _said(one: Delivery) -> str:
    match one.state:
        case DeliveryState.SENT:
            return f"{one.receiver} at {one.at:%H:%M:%S}"
        case DeliveryState.QUIET:
            return f"{one.receiver} was told the same before"
        case DeliveryState.FAILED:
            return f"{one.receiver} not, given up after {one.tries} tries: {one.error}"
        case DeliveryState.WAITING:
            again = f", next at {one.next_at:%H:%M:%S}" if one.next_at else ""
            return f"{one.receiver} not yet{again}: {clip(one.error, _LONGEST)}"
