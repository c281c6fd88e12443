"""The seams of alerting, as Protocols: what sends a message, and what remembers who was told what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlorch.domain.alert_message import Message
    from sqlorch.domain.alert_news import Topic
    from sqlorch.domain.history import AttemptRecord
    from sqlorch.domain.scheduling import Alert


class Notifier(Protocol):
    """Sends messages to one place, named by a URL when the notifier is made."""

    def send(self, message: Message) -> None:
        """Send, and come back when the other side has taken it; safe to call from any one thread.

        Raises:
            IntegrationError: it was not taken. The text says why, in one sentence without the URL.
        """


class DeliveryState(StrEnum):
    """How the delivery of one alert to one receiver stands."""

    WAITING = "waiting"  # tried in vain, or put off
    SENT = "sent"
    QUIET = "quiet"  # the same was told within the suppression interval
    FAILED = "failed"  # tried too often

    @property
    def final(self) -> bool:
        """Whether it is not tried again by itself."""
        return self is not DeliveryState.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One alert on its way to one receiver.

    Attributes:
        alert_id: the alert.
        receiver: the receiver's name.
        state: how it stands.
        tries: messages that were not taken.
        next_at: when to try again, None where it is final or due at once.
        at: when this was last written.
        error: why the last try failed, ``""`` when it did not.
    """

    alert_id: int
    receiver: str
    state: DeliveryState
    tries: int
    next_at: datetime | None
    at: datetime
    error: str = ""


class DeliveryStore(Protocol):
    """Who was told what. Every method is one transaction."""

    def unsettled(self, limit: int) -> list[Alert]:
        """Alerts that may still have to be delivered to somebody, oldest first."""

    def deliveries(self, alert_ids: Iterable[int]) -> list[Delivery]:
        """What is known of the delivery of these alerts; nothing of those never tried."""

    def topics(self, receiver: str) -> Mapping[str, Topic]:
        """What a receiver was told of and is not over, by the topic's key."""

    def record(
        self, deliveries: Sequence[Delivery], topics: Mapping[str, Topic], closed: Iterable[str] = ()
    ) -> None:
        """Write how deliveries to one receiver stand, what it now knows, and which topics are over.

        ``closed`` are beginnings of topic keys.
        """

    def settle(self, alert_ids: Iterable[int], *, now: datetime, error: str = "") -> None:
        """Nothing is left to be done about these alerts; ``error`` says who could not be told, and why."""

    def reopen(self, receivers: Iterable[str]) -> None:
        """Give what was given up for these receivers another chance, from the first try."""

    def attempts(self, attempt_ids: Iterable[int]) -> list[AttemptRecord]:
        """Attempts by id, for what they said."""

    def succeeded(self, unique_ids: Iterable[str]) -> Mapping[str, datetime]:
        """When each of these nodes last succeeded; those that never did are left out."""
