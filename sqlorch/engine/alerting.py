"""Deliver what is in the outbox: to every receiver what concerns it, at least once, and in order.

A message counts as told when the receiver has taken it and that was written down; a process that dies in
between tells it again. Receivers are served side by side, so that one that hangs keeps no other from being
told, and all of them together get a limited time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlorch.domain.alert_news import concern, group_of
from sqlorch.domain.alerts import RUN_FAILED, RUN_RECOVERED
from sqlorch.engine.alert_ports import Delivery, DeliveryState
from sqlorch.engine.alert_round import Round, Trouble

if TYPE_CHECKING:
    from sqlorch.domain.alert_news import Topic
    from sqlorch.domain.alerts import AlertBook, Receiver
    from sqlorch.domain.scheduling import Alert
    from sqlorch.engine.alert_ports import DeliveryStore, Notifier
    from sqlorch.engine.ports import Clock

PATIENCE = 60.0  # seconds for all receivers together
_AT_ONCE = 500  # alerts looked at in one go; the rest comes with the next


def no_report(_run_id: str) -> str:
    """What a delivery does that writes no reports."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a delivery.

    Attributes:
        messages: messages that were taken.
        quiet: alerts not told because the same was told just before.
        troubles: receivers that did not take one.
        next_at: when to deliver again, None when nothing is left.
    """

    messages: int
    quiet: int
    troubles: tuple[Trouble, ...]
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    """Delivers alerts.

    Attributes:
        store: who was told what.
        clock: where now comes from.
        book: who receives what.
        notifier: makes what sends to a receiver; a SqlorchError is what kept it from being made.
        mask: takes secrets out of text.
        report: writes the report on a run and returns its file, ``""`` where there is none; called from
            several threads.
        hurry: try again at once what waits for its next try.
        patience: seconds for all receivers together.
    """

    store: DeliveryStore
    clock: Clock
    book: AlertBook
    notifier: Callable[[Receiver], Notifier]
    mask: Callable[[str], str]
    report: Callable[[str], str] = no_report
    hurry: bool = False
    patience: float = PATIENCE

    def deliver(self) -> Told:
        """Tell every receiver what is due for it."""
        alerts = self.store.unsettled(_AT_ONCE)
        known = self._known(alerts)
        rounds = [self._round(receiver, alerts, known) for receiver in self.book.receivers]
        threads = [threading.Thread(target=one.run, name="notifier", daemon=True) for one in rounds]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + self.patience
        for one, thread in zip(rounds, threads, strict=True):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                one.abandon(f"no answer within {self.patience:g} s")
        left = self._settle(alerts)
        return Told(
            messages=sum(one.messages for one in rounds),
            quiet=sum(one.quiet for one in rounds),
            troubles=tuple(trouble for one in rounds for trouble in one.troubles),
            next_at=self._next_at(left, full=len(alerts) == _AT_ONCE),
        )

    def _known(self, alerts: Iterable[Alert]) -> Mapping[tuple[int, str], Delivery]:
        found = self.store.deliveries(alert.alert_id for alert in alerts)
        return {(delivery.alert_id, delivery.receiver): delivery for delivery in found}

    def _round(
        self, receiver: Receiver, alerts: Iterable[Alert], known: Mapping[tuple[int, str], Delivery]
    ) -> Round:
        now = self.clock.now()
        due = []
        for alert in alerts:
            delivery = known.get((alert.alert_id, receiver.name))
            waits = delivery is not None and delivery.next_at is not None and delivery.next_at > now
            if delivery is None or (not delivery.state.final and (self.hurry or not waits)):
                due.append((alert, delivery.tries if delivery is not None else 0))
        return Round(
            store=self.store,
            clock=self.clock,
            book=self.book,
            receiver=receiver,
            notifier=self.notifier,
            mask=self.mask,
            report=self.report,
            due=due,
        )

    def _settle(self, alerts: Iterable[Alert]) -> list[Delivery | None]:
        """Close what nobody is left to be told of; returns what is left, None where untried."""
        known = self._known(alerts)
        topics = {receiver.name: self.store.topics(receiver.name) for receiver in self.book.receivers}
        left: list[Delivery | None] = []
        failures: dict[tuple[str, str], Delivery | None] = {}  # that a receiver is still to be told of
        for alert in alerts:
            missing: list[Delivery | None] = []
            failed = []
            for receiver in self.book.receivers:
                delivery = known.get((alert.alert_id, receiver.name))
                place = (receiver.name, group_of(alert))
                if delivery is not None and delivery.state is DeliveryState.FAILED:
                    failed.append(f"{receiver.name}: {delivery.error}")
                if self._waits(alert, receiver, delivery, topics[receiver.name]):
                    missing.append(delivery)
                    if alert.kind == RUN_FAILED:
                        failures[place] = delivery
                elif _follows(alert, receiver, delivery) and place in failures:
                    missing.append(failures[place])
            left += missing
            if not missing:
                self.store.settle([alert.alert_id], now=self.clock.now(), error="; ".join(failed))
        return left

    def _waits(
        self, alert: Alert, receiver: Receiver, delivery: Delivery | None, topics: Mapping[str, Topic]
    ) -> bool:
        if delivery is not None:
            return not delivery.state.final
        return bool(concern(alert, receiver, self.book, topics))

    def _next_at(self, left: Iterable[Delivery | None], *, full: bool) -> datetime | None:
        now = self.clock.now()
        moments = [(delivery.next_at if delivery is not None else None) or now for delivery in left]
        return now if full and not moments else min(moments, default=None)


def _follows(alert: Alert, receiver: Receiver, delivery: Delivery | None) -> bool:
    """Whether it is a recovery a receiver learns of once it was told of the failure."""
    return delivery is None and alert.kind == RUN_RECOVERED and receiver.wants(alert.kind)
