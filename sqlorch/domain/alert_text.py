"""Words for alerts: what of a run, or of the daemon, a message says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from sqlorch.domain.alert_message import Block, Command, Link, Message, Paragraph, Points, clip, make_message
from sqlorch.domain.alert_news import Item, News, group_of
from sqlorch.domain.alerts import CHECK_FAILED, RUN_FAILED, RUN_RECOVERED, AlertBook, Weight, kind_of
from sqlorch.domain.describe import why_skipped
from sqlorch.domain.scheduling import Alert

_LONGEST_ERROR = 300  # characters
_MOST_NODES = 30
_MOST_LINES = 40
_GRAVITY = (Weight.FAILURE, Weight.WARNING, Weight.SUCCESS, Weight.INFO)
_RANK = {name: place for place, name in enumerate((RUN_FAILED, RUN_RECOVERED, CHECK_FAILED))}
_NOBODY = "no owner"
_NOTHING: Mapping[int, str] = MappingProxyType({})
_NO_FILES: Mapping[str, str] = MappingProxyType({})
REPORTED = frozenset({RUN_FAILED, RUN_RECOVERED, CHECK_FAILED, "worker_lost", "slot_skipped"})
"""Kinds of alerts that come with a report on the run, where they are about one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Makes messages of news.

    Attributes:
        book: who owns what, and the address of runs.
        mask: takes secrets out of text; it is applied before anything is shortened.
        errors: what attempts at nodes said, by attempt id.
        where: ``file:line`` of the failing SQL, by attempt id.
        reports: files with the report on a run, by run id; named where people have no address to open.
    """

    book: AlertBook
    mask: Callable[[str], str]
    errors: Mapping[int, str] = field(default_factory=lambda: _NOTHING)
    where: Mapping[int, str] = field(default_factory=lambda: _NOTHING)
    reports: Mapping[str, str] = field(default_factory=lambda: _NO_FILES)

    def message(self, news: Sequence[News]) -> Message:
        """One message on everything there is to tell of one run, or of one event that is no run's."""
        told = sorted(news, key=lambda one: _RANK.get(one.alert.kind, len(_RANK)))
        first = told[0]
        blocks: list[Block] = []
        for one in told:
            blocks += self._blocks(one)
        blocks += self._next_steps(first)
        weight = min((kind_of(one.alert.kind).weight for one in told), key=_GRAVITY.index)
        title = f"[{self.book.project}] {self._headline(first)}{_again(told)}"
        return make_message(self.mask(title), weight, blocks)

    def digest(self, news: Sequence[News]) -> Message:
        """One message instead of very many."""
        lines = [f"{_stamp(one.alert.created_at)} {self._headline(one)}{_again([one])}" for one in news]
        weight = min((kind_of(one.alert.kind).weight for one in news), key=_GRAVITY.index)
        blocks: list[Block] = [Points(f"{len(news)} alerts:", self._shown(lines, _MOST_LINES))]
        blocks.append(Command("All of them", "sqlorch alerts list"))
        return make_message(f"[{self.book.project}] {len(news)} alerts", weight, blocks)

    def _headline(self, news: News) -> str:
        payload, title = news.alert.payload, kind_of(news.alert.kind).title
        about = " ".join(filter(None, [group_of(news.alert), str(payload.get("interval") or "")]))
        return f"{about}: {title}" if about else title

    def _blocks(self, news: News) -> Iterator[Block]:
        since = f" It had been failing since {_stamp(news.since)}." if news.since is not None else ""
        yield Paragraph(self._clean(self._sentence(news.alert) + since))
        yield from self._by_owner(news)
        left = news.alert.payload.get("more")
        if left:
            yield Paragraph(f"{left} more nodes failed that are not listed here.")

    def _sentence(self, alert: Alert) -> str:
        payload = alert.payload
        run_id, reason = payload.get("run_id"), why_skipped(str(payload.get("reason") or "").rstrip("."))
        slot = f" for {payload['interval']}" if payload.get("interval") else ""
        subject = f"Run {run_id} of group {group_of(alert)}{slot}" if run_id else ""
        title = kind_of(alert.kind).title
        said = SAID.get(alert.kind, title) if subject or alert.kind != "slot_skipped" else title
        parts = [f"{subject} {said}" if subject else said[:1].upper() + said[1:]]
        if reason:
            parts.append(f": {reason}")
        parts.append(f" ({_stamp(alert.created_at)}).{_details(payload)}")
        return "".join(parts)

    def _by_owner(self, news: News) -> Iterator[Block]:
        items = sorted((item for item in news.items if item.node), key=attrgetter("owners"))
        if not items:
            owners = sorted({owner for item in news.items for owner in item.owners})
            if owners:
                yield Paragraph(self._clean(f"Owner: {', '.join(owners)}"))
            return
        for owners, owned in groupby(items, key=attrgetter("owners")):
            points = [self._point(item, news) for item in owned]
            head = f"Owner: {', '.join(owners)}" if owners else f"Owner: {_NOBODY}"
            yield Points(self._clean(head), self._shown(points, _MOST_NODES))

    def _point(self, item: Item, news: News) -> str:
        node = item.node
        attempt = node.get("attempt_id")
        name = f"{node.get('kind') or 'node'} {node.get('name') or item.unique_id}"
        error = self.errors.get(attempt, "") if isinstance(attempt, int) else ""
        place = self.where.get(attempt, "") if isinstance(attempt, int) else ""
        failures = node.get("failures")
        if not error and failures:
            error = f"{failures} rows failed"
        text = f"{name}: {error}" if error else name
        text = clip(self.mask(text), _LONGEST_ERROR)
        parts = [text, f"({place})" if place else "", self._times(item, news), self._subscribers(item)]
        return " ".join(filter(None, parts))

    @staticmethod
    def _times(item: Item, news: News) -> str:
        topic = news.topics.get(item.topic)
        if topic is None or topic.times == 1:
            return "[new]"
        return f"[{topic.times} times since {_stamp(topic.since)}]"

    def _subscribers(self, item: Item) -> str:
        said = self.book.contacts.get(item.unique_id)
        return f"cc {', '.join(said.subscribers)}" if said is not None and said.subscribers else ""

    def _next_steps(self, news: News) -> Iterator[Block]:
        payload, kind = news.alert.payload, news.alert.kind
        run_id = str(payload.get("run_id") or "")
        group = group_of(news.alert)
        if run_id:
            if kind in {RUN_FAILED, "worker_lost"}:
                yield Command("Once it is fixed", f"sqlorch retry {run_id}")
            elif kind == "slot_skipped":
                yield Command("To run it after all", _trigger(group, payload))
            yield Command("All of it", f"sqlorch runs show {run_id}")
        elif group:
            step = f"sqlorch catchup {group}" if kind == "group_held" else f"sqlorch why {group}"
            yield Command("Next", step)
        link = self._link(run_id, group)
        if link:
            yield Link(link)
        elif run_id in self.reports:
            yield Command("As a page", self.reports[run_id])

    def _link(self, run_id: str, group: str) -> str:
        given = {"run_id": run_id, "group": group}
        link = self.book.link
        if any(f"{{{name}}}" in link and not value for name, value in given.items()):
            return ""
        for name, value in given.items():
            link = link.replace(f"{{{name}}}", quote(value, safe=""))
        return link

    def _clean(self, text: str) -> str:
        return clip(self.mask(text), _LONGEST_ERROR * 3)

    def _shown(self, lines: Sequence[str], most: int) -> tuple[str, ...]:
        shown = [self._clean(line) for line in lines[:most]]
        if len(lines) > most:
            shown.append(f"and {len(lines) - most} more")
        return tuple(shown)


SAID = {
    RUN_FAILED: "failed",
    RUN_RECOVERED: "succeeded; the group has recovered",
    CHECK_FAILED: "has checks that warn",
    "slot_skipped": "was skipped",
    "sla_missed": "is late",
    "run_stuck": "waits although nothing holds it back",
    "worker_lost": "lost nodes with the process that executed them",
    "worker_died": "lost its worker and goes on in another",
    "node_slow": "takes longer than expected",
    "table_gone": "begins a table anew that held other intervals",
    "freshness_stale": "depends on a source that is older than it may be",
}
"""What became of the run that an alert is about, by kind."""
_SHOWN_DETAILS = (
    "count",
    "first",
    "last",
    "due",
    "deadline",
    "since",
    "until",
    "backfill",
    "skipped_nodes",
    "still_failed",
)
_DETAILS = {
    "count": "Intervals",
    "due": "Intervals due",
    "skipped_nodes": "Nodes not run because of it",
    "still_failed": "Still failed",
}


def _trigger(group: str, payload: Mapping[str, Any]) -> str:
    """How to ask for an interval: by its name, or by its bounds where the name holds local times."""
    name = str(payload.get("interval") or "")
    asked = str(payload.get("bounds") or "") if " " in name or "T" in name else name
    return f"sqlorch trigger {group} --interval {asked}" if asked else f"sqlorch why {group}"


def _details(payload: Mapping[str, Any]) -> str:
    found = [(name, payload[name]) for name in _SHOWN_DETAILS if payload.get(name) not in (None, "", 0)]
    return "".join(f" {_DETAILS.get(name, name.capitalize())}: {_plain(value)}." for name, value in found)


def _plain(value: object) -> str:
    try:
        return _stamp(datetime.fromisoformat(str(value))) if "T" in str(value) else str(value)
    except ValueError:
        return str(value)


def _again(news: Sequence[News]) -> str:
    """Whether a title says that all of it was told before."""
    topics = [one.topics[item.topic] for one in news for item in one.items if item.topic in one.topics]
    repeated = bool(topics) and all(topic.times > 1 for topic in topics)
    return ", again" if repeated else ""


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
