"""Who is alerted: the settings, and what nodes and groups say for themselves, as one book."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlorch.config.alert_model import AlertKeys, ReceiverKeys
from sqlorch.config.places import shown
from sqlorch.domain.alerts import DEFAULT_SUPPRESSION, AlertBook, Contact, Receiver
from sqlorch.domain.dag import EXECUTABLE_KINDS, Dag, Node
from sqlorch.domain.group import Group
from sqlorch.notifiers.references import is_set

_HOUR = 3600.0
_MOST_HOURS = 366 * 24.0
_KEYS = ("owner", "channel", "subscribers", "alert_suppression_interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What ``sqlorch.yml`` says of alerts.

    Attributes:
        receivers: where they go.
        absent: names of optional receivers whose URL is not set here.
        suppression: seconds during which the same is not told again.
        manual: whether runs started by hand are told of.
        link: address of a run for people, ``""`` for none.
    """

    receivers: tuple[Receiver, ...] = ()
    absent: tuple[str, ...] = ()
    suppression: float = DEFAULT_SUPPRESSION
    manual: bool = False
    link: str = ""


def alerts_of(keys: AlertKeys, environ: Mapping[str, str]) -> Alerts:
    """The settings as values.

    Args:
        keys: what the file says.
        environ: decides which of the optional receivers there are.
    """
    absent = [said for said in keys.to if said.optional and not is_set(said.url, environ)]
    return Alerts(
        receivers=tuple(_receiver(said) for said in keys.to if said not in absent),
        absent=tuple(said.name or said.url for said in absent),
        suppression=keys.suppression,
        manual=keys.manual,
        link=keys.link or "",
    )


def _receiver(said: ReceiverKeys) -> Receiver:
    return Receiver(
        name=said.name or said.url,
        url=said.url,
        kinds=tuple(said.kinds),
        groups=tuple(said.groups),
        owners=tuple(said.owners),
        channels=tuple(channel.removeprefix("#") for channel in said.channels),
    )


def make_book(
    settings: Alerts, *, project: str, dag: Dag, groups: Sequence[Group]
) -> tuple[AlertBook, tuple[str, ...]]:
    """Who is told what of a project.

    ``meta.owner``, ``meta.channel``, ``meta.subscribers`` and ``meta.alert_suppression_interval`` (hours) are
    those of Elementary (https://docs.elementary-data.com/oss/guides/alerts/alerts-configuration), for which
    many projects have them already; a test that does not say one has that of the node it is declared on.

    Returns:
        The book, and what in it a person should know of, one sentence each. Nothing of it keeps the project
        from being used: these keys are other tools' as well.
    """
    notices: list[str] = []
    contacts: dict[str, Contact] = {}
    if settings.receivers:
        for uid, node in sorted(dag.nodes.items()):
            if node.kind in EXECUTABLE_KINDS:
                contacts[uid] = _contact(node, _said(node, dag), notices)
        notices += _unknown_groups(settings.receivers, groups)
    silent = Contact()
    book = AlertBook(
        project=project,
        receivers=settings.receivers,
        suppression=settings.suppression,
        link=settings.link,
        contacts={uid: contact for uid, contact in contacts.items() if contact != silent},
        group_owners={group.name: _names(group.owner) for group in groups if group.owner},
    )
    return book, tuple(notices)


def _said(node: Node, dag: Dag) -> Mapping[str, Any]:
    tested = dag.nodes.get(node.attached_to) if node.attached_to else None
    both = [*([tested.meta] if tested is not None else []), node.meta]
    return {key: meta[key] for meta in both for key in _KEYS if meta.get(key) is not None}


def _contact(node: Node, said: Mapping[str, Any], notices: list[str]) -> Contact:
    channel = said.get("channel")
    if channel is not None and not isinstance(channel, str):
        notices.append(f"{_place(node)}: meta.channel must be text, not {shown(channel)}; it is passed over")
        channel = None
    return Contact(
        owners=_names(said.get("owner")),
        channel=(channel or "").strip().removeprefix("#"),
        subscribers=_names(said.get("subscribers")),
        suppression=_seconds(node, said.get("alert_suppression_interval"), notices),
    )


def _seconds(node: Node, hours: object, notices: list[str]) -> float | None:
    if hours is None:
        return None
    try:
        number = -1.0 if isinstance(hours, bool) else float(str(hours))
    except ValueError:
        number = -1.0
    if 0 <= number <= _MOST_HOURS:
        return number * _HOUR
    notices.append(
        f"{_place(node)}: meta.alert_suppression_interval must be a number of hours, not {shown(hours)}; "
        "it is passed over"
    )
    return None


def _place(node: Node) -> str:
    return f"{node.patch_path or node.path or node.package}: {node.unique_id}"


def _names(said: object) -> tuple[str, ...]:
    """Names in a text, where commas part them, or in a list."""
    texts = said.split(",") if isinstance(said, str) else said if isinstance(said, list | tuple) else []
    return tuple(dict.fromkeys(text.strip() for text in texts if isinstance(text, str) and text.strip()))


def _unknown_groups(receivers: Iterable[Receiver], groups: Sequence[Group]) -> list[str]:
    known = {group.name for group in groups}
    return [
        f"sqlorch.yml: alerts.to: the receiver {receiver.name} is told of the group {shown(name)}, "
        f"which there is not; there are: {', '.join(sorted(known))}"
        for receiver in receivers
        for name in receiver.groups
        if name not in known
    ]
