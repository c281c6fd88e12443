"""Who was told what. Implements :class:`sqlorch.engine.alert_ports.DeliveryStore`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy import text as sql

from sqlorch.domain.alert_news import Topic
from sqlorch.domain.history import AttemptRecord
from sqlorch.domain.run import Outcome
from sqlorch.domain.scheduling import Alert
from sqlorch.engine.alert_ports import Delivery, DeliveryState
from sqlorch.state.alerts import alert_of
from sqlorch.state.codec import clean_text, from_micros, from_micros_or_none, to_micros, to_micros_or_none
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.rows import attempt_record
from sqlorch.state.tables import alert, alert_delivery, alert_topic, attempt

_CHUNK = 1000  # bound values a statement; SQLite takes 32,766
_T = TypeVar("_T")
_WRITE = sql(
    "INSERT INTO alert_delivery (alert_id, receiver, state, tries, next_at, at, error) "
    "VALUES (:alert_id, :receiver, :state, :tries, :next_at, :at, :error) "
    "ON CONFLICT (alert_id, receiver) DO UPDATE SET state = excluded.state, tries = excluded.tries, "
    "next_at = excluded.next_at, at = excluded.at, error = excluded.error"
)
_WRITE_TOPIC = sql(
    "INSERT INTO alert_topic (receiver, topic, since, seen_at, told_at, times) "
    "VALUES (:receiver, :topic, :since, :seen_at, :told_at, :times) "
    "ON CONFLICT (receiver, topic) DO UPDATE SET since = excluded.since, seen_at = excluded.seen_at, "
    "told_at = excluded.told_at, times = excluded.times"
)
_COUNT_TRIES = update(alert).where(alert.c.id == bindparam("which")).values(tries=alert.c.tries + 1)
_SUCCEEDED = (
    select(attempt.c.unique_id, func.max(attempt.c.finished_at).label("at"))
    .where(
        attempt.c.unique_id.in_(bindparam("nodes", expanding=True)),
        attempt.c.outcome.in_([Outcome.SUCCESS, Outcome.WARN]),
    )
    .group_by(attempt.c.unique_id)
)


@repeating
class SqlDeliveries:
    """See the port for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unsettled(self, limit: int) -> list[Alert]:
        """See :meth:`sqlorch.engine.alert_ports.DeliveryStore.unsettled`."""
        statement = select(alert).where(alert.c.sent_at.is_(None)).order_by(alert.c.id).limit(limit)
        with self._database.read() as connection:
            return [alert_of(row) for row in connection.execute(statement)]

    def deliveries(self, alert_ids: Iterable[int]) -> list[Delivery]:
        """See :meth:`sqlorch.engine.alert_ports.DeliveryStore.deliveries`."""
        statement = select(alert_delivery).where(
            alert_delivery.c.alert_id.in_(bindparam("ids", expanding=True))
        )
        with self._database.read() as connection:
            return [
                _delivery(row)
                for ids in _chunks(alert_ids)
                for row in connection.execute(statement, {"ids": ids})
            ]

    def topics(self, receiver: str) -> Mapping[str, Topic]:
        """See :meth:`sqlorch.engine.alert_ports.DeliveryStore.topics`."""
        statement = select(alert_topic).where(alert_topic.c.receiver == clean_text(receiver))
        with self._database.read() as connection:
            return {row.topic: _topic(row) for row in connection.execute(statement)}

    def record(
        self, deliveries: Sequence[Delivery], topics: Mapping[str, Topic], closed: Iterable[str] = ()
    ) -> None:
        """See :meth:`sqlorch.engine.alert_ports.DeliveryStore.record`."""
        if not deliveries:
            return
        receiver = clean_text(deliveries[0].receiver)
        tried = [{"which": delivery.alert_id} for delivery in deliveries]
        with self._database.write() as connection:
            connection.execute(_WRITE, [_delivery_values(delivery) for delivery in deliveries])
            connection.execute(_COUNT_TRIES, tried)
            for prefix in closed:
                _close(connection, receiver, clean_text(prefix))
            if topics:
                rows = [_topic_values(receiver, key, topic) for key, topic in topics.items()]
                connection.execute(_WRITE_TOPIC, rows)

    def settle(self, alert_ids: Iterable[int], *, now: datetime, error: str = "") -> None:
        """See :meth:`sqlorch.engine.alert_ports.DeliveryStore.settle`."""
        with self._database.write() as connection:
            for ids in _chunks(alert_ids):
                statement = update(alert).where(alert.c.id.in_(ids), alert.c.sent_at.is_(None))
                connection.execute(statement.values(sent_at=to_micros(now), error=clean_text(error)))

    def reopen(self, receivers: Iterable[str]) -> None:
        """See :meth:`sqlorch.engine.alert_ports.DeliveryStore.reopen`."""
        given_up = (
            alert_delivery.c.state == DeliveryState.FAILED,
            alert_delivery.c.receiver.in_([clean_text(receiver) for receiver in receivers]),
        )
        with self._database.write() as connection:
            alerts = select(alert_delivery.c.alert_id).where(*given_up)
            connection.execute(update(alert).where(alert.c.id.in_(alerts)).values(sent_at=None, error=""))
            again = {"state": DeliveryState.WAITING, "tries": 0, "next_at": None}
            connection.execute(update(alert_delivery).where(*given_up).values(**again))

    def attempts(self, attempt_ids: Iterable[int]) -> list[AttemptRecord]:
        """See :meth:`sqlorch.engine.alert_ports.DeliveryStore.attempts`."""
        statement = select(attempt).where(attempt.c.attempt_id.in_(bindparam("ids", expanding=True)))
        with self._database.read() as connection:
            return [
                attempt_record(row)
                for ids in _chunks(attempt_ids)
                for row in connection.execute(statement, {"ids": ids})
            ]

    def succeeded(self, unique_ids: Iterable[str]) -> Mapping[str, datetime]:
        """See :meth:`sqlorch.engine.alert_ports.DeliveryStore.succeeded`."""
        with self._database.read() as connection:
            return {
                row.unique_id: from_micros(row.at)
                for nodes in _chunks(unique_ids)
                for row in connection.execute(_SUCCEEDED, {"nodes": nodes})
                if row.at is not None
            }


def _chunks(values: Iterable[_T]) -> Iterator[list[_T]]:
    listed = list(dict.fromkeys(values))
    for first in range(0, len(listed), _CHUNK):
        yield listed[first : first + _CHUNK]


def _close(connection: Connection, receiver: str, prefix: str) -> None:
    begins = alert_topic.c.topic.startswith(prefix, autoescape=True)
    connection.execute(delete(alert_topic).where(alert_topic.c.receiver == receiver, begins))


def _delivery(row: Any) -> Delivery:
    return Delivery(
        alert_id=row.alert_id,
        receiver=row.receiver,
        state=DeliveryState(row.state),
        tries=row.tries,
        next_at=from_micros_or_none(row.next_at),
        at=from_micros(row.at),
        error=row.error,
    )


def _delivery_values(delivery: Delivery) -> dict[str, Any]:
    return {
        "alert_id": delivery.alert_id,
        "receiver": clean_text(delivery.receiver),
        "state": delivery.state,
        "tries": delivery.tries,
        "next_at": to_micros_or_none(delivery.next_at),
        "at": to_micros(delivery.at),
        "error": clean_text(delivery.error),
    }


def _topic(row: Any) -> Topic:
    return Topic(
        since=from_micros(row.since),
        seen_at=from_micros(row.seen_at),
        told_at=from_micros_or_none(row.told_at),
        times=row.times,
    )


def _topic_values(receiver: str, key: str, topic: Topic) -> dict[str, Any]:
    return {
        "receiver": receiver,
        "topic": clean_text(key),
        "since": to_micros(topic.since),
        "seen_at": to_micros(topic.seen_at),
        "told_at": to_micros_or_none(topic.told_at),
        "times": topic.times,
    }
