"""What of an alert a receiver is told: its share, whether that is new, and whether it was just told.

The same trouble is one *topic* however often it comes back: a failing node of a group, a group's missed
deadline. What is known of a topic is known for each receiver apart, since each was told other things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlorch.domain.alerts import RUN_FAILED, RUN_RECOVERED, AlertBook, Receiver, kind_of
from sqlorch.domain.scheduling import Alert

_SEPARATOR = "|"
_ABOUT = ("sla", "node", "source")  # what tells two troubles of a group and kind apart
_BY_INTERVAL = frozenset({"slot_skipped"})  # each interval that is left out is a trouble of its own
_FAILURES = frozenset({RUN_FAILED, "worker_lost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What one receiver knows of one trouble.

    Attributes:
        since: when it began.
        seen_at: when it was last found.
        told_at: when the receiver was last told, None for not yet.
        times: how often it was found.
    """

    since: datetime
    seen_at: datetime
    told_at: datetime | None
    times: int

    def again(self, at: datetime) -> Topic:
        """As it is after it was found once more."""
        return replace(self, seen_at=max(self.seen_at, at), times=self.times + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing an alert says: a node that failed, or the alert as such (``unique_id`` is then ``""``).

    Attributes:
        topic: key of its topic.
        unique_id: the node, or ``""``.
        node: what the alert says of the node.
        owners: who answers for it.
        suppression: seconds during which it is not told again.
    """

    topic: str
    unique_id: str
    node: Mapping[str, Any]
    owners: tuple[str, ...]
    suppression: float


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What of one alert one receiver is to be told now.

    Attributes:
        alert: the alert.
        items: what is told; empty when all of it was told recently.
        topics: every topic it touches, as it will be once this is delivered.
        closed: whether the trouble of the whole group is over with it.
        since: when that trouble began, as far as the receiver was told of it.
    """

    alert: Alert
    items: tuple[Item, ...]
    topics: Mapping[str, Topic]
    closed: bool = False
    since: datetime | None = None


def group_of(alert: Alert) -> str:
    """The group an alert is about, ``""`` for none."""
    return str(alert.payload.get("group") or "")


def topic_prefix(group: str) -> str:
    """How the keys of all topics of a group's failures begin."""
    return f"{RUN_FAILED}{_SEPARATOR}{group}{_SEPARATOR}"


def concern(
    alert: Alert, receiver: Receiver, book: AlertBook, topics: Mapping[str, Topic]
) -> tuple[Item, ...]:
    """What of an alert is a receiver's business; empty when nothing is.

    A receiver that was told of a group's failures is told that they are over, whatever owners it is limited
    to: the recovery itself names none. Nobody else is.
    """
    group = group_of(alert)
    if not receiver.wants(alert.kind) or (receiver.groups and group not in receiver.groups):
        return ()
    if alert.kind == RUN_RECOVERED:
        prefix = topic_prefix(group)
        told = any(key.startswith(prefix) and topic.told_at is not None for key, topic in topics.items())
        return (_whole(alert, book),) if told else ()
    return tuple(item for item in _items(alert, book) if _is_for(receiver, item, book))


def news(
    alert: Alert,
    items: tuple[Item, ...],
    topics: Mapping[str, Topic],
    succeeded: Mapping[str, datetime],
    now: datetime,
) -> News:
    """Tell what is new, or was not told for long enough, from what is not to be told again now.

    Args:
        alert: the alert.
        items: what of it concerns the receiver.
        topics: what the receiver knows so far.
        succeeded: when each node last succeeded, for those that have: what failed again after that is new.
        now: the current instant.
    """
    if alert.kind == RUN_RECOVERED:
        prefix = topic_prefix(group_of(alert))
        begun = (topic.since for key, topic in topics.items() if key.startswith(prefix))
        return News(alert=alert, items=items, topics={}, closed=True, since=min(begun, default=None))
    after: dict[str, Topic] = {}
    told = []
    for item in items:
        known = _still_open(topics.get(item.topic), succeeded.get(item.unique_id))
        recent = known is not None and known.told_at is not None and _recent(known.told_at, item, now)
        quiet = recent and kind_of(alert.kind).repeats
        topic = known.again(alert.created_at) if known is not None else _begun(alert.created_at)
        if not quiet:
            told.append(item)
            topic = replace(topic, told_at=now)
        after[item.topic] = topic
    return News(alert=alert, items=tuple(told), topics=after)


def _recent(told_at: datetime, item: Item, now: datetime) -> bool:
    return now < told_at + timedelta(seconds=item.suppression)


def _begun(at: datetime) -> Topic:
    return Topic(since=at, seen_at=at, told_at=None, times=1)


def _still_open(topic: Topic | None, succeeded: datetime | None) -> Topic | None:
    over = topic is not None and succeeded is not None and succeeded > topic.seen_at
    return None if over else topic


def _items(alert: Alert, book: AlertBook) -> Iterator[Item]:
    nodes = alert.payload.get("nodes") or ()
    described = [node for node in nodes if isinstance(node, Mapping)]
    if not described:
        yield _whole(alert, book)
    group = group_of(alert)
    for node in described:
        uid = str(node.get("unique_id") or "")
        said = book.contacts.get(uid)
        own = said.suppression if said is not None else None
        yield Item(
            topic=_topic(alert.kind, group, uid),
            unique_id=uid,
            node=node,
            owners=book.owners(uid, group),
            suppression=book.suppression if own is None else own,
        )


def _whole(alert: Alert, book: AlertBook) -> Item:
    """The alert as such, for one that is about no node."""
    group = group_of(alert)
    keys = ("interval", "first") if alert.kind in _BY_INTERVAL else _ABOUT
    about = str(next((said for key in keys if (said := alert.payload.get(key))), ""))
    uid = str(alert.payload.get("node") or "")
    return Item(
        topic=_topic(alert.kind, group, about),
        unique_id=uid,
        node={},
        owners=book.owners(uid, group),
        suppression=book.suppression,
    )


def _topic(kind: str, group: str, about: str) -> str:
    return _SEPARATOR.join([RUN_FAILED if kind in _FAILURES else kind, group, about])


def _is_for(receiver: Receiver, item: Item, book: AlertBook) -> bool:
    channel = book.channel(item.unique_id)
    if (channel not in receiver.channels) if channel else bool(receiver.channels):
        return False
    return not receiver.owners or not set(receiver.owners).isdisjoint(item.owners)
