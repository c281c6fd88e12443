"""Alerts about runs that a person started, where ``alerts.manual`` asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlorch.domain.alerts import BY_HAND
from sqlorch.domain.errors import SqlorchError

if TYPE_CHECKING:
    from sqlorch.app.verified import Tell
    from sqlorch.app.workspace import Workspace

_PATIENCE = 5.0  # seconds a command waits for the delivery, which goes on without it


def by_hand(workspace: Workspace) -> dict[str, Any]:
    """What a run's invocation says of alerts."""
    return {BY_HAND: True} if tells_by_hand(workspace) else {}


def tells_by_hand(workspace: Workspace) -> bool:
    """Whether somebody is told of runs that a person starts."""
    settings = workspace.settings.alerts
    return settings.manual and bool(settings.receivers)


def alert_after(workspace: Workspace, tell: Tell) -> None:
    """Deliver what the runs of a command have put into the outbox, in a process of its own.

    Args:
        workspace: the project.
        tell: told of receivers that did not take a message.
    """
    if not tells_by_hand(workspace):
        return
    from sqlorch.app.alert_book import read_book  # noqa: PLC0415 - reads the project; few need it
    from sqlorch.app.lineage import open_view  # noqa: PLC0415 - likewise
    from sqlorch.app.sending import Sending  # noqa: PLC0415 - likewise
    from sqlorch.domain.alert_codec import encode_book  # noqa: PLC0415 - likewise

    try:
        book, _ = read_book(open_view(workspace.choices))
        sent = Sending(encode_book(book), workspace.state_dir, url=workspace.state_url).wait(_PATIENCE)
    except (SqlorchError, OSError) as failure:
        tell(f"alerts could not be sent: {failure}")
        return
    if sent is None:
        tell(f"alerts were not taken within {_PATIENCE:g} s; they are still being sent")
    elif sent.failure:
        tell(sent.failure)
    for receiver, error in sent.troubles if sent is not None else ():
        tell(f"an alert was not taken by {receiver}: {error}; sqlorch alerts send tries again")
