"""What runs of a group wait for (``wait_for``): files, queries, addresses, sources, other groups.

A sensor is *poked*: looked at once, in short, without side effects. Between two looks nothing is held, no
worker and no connection (reschedule mode); the run stays queued, and its reason says what it waits for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlorch.domain.freshness import SourceFreshness

GROUP, MODEL, FRESHNESS = "group", "model", "freshness"
LEDGER_KINDS = frozenset({GROUP, MODEL})
"""Answered from what the state file remembers: nothing is looked at outside."""
WAREHOUSE_KINDS = frozenset({"sql", FRESHNESS})
"""Answered by the warehouse, through dbt."""
EVERY = 60.0
_EMPTY: Mapping[str, Any] = MappingProxyType({})
_SINCE = "since "
_MOMENT = "%Y-%m-%d %H:%M:%S UTC"
_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSpec:
    """One thing to wait for.

    Attributes:
        kind: name of the sensor: ``file``, ``sql``, ``http``, ``freshness``, ``group``, ``model``, or one
            that somebody else provides.
        target: what is looked at, with templates as written; for a model the unique id once the project is
            known.
        options: what else the kind is told, ``status`` and ``json`` of ``http`` for instance; JSON values.
        every: seconds between two looks.
        timeout: seconds after the first look at which the run gives up; None for never.
        soft_fail: giving up skips the run instead of failing it.
        description: what its author calls it, ``""`` for its kind and target.
        origin: where it is written, ``file:line`` or a model's file.
    """

    kind: str
    target: str
    options: Mapping[str, Any] = field(default_factory=lambda: _EMPTY, hash=False)
    every: float = EVERY
    timeout: float | None = None
    soft_fail: bool = False
    description: str = ""
    origin: str = ""

    def named(self, target: str) -> str:
        """What a reason calls it.

        Args:
            target: what is looked at, templates filled in.
        """
        if self.description:
            return self.description
        text = " ".join(target.split())
        return f"{self.kind} {text if len(text) <= _SHOWN else text[: _SHOWN - 3] + '...'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look found.

    Attributes:
        met: whether the wait is over.
        said: what was found, a few words without a full stop: ``no file matches``, ``answered 503``.
        failed: it could not be looked at, so that nothing is known; ``said`` has the cause.
        measured: how fresh the sources are that were looked at, to be kept with the run.
    """

    met: bool
    said: str
    failed: bool = False
    measured: tuple[SourceFreshness, ...] = ()

    @property
    def denied(self) -> bool:
        """Whether it is known not to be there."""
        return not self.met and not self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """A run that has waited too long; it is skipped instead of failing where all that is lacking may be."""

    run_id: str
    skip: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A source that a run waits for and that is older than the project lets it be.

    Attributes:
        run_id: the run.
        source: name of the source, or of one of its tables.
        said: how old, by table, in dbt's words.
    """

    run_id: str
    source: str
    said: str


def spec_to_json(spec: SensorSpec) -> dict[str, Any]:
    """A sensor as JSON values; what holds anyway is left out."""
    values = {item.name: getattr(spec, item.name) for item in fields(spec)}
    kept = {name: value for name, value in values.items() if value not in (None, "", False)}
    return {**kept, "options": dict(spec.options)}


def spec_from_json(data: Mapping[str, Any]) -> SensorSpec:
    """The sensor that :func:`spec_to_json` wrote.

    Raises:
        TypeError: it is something else.
    """
    return SensorSpec(**data)


def say_waiting(what: str, *, since: datetime, next_look: datetime | None) -> str:
    """The reason of a run that waits: what for, since when, and when it is looked at again (UTC)."""
    said = f"waiting for {what}, {_SINCE}{since.astimezone(UTC):{_MOMENT}}"
    return said if next_look is None else f"{said}, next look {next_look.astimezone(UTC):%H:%M:%S} UTC"


def waiting_since(reason: str) -> datetime | None:
    """Since when a run has waited for sensors, by the reason that :func:`say_waiting` gave it.

    The stored reason is what outlives a daemon: a timeout goes on counting after a restart, and begins anew
    when the run had to wait for something else in between.
    """
    _, found, rest = reason.rpartition(f", {_SINCE}")
    try:
        return datetime.strptime(rest.split(",")[0], _MOMENT).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None
