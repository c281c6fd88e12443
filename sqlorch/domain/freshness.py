"""How fresh the sources of a project are, as dbt measures it: what a run and a sensor leave of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlorch.domain.lengths import spell_seconds

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


class FreshnessStatus(StrEnum):
    """How a source stands, in dbt's words."""

    PASS = "pass"  # noqa: S105 - dbt's word
    WARN = "warn"
    ERROR = "error"
    UNKNOWN = "runtime error"  # it could not be measured


class FreshnessRule(StrEnum):
    """What runs make of sources that say how fresh they must be (``sources: {freshness: ...}``)."""

    IGNORE = "ignore"  # nothing is asked
    TELL = "tell"  # measured, kept and told
    BLOCK = "block"  # likewise, and what reads a source with the status error is not built


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFreshness:
    """One source at one moment.

    Attributes:
        unique_id: of the source, ``source.shop.raw.orders``.
        source: what people call it, ``raw.orders``.
        status: dbt's verdict.
        snapshotted_at: when it was measured.
        max_loaded_at: when its newest row was loaded; None for an empty table, and where it is not known.
        warn_after, error_after: seconds after which dbt warns, and says error; None where there is no limit.
        message: why it could not be measured, ``""`` when it was.
    """

    unique_id: str
    source: str
    status: FreshnessStatus
    snapshotted_at: datetime
    max_loaded_at: datetime | None = None
    warn_after: float | None = None
    error_after: float | None = None
    message: str = ""

    @property
    def age(self) -> float | None:
        """Seconds from the newest row to the moment of the measurement."""
        if self.max_loaded_at is None:
            return None
        return (self.snapshotted_at - self.max_loaded_at).total_seconds()

    @property
    def stale(self) -> bool:
        """Whether it is known to be older than it may be."""
        return self.status in {FreshnessStatus.WARN, FreshnessStatus.ERROR}

    def __str__(self) -> str:
        """``raw.orders: error, its newest row is 3d2h old (may be 1d)``."""
        if self.status is FreshnessStatus.UNKNOWN:
            return f"{self.source}: could not be measured: {self.message}"
        if self.age is None:
            return f"{self.source}: {self.status}, it holds no row that says when it was loaded"
        limit = self.error_after if self.status is FreshnessStatus.ERROR else self.warn_after
        allowed = "" if limit is None or not self.stale else f" (may be {spell_seconds(limit)})"
        return f"{self.source}: {self.status}, its newest row is {spell_age(self.age)} old{allowed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading:
    """A source that a run reads, and by which of its nodes (unique ids), tests left out."""

    found: SourceFreshness
    readers: tuple[str, ...] = ()


def spell_age(seconds: float) -> str:
    """An age to two units: ``3d2h``, ``5h12m``, ``42s``; one in the future is ``0s``."""
    whole = max(0, int(seconds))
    unit = _HOUR if whole >= _DAY else _MINUTE if whole >= _HOUR else 1
    return spell_seconds(whole - whole % unit)


def freshness_to_json(found: SourceFreshness) -> dict[str, Any]:
    """As JSON values, with the age in seconds beside them for whoever reads them."""
    return {
        "unique_id": found.unique_id,
        "source": found.source,
        "status": str(found.status),
        "snapshotted_at": found.snapshotted_at.isoformat(),
        "max_loaded_at": None if found.max_loaded_at is None else found.max_loaded_at.isoformat(),
        "age_seconds": found.age,
        "warn_after_seconds": found.warn_after,
        "error_after_seconds": found.error_after,
        "message": found.message,
    }


def freshness_from_json(data: Mapping[str, Any]) -> SourceFreshness:
    """What :func:`freshness_to_json` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    loaded = data["max_loaded_at"]
    return SourceFreshness(
        unique_id=str(data["unique_id"]),
        source=str(data["source"]),
        status=FreshnessStatus(data["status"]),
        snapshotted_at=datetime.fromisoformat(data["snapshotted_at"]),
        max_loaded_at=None if loaded is None else datetime.fromisoformat(loaded),
        warn_after=data["warn_after_seconds"],
        error_after=data["error_after_seconds"],
        message=str(data["message"]),
    )
