"""What the daemon says of what happens: log lines, and alerts for what a person has to learn of."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlorch.app.daemon_waits import WaitTeller
from sqlorch.domain.alert_line import alert_line
from sqlorch.domain.alerts import Weight, kind_of
from sqlorch.executors.messages import (
    Broken,
    Declined,
    NodeBegan,
    NodeEnded,
    Ready,
    Rested,
    RunBegan,
    RunEnded,
)
from sqlorch.executors.supervisor import Lost
from sqlorch.executors.workers import Happening, Reloaded, ReloadFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlorch.app.journal import Journal
    from sqlorch.domain.scheduling import Alert
    from sqlorch.engine.schedule_ports import AlertStore

_GOOD = frozenset({"success", "skipped", "running", "cancelled"})
_OK = frozenset({"success", "warn"})
_SAID_BEFORE = frozenset({"reload_failed", "reload_recovered", "worker_died"})  # when it happened
_AT_ONCE = 100


class Reporter:
    """Turns events into lines and alerts.

    Args:
        journal: the daemon's log.
        alerts: the outbox.
    """

    def __init__(self, journal: Journal, alerts: AlertStore) -> None:
        self._journal = journal
        self._alerts = alerts
        self._broken_since: datetime | None = None
        self._declined: dict[str, str] = {}
        self._logged = 0
        self._delivered = False
        self._waits = WaitTeller(journal)

    @property
    def is_broken(self) -> bool:
        """Whether the project as it is now cannot be used."""
        return self._broken_since is not None

    def tell(self, event: Happening, now: datetime) -> None:
        """Say what happened, where there is something to say."""
        match event:
            case RunBegan():
                self._declined.pop(event.run_id, None)
                text = f"run {event.run_id} began: {event.group} {event.interval}, {_nodes(event.nodes)}"
                self._journal.info("run_began", text, run_id=event.run_id, group=event.group)
            case RunEnded():
                self._run_ended(event)
            case NodeBegan() | NodeEnded():
                self._node(event)
            case Declined():
                self._declined_run(event)
            case Ready():
                text = f"worker ready after {event.seconds:.1f} s, {_nodes(event.nodes)}"
                self._journal.info("worker_ready", text, seconds=round(event.seconds, 3))
            case Rested(trouble=trouble) if trouble:
                self._journal.warning("not_published", f"metrics were not published: {trouble}")
            case Lost():
                self._lost(event, now)
            case Reloaded():
                self.recovered("the changed project is open", now)
            case ReloadFailed() | Broken():
                self.broken(event.error, now)

    def broken(self, error: str, now: datetime) -> None:
        """The project cannot be used as it is now; told once until it can be used again."""
        since = self._broken_since = self._broken_since or now
        digest = hashlib.sha256(error.encode()).hexdigest()[:16]
        payload = {"reason": error, "since": since.isoformat()}
        if self._alerts.raise_alert(
            f"reload:{since.isoformat()}:{digest}", "reload_failed", payload, now=now
        ):
            text = f"the project cannot be used as it is now; the last good state stays in use\n{error}"
            self._journal.error("reload_failed", text)

    def recovered(self, text: str, now: datetime) -> None:
        """The project can be used."""
        if self._broken_since is None:
            self._journal.info("reloaded", text)
            return
        since, self._broken_since = self._broken_since, None
        payload = {"since": since.isoformat(), "until": now.isoformat()}
        self._alerts.raise_alert(f"reloaded:{since.isoformat()}", "reload_recovered", payload, now=now)
        self._journal.info("reloaded", f"{text}; it could not be used since {since:%H:%M:%S}")

    def alerts(self, now: datetime) -> bool:
        """Write what is in the outbox into the log, once each; whether there is something new to deliver.

        Where nobody receives alerts, the log is all there is of them.
        """
        news = False
        while found := self._alerts.alerts(unsent=True, after=self._logged, limit=_AT_ONCE):
            for alert in found:
                self._logged = alert.alert_id
                self._log(alert)
                if not self._delivered:
                    self._alerts.sent(alert.alert_id, now=now)
            news = True
        return news

    def waits(self, waiting: Mapping[str, str]) -> None:
        """Say what runs wait for that a person has to see to, once each."""
        self._waits.tell(waiting)

    def leave_to(self, *, others: bool) -> None:
        """Whether ``others`` deliver what is in the outbox; else it is done with once it is in the log."""
        if self._delivered and not others:
            self._logged = 0
        self._delivered = others

    def _log(self, alert: Alert) -> None:
        if alert.kind in _SAID_BEFORE or alert.payload.get("nodes"):  # the end of the run says it too
            return
        good = kind_of(alert.kind).weight is Weight.SUCCESS
        say = self._journal.info if good else self._journal.warning
        say(alert.kind, alert_line(alert.kind, alert.payload), **_brief(alert))

    def _run_ended(self, event: RunEnded) -> None:
        if event.state == "running":
            text = f"run {event.run_id} came to rest; it goes on when the daemon is back"
        else:
            reason = f": {event.reason}" if event.reason else ""
            text = f"run {event.run_id} ended: {event.state} after {event.seconds:.1f} s{reason}"
        say = self._journal.info if event.state in _GOOD else self._journal.error
        say("run_ended", text, run_id=event.run_id, group=event.group, state=event.state)

    def _node(self, event: NodeBegan | NodeEnded) -> None:
        fields = {"run_id": event.run_id, "node": event.node, "attempt": event.attempt}
        if isinstance(event, NodeBegan):
            if self._journal.detailed:
                self._journal.info(
                    "node_began", f"{_named(event.node)} began, attempt {event.attempt}", **fields
                )
            return
        if event.outcome in _OK:
            if self._journal.detailed:
                text = f"{_named(event.node)}: {event.outcome} after {event.seconds:.2f} s"
                self._journal.info("node_ended", text, outcome=event.outcome, **fields)
            return
        again = "" if event.retry_in is None else f"; next attempt in {event.retry_in:.0f} s"
        text = f"{_named(event.node)} of {event.run_id}: {event.outcome}: {event.message}{again}"
        self._journal.warning("node_ended", text, outcome=event.outcome, **fields)

    def _declined_run(self, event: Declined) -> None:
        if not event.taken and self._declined.get(event.run_id) != event.reason:
            self._declined[event.run_id] = event.reason
            text = f"run {event.run_id} cannot begin yet: {event.reason}"
            self._journal.warning("run_declined", text, run_id=event.run_id)

    def _lost(self, event: Lost, now: datetime) -> None:
        if event.run_id:  # first: where the state is out of reach, all of this is said again
            payload = {"run_id": event.run_id, "reason": event.reason}
            self._alerts.raise_alert(
                f"worker:{event.run_id}:{now.isoformat()}", "worker_died", payload, now=now
            )
        doing = f" while it drove {event.run_id}, which goes on in another" if event.run_id else ""
        text = f"the worker is gone: {event.reason}{doing}"
        tail = event.tail.splitlines()[-3:]
        self._journal.error("worker_died", "\n".join([text, *tail]), run_id=event.run_id)


def _brief(alert: Alert) -> dict[str, Any]:
    """The facts of an alert for the log, without lists of nodes."""
    return {name: value for name, value in alert.payload.items() if isinstance(value, str | int | float)}


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"


def _named(unique_id: str) -> str:
    """``model orders`` of ``model.shop.orders``, without the digest that ends the id of a test."""
    kind, _, *names = unique_id.split(".")
    return f"{kind} {names[0] if kind == 'test' else '.'.join(names)}"
