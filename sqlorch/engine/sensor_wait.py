"""One run's wait for its sensors: what is known of each, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlorch.domain.sensor import Look, SensorSpec

if TYPE_CHECKING:
    from sqlorch.engine.sensor_ports import Poke

_UNKNOWN = Look(met=False, said="not looked at yet")


@dataclass(slots=True, kw_only=True)
class Watched:
    """One sensor of one run."""

    spec: SensorSpec
    poke: Poke | None  # None for what the ledger answers
    what: str
    next_at: datetime
    look: Look = _UNKNOWN
    looked_at: datetime | None = None
    heard_at: datetime | None = None
    under_way: bool = False

    @property
    def waits(self) -> bool:
        """Whether it was looked at and will be again."""
        return self.looked_at is not None and not self.under_way

    @property
    def measured(self) -> bool:
        """Whether an answer has come."""
        return self.look is not _UNKNOWN

    def surely_lacks(self, now: datetime, asked: datetime) -> bool:
        """Whether it is known not to be there: no look is due or under way, or one was answered since."""
        if self.look.met or not self.measured:
            return False
        if self.poke is None or (self.heard_at is not None and self.heard_at >= asked):
            return True
        return not self.under_way and self.next_at > now

    def deadline(self, since: datetime) -> datetime | None:
        """When a run that has waited since then gives up, None for never."""
        return None if self.spec.timeout is None else since + timedelta(seconds=self.spec.timeout)

    def expired(self, since: datetime) -> bool:
        """Whether it was looked at in vain after its time was up: nobody gives up without a last look."""
        deadline = self.deadline(since)
        if deadline is None or self.looked_at is None or self.look.met:
            return False
        return self.looked_at >= deadline


@dataclass(slots=True, kw_only=True)
class Wait:
    """What one run waits for, and since when; ``key`` are its id and generation.

    ``there_since`` is when all of it was there and nothing else held the run back.
    """

    key: tuple[str, int]
    since: datetime
    sensors: list[Watched]
    asked: bool = True
    there_since: datetime | None = None

    def surely_lacks(self, now: datetime, asked: datetime) -> bool:
        """Whether one of them is known not to be there."""
        return any(watched.surely_lacks(now, asked) for watched in self.sensors)
