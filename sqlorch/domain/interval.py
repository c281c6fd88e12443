"""Half-open data intervals ``[start, end)`` over instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlorch.domain.errors import ConfigError


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The data one run covers: from ``start`` (included) to ``end`` (excluded), both kept in UTC.

    ``start == end`` is a point (``interval: point`` groups); ``end`` before ``start`` is refused.

    Raises:
        ConfigError: a naive instant, or an end before the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            value: datetime = getattr(self, name)
            if value.tzinfo is None:
                raise ConfigError(f"the interval's {name} {value} has no time zone")
            object.__setattr__(self, name, value.astimezone(UTC))
        if self.end < self.start:
            raise ConfigError(f"the interval ends before it starts: {self}")

    @property
    def length(self) -> timedelta:
        """Elapsed time between the two ends."""
        return self.end - self.start

    def contains(self, other: Interval) -> bool:
        """Whether ``other`` lies wholly inside."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Interval) -> bool:
        """Whether some instant belongs to both."""
        return self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        return f"[{format_instant(self.start)}, {format_instant(self.end)})"


def format_instant(instant: datetime) -> str:
    """ISO 8601 in UTC with ``+00:00``, seconds always, microseconds only when there are any."""
    return instant.astimezone(UTC).isoformat()
