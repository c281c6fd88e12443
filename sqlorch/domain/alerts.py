"""What people are told of: the kinds of alerts, who receives which, and who owns what.

Receivers are named by reference alone (``env:SLACK_URL``): a URL is a secret, and none is kept in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

BY_HAND = "alerts"
"""Key of a run's invocation: a run started by hand is told of like one the daemon drives."""
RUN_FAILED, RUN_RECOVERED, CHECK_FAILED = "run_failed", "run_recovered", "check_failed"
DEFAULT_SUPPRESSION = 3600.0  # seconds
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Weight(StrEnum):
    """How bad it is; the words are those of Apprise, which colours its messages by them."""

    FAILURE = "failure"
    WARNING = "warning"
    INFO = "info"
    SUCCESS = "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of alert.

    Attributes:
        title: what happened, in a few words.
        weight: how bad it is.
        told: whether a receiver that names no kinds is told of it.
        repeats: whether the same thing is told again only after the suppression interval; false for what a
            person has to act on each time.
    """

    title: str
    weight: Weight
    told: bool = True
    repeats: bool = False


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        RUN_FAILED: Kind(title="run failed", weight=Weight.FAILURE, repeats=True),
        RUN_RECOVERED: Kind(title="recovered", weight=Weight.SUCCESS),
        CHECK_FAILED: Kind(title="checks warn", weight=Weight.WARNING, repeats=True),
        "sla_missed": Kind(title="deadline missed", weight=Weight.WARNING, repeats=True),
        "slot_skipped": Kind(title="intervals skipped", weight=Weight.WARNING, repeats=True),
        "group_held": Kind(title="held until somebody decides", weight=Weight.WARNING),
        "group_undecided": Kind(title="cannot be scheduled", weight=Weight.FAILURE, repeats=True),
        "run_stuck": Kind(title="run does not start", weight=Weight.WARNING),
        "worker_lost": Kind(title="nodes failed with their worker", weight=Weight.FAILURE),
        "worker_died": Kind(title="worker died", weight=Weight.WARNING, repeats=True),
        "reload_failed": Kind(title="changed project cannot be used", weight=Weight.FAILURE),
        "reload_recovered": Kind(title="changed project can be used again", weight=Weight.SUCCESS),
        "backfill_failed": Kind(title="backfill failed", weight=Weight.FAILURE),
        "freshness_stale": Kind(title="source is stale", weight=Weight.WARNING, repeats=True),
        "table_gone": Kind(title="table begins anew", weight=Weight.WARNING, repeats=True),
        "clock_jumped": Kind(title="clock jumped", weight=Weight.WARNING),
        "node_slow": Kind(title="slower than expected", weight=Weight.INFO, told=False, repeats=True),
    }
)


def kind_of(name: str) -> Kind:
    """The kind of that name; one of a newer version is told to everybody."""
    return KINDS.get(name) or Kind(title=name.replace("_", " "), weight=Weight.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where messages go, and which.

    Attributes:
        name: tells it from the others; what is remembered of deliveries goes by it.
        url: ``env:NAME``, ``file:/path`` or ``log``; never the URL itself.
        kinds: kinds of alerts, empty for those that are told by default.
        groups: names of groups, empty for all and for what is about no group.
        owners: owners whose nodes and groups it is about, empty for everybody's.
        channels: values of ``meta.channel`` it is the receiver of, empty for what names no channel.
    """

    name: str
    url: str
    kinds: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    def wants(self, kind: str) -> bool:
        """Whether it is told of this kind."""
        return kind in self.kinds if self.kinds else kind_of(kind).told


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What a node says of whom to tell, by ``meta`` after dbt's inheritance.

    Attributes:
        owners: ``meta.owner``.
        channel: ``meta.channel``, without a leading ``#``; ``""`` for none.
        subscribers: ``meta.subscribers``: who is named in the message beside the owners.
        suppression: ``meta.alert_suppression_interval`` in seconds, or None.
    """

    owners: tuple[str, ...] = ()
    channel: str = ""
    subscribers: tuple[str, ...] = ()
    suppression: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertBook:
    """All that decides who is told what; a function of the project and its settings.

    Attributes:
        project: name of the dbt project, as messages begin with it.
        receivers: where messages go.
        suppression: seconds during which the same thing is not told again.
        link: address of a run for people, with ``{run_id}`` in it; ``""`` for none.
        project_dir: the project's folder, from which reports on runs take the SQL of what never ran.
        contacts: what nodes say, by unique id, for those that say something.
        group_owners: owners of groups, for those that have some.
    """

    project: str = "sqlorch"
    receivers: tuple[Receiver, ...] = ()
    suppression: float = DEFAULT_SUPPRESSION
    link: str = ""
    project_dir: str = ""
    contacts: Mapping[str, Contact] = field(default_factory=lambda: _NOTHING)
    group_owners: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)

    def owners(self, unique_id: str, group: str) -> tuple[str, ...]:
        """Who answers for a node: its own owners, else those of its group."""
        said = self.contacts.get(unique_id)
        return (said.owners if said is not None else ()) or self.group_owners.get(group, ())

    def channel(self, unique_id: str) -> str:
        """The channel of a node as far as some receiver has it, else ``""``: then all others are told."""
        said = self.contacts.get(unique_id)
        known = {channel for receiver in self.receivers for channel in receiver.channels}
        return said.channel if said is not None and said.channel in known else ""
