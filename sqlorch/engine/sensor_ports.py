"""The seams of sensors, as Protocols. Sensors live in :mod:`sqlorch.sensors` or in anybody's package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sqlorch.domain.freshness import SourceFreshness
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.sensor import Look, SensorSpec


class Warehouse(Protocol):
    """The project's warehouse, for looking."""

    def first_row(self, sql: str) -> tuple[Any, ...] | None:
        """The first row of one query, None when it has none. Nothing it does is kept.

        Raises:
            IntegrationError: the query fails, or the warehouse cannot be reached.
        """

    def freshness(self, source: str) -> Sequence[SourceFreshness]:
        """How fresh the tables of a source are, of those that say how fresh they must be.

        Args:
            source: name of a source, ``raw``, or of one of its tables, ``raw.flights``.

        Raises:
            IntegrationError: there is no such source, none of its tables says how fresh it must be, or one of
                them cannot be measured.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What a sensor is made for: one wait of one run.

    Attributes:
        target: what to look at, variables filled in.
        options: what else the kind is told, variables filled in.
        project_dir: the folder relative paths are meant from.
        allow_hosts: private hosts, addresses and networks that may be reached.
        warehouse: opens the warehouse; takes seconds, and nobody drives runs of the project meanwhile where
            the warehouse is a file.
    """

    target: str
    options: Mapping[str, Any]
    project_dir: Path
    allow_hosts: Sequence[str]
    warehouse: Callable[[], AbstractContextManager[Warehouse]]


class Sensor(Protocol):
    """Looks at one thing. Made anew for every look; the factory takes an :class:`Occasion`."""

    def look(self) -> Look:
        """Look once: within seconds, without side effects, and the same however often it is done.

        Raises:
            IntegrationError: it could not be looked at; the run goes on waiting with this as its reason.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Poke:
    """A look that is wanted.

    Attributes:
        key: what the answer carries.
        spec: the sensor, as written.
        interval, timezone: of the run.
        variables: of the run, by name.
    """

    key: str
    spec: SensorSpec
    interval: Interval
    timezone: str
    variables: Mapping[str, str]


class Poker(Protocol):
    """Looks somewhere else, so that nobody waits for what is slow."""

    def start(self, pokes: Sequence[Poke]) -> None:
        """Look at these, soon; returns at once."""

    def take(self) -> Mapping[str, Look]:
        """What was found since the last call, by key."""

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
