"""When a group is due: the timetable and its slots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlorch.domain.interval import Interval

Mode = Literal["window", "point"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """Skeleton: the public shape, being filled in."""

    timezone: str = "UTC"
    start: datetime | None = None
    end: datetime | None = None
    mode: Mode = "window"

    @property
    def scheduled(self) -> bool:
        raise NotImplementedError

    def next_fire(self, after: datetime) -> datetime | None:
        raise NotImplementedError

    def first_cursor(self) -> datetime | None:
        raise NotImplementedError

    def next_slot(self, cursor: datetime) -> Interval | None:
        raise NotImplementedError

    def slots_within(self, span: Interval) -> Iterator[Interval]:
        raise NotImplementedError

    def slot_containing(self, instant: datetime) -> Interval | None:
        raise NotImplementedError

    def previous_slot(self, slot: Interval) -> Interval | None:
        raise NotImplementedError

    def following_slot(self, slot: Interval) -> Interval | None:
        raise NotImplementedError


def make_timetable(
    *,
    schedule: str | Sequence[str] | None = None,
    every: str | None = None,
    timezone: str = "UTC",
    start: datetime | None = None,
    end: datetime | None = None,
    mode: Mode = "window",
) -> Timetable:
    raise NotImplementedError


def batched(slots: Iterable[Interval], n: int) -> Iterator[Interval]:
    raise NotImplementedError
