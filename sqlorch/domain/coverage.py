"""Whether a node's interval is done, concluded from ledger entries of any length.

Entries may overlap: a day made by hand, its hours by the schedule, a batch of a week. At each instant the
newest entry counts. An interval is done when every instant of it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from heapq import heappop, heappush
from itertools import pairwise

from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark

FOR_EVER = datetime.max.replace(tzinfo=UTC)
_Segment = tuple[datetime, datetime, LedgerEntry]


class Standing(StrEnum):
    """What the ledger says of one node over one interval."""

    DONE = "done"
    FAILED = "failed"  # some of it failed last
    MISSING = "missing"  # nothing of it failed, and some was never made


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """An answer, and the entry behind it: the newest failure, or the newest of what is done."""

    standing: Standing
    entry: LedgerEntry | None = None


class Coverage:
    """What is done of one node.

    Args:
        entries: the node's ledger entries, in any order.
        settled: intervals that count as done whatever the entries say (slots skipped on record).
    """

    def __init__(self, entries: Iterable[LedgerEntry], settled: Iterable[Interval] = ()) -> None:
        everything = [*entries, *(_skipped(interval) for interval in settled)]
        self._points = [entry for entry in everything if entry.interval.start == entry.interval.end]
        self._windows = [entry for entry in everything if entry.interval.start < entry.interval.end]
        self._segments = list(_paint(self._windows))
        self._starts = [start for start, _, _ in self._segments]

    def of(self, interval: Interval) -> Covered:
        """What is known of an interval; a point is covered by itself and by a window that contains it."""
        if interval.start == interval.end:
            holding = [
                entry for entry in (*self._points, *self._windows) if entry.interval.contains(interval)
            ]
            return _conclude([max(holding, key=_newest)] if holding else [], whole=bool(holding))
        found = self._between(interval)
        touching = all(before[1] == after[0] for before, after in pairwise(found))
        whole = bool(found) and touching and found[0][0] <= interval.start and found[-1][1] >= interval.end
        return _conclude([entry for _, _, entry in found], whole=whole)

    def _between(self, interval: Interval) -> Sequence[_Segment]:
        first = max(bisect_right(self._starts, interval.start) - 1, 0)
        found = []
        for segment in self._segments[first:]:
            if segment[0] >= interval.end:
                break
            if segment[1] > interval.start:
                found.append(segment)
        return found


def _conclude(entries: Sequence[LedgerEntry], *, whole: bool) -> Covered:
    failures = [entry for entry in entries if entry.mark is LedgerMark.FAILED]
    if failures:
        return Covered(standing=Standing.FAILED, entry=max(failures, key=_newest))
    if not whole:
        return Covered(standing=Standing.MISSING)
    return Covered(standing=Standing.DONE, entry=max(entries, key=_newest))


def _paint(entries: Sequence[LedgerEntry]) -> Iterator[_Segment]:
    """Disjoint segments in order of time, each with the newest entry that holds all of it."""
    order = sorted(entries, key=lambda entry: entry.interval.start)
    edges = sorted({edge for entry in entries for edge in (entry.interval.start, entry.interval.end)})
    active: list[tuple[tuple[float, ...], int, LedgerEntry]] = []
    place = 0
    for start, end in pairwise(edges):
        while place < len(order) and order[place].interval.start <= start:
            heappush(active, (_newest_first(order[place]), place, order[place]))
            place += 1
        while active and active[0][2].interval.end <= start:
            heappop(active)
        if active:
            yield start, end, active[0][2]


def _newest(entry: LedgerEntry) -> tuple[float, ...]:
    return entry.at.timestamp(), entry.gen


def _newest_first(entry: LedgerEntry) -> tuple[float, ...]:
    return tuple(-number for number in _newest(entry))


def _skipped(interval: Interval) -> LedgerEntry:
    return LedgerEntry(
        unique_id="", interval=interval, mark=LedgerMark.DONE, code="", run_id="", gen=0, at=FOR_EVER
    )
