"""One receiver's turn: its messages, one after the other, each written down once it was taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlorch.domain.alert_message import Message, clip
from sqlorch.domain.alert_news import News, Topic, concern, group_of, news, topic_prefix
from sqlorch.domain.alert_text import REPORTED, Writer
from sqlorch.domain.errors import SqlorchError
from sqlorch.engine.alert_ports import Delivery, DeliveryState

if TYPE_CHECKING:
    from sqlorch.domain.alerts import AlertBook, Receiver
    from sqlorch.domain.scheduling import Alert
    from sqlorch.engine.alert_ports import DeliveryStore, Notifier
    from sqlorch.engine.ports import Clock

MOST_TRIES = 12  # about five hours
MOST_MESSAGES = 10  # more than that at once become one
_FIRST_WAIT = 30.0  # seconds; doubled with every try
_LONGEST_WAIT = 3600.0
_ENOUGH = 2  # failures in a row after which the receiver is left alone for now
_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A receiver that did not take a message; ``next_at`` is the next try, None when there is none."""

    receiver: str
    error: str
    next_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Round:
    """Serves one receiver in a thread of its own.

    Attributes:
        store, clock, book, mask: as in :class:`sqlorch.engine.alerting.Deliverer`.
        receiver: who is served.
        notifier: makes what sends to it.
        report: writes the report on a run and returns its file, ``""`` when there is none.
        due: the alerts to look at, oldest first, each with the tries it has had.
        messages, quiet, troubles: what came of it so far.
    """

    store: DeliveryStore
    clock: Clock
    book: AlertBook
    receiver: Receiver
    notifier: Callable[[Receiver], Notifier]
    mask: Callable[[str], str]
    report: Callable[[str], str]
    due: Sequence[tuple[Alert, int]]
    messages: int = 0
    quiet: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    _made: Notifier | None = None
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _under_way: Sequence[News] = ()
    _abandoned: bool = False

    def run(self) -> None:
        """Serve it; whatever keeps it from being served is a trouble, never an exception."""
        try:
            self._serve()
        except SqlorchError as error:  # the state cannot be used: nothing was written, all is tried again
            self.troubles.append(Trouble(receiver=self.receiver.name, error=str(error), next_at=None))

    def abandon(self, why: str) -> None:
        """The time is up: what is under way counts as a failed try, and nothing more is written."""
        with self._writing:
            self._abandoned = True
            if self._under_way:
                self._write_failure(self._under_way, why)

    def _serve(self) -> None:
        bundles = self._bundles()
        if len(bundles) > MOST_MESSAGES:
            self._tell([alert for bundle in bundles for alert in bundle], digest=True)
            return
        failures = 0
        for place, bundle in enumerate(bundles):
            failures = 0 if self._tell(bundle) else failures + 1
            if failures == _ENOUGH:
                self._put_off([alert for later in bundles[place + 1 :] for alert in later])
                return

    def _bundles(self) -> list[list[Alert]]:
        """What concerns the receiver: all about one run together, anything else by itself."""
        topics = self.store.topics(self.receiver.name)
        found: dict[object, list[Alert]] = {}
        failing = {group_of(alert) for alert, _ in self.due if alert.kind == "run_failed"}
        for alert, _ in self.due:
            follows = alert.kind == "run_recovered" and group_of(alert) in failing
            if follows or concern(alert, self.receiver, self.book, topics):
                found.setdefault(alert.payload.get("run_id") or alert.alert_id, []).append(alert)
        return list(found.values())

    def _tell(self, alerts: Sequence[Alert], *, digest: bool = False) -> bool:
        """Send one message; False when it was not taken."""
        said = self._news(alerts)
        loud = [one for one in said if one.items]
        if loud:
            with self._writing:
                if self._abandoned:
                    return False
                self._under_way = said
            error = self._send(loud, digest=digest)
            if error:
                with self._writing:
                    if not self._abandoned:
                        self._write_failure(said, error)
                return False
        with self._writing:
            if not self._abandoned:
                self._write_success(said)
        return True

    def _news(self, alerts: Sequence[Alert]) -> list[News]:
        """What is to be said of these alerts, each judged by what those before it have said."""
        topics = dict(self.store.topics(self.receiver.name))
        now = self.clock.now()
        said = []
        for alert in alerts:
            items = concern(alert, self.receiver, self.book, topics)
            if not items:
                continue
            succeeded = self.store.succeeded(item.unique_id for item in items if item.unique_id)
            one = news(alert, items, topics, succeeded, now)
            said.append(one)
            topics = _closed(topics, one) | dict(one.topics)
        return said

    def _send(self, said: Sequence[News], *, digest: bool) -> str:
        """Send a message; returns why it was not taken, ``""`` when it was."""
        try:
            if self._made is None:
                self._made = self.notifier(self.receiver)
            writer = self._writer(said)
            message: Message = writer.digest(said) if digest and len(said) > 1 else writer.message(said)
            self._made.send(message)
        except SqlorchError as error:
            return self._shortened(str(error))
        except Exception as error:  # noqa: BLE001 - a notifier is anybody's code, and must not end the others
            return self._shortened(f"{type(error).__name__}: {error}")
        return ""

    def _shortened(self, error: str) -> str:
        return clip(self.mask(error), _LONGEST_ERROR) or "it failed without a word"

    def _writer(self, said: Sequence[News]) -> Writer:
        ids = {
            node.get("attempt_id")
            for one in said
            for item in one.items
            for node in [item.node]
            if isinstance(node.get("attempt_id"), int)
        }
        runs = {str(one.alert.payload.get("run_id") or "") for one in said if one.alert.kind in REPORTED} - {
            ""
        }
        files = {run_id: file for run_id in sorted(runs) if (file := self.report(run_id))}
        attempts = self.store.attempts(number for number in ids if isinstance(number, int))
        return Writer(
            book=self.book,
            mask=self.mask,
            reports=files,
            errors={attempt.attempt_id: attempt.message for attempt in attempts},
            where={
                attempt.attempt_id: f"{attempt.file}:{attempt.line}" if attempt.line else attempt.file
                for attempt in attempts
                if attempt.file
            },
        )

    # --- what is written down

    def _write_success(self, said: Sequence[News]) -> None:
        now = self.clock.now()
        topics: dict[str, Topic] = {}
        closed: list[str] = []
        for one in said:
            topics = _closed(topics, one) | dict(one.topics)
            closed += [topic_prefix(group_of(one.alert))] if one.closed else []
        deliveries = [
            self._delivery(one, DeliveryState.SENT if one.items else DeliveryState.QUIET, now=now)
            for one in said
        ]
        self.store.record(deliveries, topics, closed)
        self._under_way = ()
        self.messages += any(one.items for one in said)
        self.quiet += sum(1 for one in said if not one.items)

    def _write_failure(self, said: Sequence[News], error: str) -> None:
        now = self.clock.now()
        deliveries = []
        for one in said:
            tries = self._tries(one.alert) + 1
            over = tries >= MOST_TRIES
            state = DeliveryState.FAILED if over else DeliveryState.WAITING
            next_at = None if over else now + wait_after(tries)
            deliveries.append(self._delivery(one, state, now=now, tries=tries, next_at=next_at, error=error))
        self.store.record(deliveries, {})
        self._under_way = ()
        again = min((one.next_at for one in deliveries if one.next_at is not None), default=None)
        self.troubles.append(Trouble(receiver=self.receiver.name, error=error, next_at=again))

    def _put_off(self, alerts: Sequence[Alert]) -> None:
        """Leave the rest for when the receiver is tried again; that is no try of theirs."""
        now = self.clock.now()
        moments = [trouble.next_at for trouble in self.troubles if trouble.next_at is not None]
        again = min(moments, default=now + wait_after(1))
        waiting = [News(alert=alert, items=(), topics={}) for alert in alerts]
        with self._writing:
            if not self._abandoned:
                rest = [
                    self._delivery(one, DeliveryState.WAITING, now=now, next_at=again, error="put off")
                    for one in waiting
                ]
                self.store.record(rest, {})

    def _delivery(
        self,
        said: News,
        state: DeliveryState,
        *,
        now: datetime,
        tries: int | None = None,
        next_at: datetime | None = None,
        error: str = "",
    ) -> Delivery:
        return Delivery(
            alert_id=said.alert.alert_id,
            receiver=self.receiver.name,
            state=state,
            tries=self._tries(said.alert) if tries is None else tries,
            next_at=next_at,
            at=now,
            error=error,
        )

    def _tries(self, alert: Alert) -> int:
        return next((tries for known, tries in self.due if known.alert_id == alert.alert_id), 0)


def wait_after(tries: int) -> timedelta:
    """How long to wait after so many failed tries."""
    return timedelta(seconds=min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (tries - 1)))


def _closed(topics: Mapping[str, Topic], said: News) -> dict[str, Topic]:
    if not said.closed:
        return dict(topics)
    prefix = topic_prefix(group_of(said.alert))
    return {key: topic for key, topic in topics.items() if not key.startswith(prefix)}
