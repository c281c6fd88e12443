"""How a node stands over an interval, concluded from ledger entries of any length.

Entries of one node may overlap: a month made by hand lies over days made by the schedule. At every instant
the newest entry counts. An interval is done when every instant of it is; otherwise the worst that is found in
it decides. A point (an interval of no length) is the instant itself, so what contains it covers it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from itertools import pairwise

from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark

_INSTANT = timedelta(microseconds=1)  # the resolution of instants, so a point is as long as this


class Standing(StrEnum):
    """How a node stands over an interval, the worst last."""

    DONE = "done"
    CHANGED = "changed"  # done, but with code that has changed since
    MISSING = "missing"  # never done, at least in part
    FAILED = "failed"  # failed last, at least in part


_BADNESS = {standing: rank for rank, standing in enumerate(Standing)}
Changed = Callable[[str], str]
"""What has changed since a fingerprint was current: ``SQL``, ``macro cents``; ``""`` when nothing has."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A standing and why, ``""`` where there is nothing to say; done with a reason is settled, not made."""

    standing: Standing
    reason: str = ""

    def worse(self, other: Verdict) -> Verdict:
        """The worse of the two; this one when they are equally bad."""
        return other if _BADNESS[other.standing] > _BADNESS[self.standing] else self


DONE = Verdict(Standing.DONE)
NEVER = Verdict(Standing.MISSING)
_SKIPPED = Verdict(Standing.DONE, "passed over: its condition, or that of what it reads, was not met")


@dataclass(frozen=True, slots=True)
class Segment:
    """A time over which one verdict holds."""

    start: datetime
    end: datetime
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Neighbouring slots with one verdict: from the ``first`` to the ``last`` place, both included."""

    verdict: Verdict
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many slots."""
        return self.last - self.first + 1


def unchanged(_code: str) -> str:
    """A :data:`Changed` for whom no code has changed."""
    return ""


def timeline(entries: Iterable[LedgerEntry], changed: Changed = unchanged) -> tuple[Segment, ...]:
    """What holds when, for one node: disjoint, in order, as few as possible.

    Time that no entry covers is in no segment.

    Args:
        entries: of one node, in any order.
        changed: tells what has changed since an entry's code; asked once for each code.
    """
    known: dict[tuple[LedgerMark, str, str, bool], Verdict] = {}
    found: list[Segment] = []
    for start, end, entry in _painted(entries):
        key = (entry.mark, *_said(entry), entry.early)
        verdict = known.get(key) or known.setdefault(key, _verdict(entry, changed))
        last = found[-1] if found else None
        if last is not None and last.end == start and last.verdict == verdict:
            found[-1] = Segment(last.start, end, verdict)
        else:
            found.append(Segment(start, end, verdict))
    return tuple(found)


def verdict_over(entries: Iterable[LedgerEntry], interval: Interval, changed: Changed = unchanged) -> Verdict:
    """How a node stands over one interval."""
    (stretch,) = SlotAxis((interval,)).stretches(timeline(entries, changed))
    return stretch.verdict


def newest_verdict(entries: Iterable[LedgerEntry], changed: Changed = unchanged) -> Verdict:
    """How a node stands that is the same whatever the interval: as its newest entry says."""
    newest = max(entries, key=lambda entry: (entry.at, entry.gen), default=None)
    return NEVER if newest is None else _verdict(newest, changed)


class SlotAxis:
    """Slots in order, to be looked up by time.

    Args:
        slots: disjoint, oldest first.
    """

    def __init__(self, slots: Sequence[Interval]) -> None:
        self.slots = tuple(slots)
        self._starts = [slot.start for slot in self.slots]
        self._ends = [_end(slot) for slot in self.slots]

    def __len__(self) -> int:
        return len(self.slots)

    def within(self, span: Interval) -> range:
        """Places of the slots that lie wholly inside a span."""
        return self._inside(span.start, _end(span))

    def stretches(self, segments: Sequence[Segment]) -> tuple[Stretch, ...]:
        """The verdict on every slot, neighbours with equal verdicts joined: every slot is in one stretch."""
        found: list[Stretch] = []
        place = 0
        for segment in segments:
            inside = self._inside(segment.start, segment.end)
            if inside:
                self._one_by_one(range(place, inside.start), segments, found)
                _join(found, Stretch(verdict=segment.verdict, first=inside.start, last=inside.stop - 1))
                place = inside.stop
        self._one_by_one(range(place, len(self.slots)), segments, found)
        return tuple(found)

    def _inside(self, start: datetime, end: datetime) -> range:
        return range(bisect_left(self._starts, start), bisect_right(self._ends, end))

    def _one_by_one(self, places: range, segments: Sequence[Segment], found: list[Stretch]) -> None:
        """Judge slots that lie in no single segment; where no segment is near, all of them at once."""
        at = places.start
        while at < places.stop:
            near = bisect_right(segments, self._starts[at], key=_end_of)
            if near == len(segments) or segments[near].start >= self._ends[places.stop - 1]:
                _join(found, Stretch(verdict=NEVER, first=at, last=places.stop - 1))
                return
            until = max(at + 1, min(places.stop, bisect_right(self._ends, segments[near].start)))
            verdict = self._mixed(at, segments, near) if until == at + 1 else NEVER
            _join(found, Stretch(verdict=verdict, first=at, last=until - 1))
            at = until

    def _mixed(self, place: int, segments: Sequence[Segment], near: int) -> Verdict:
        reached, end = self._starts[place], self._ends[place]
        verdict = DONE
        for segment in segments[near:]:
            if segment.start >= end:
                break
            if segment.start > reached:
                verdict = verdict.worse(NEVER)
            verdict = verdict.worse(segment.verdict)
            reached = segment.end
        return verdict if reached >= end else verdict.worse(NEVER)


def _join(found: list[Stretch], stretch: Stretch) -> None:
    if found and found[-1].verdict == stretch.verdict:
        stretch = Stretch(verdict=stretch.verdict, first=found.pop().first, last=stretch.last)
    found.append(stretch)


def _end_of(segment: Segment) -> datetime:
    return segment.end


def _end(interval: Interval) -> datetime:
    return interval.end if interval.end > interval.start else interval.start + _INSTANT


def _said(entry: LedgerEntry) -> tuple[str, str]:
    return (entry.code, "") if entry.mark is LedgerMark.DONE else ("", entry.run_id)


def _verdict(entry: LedgerEntry, changed: Changed) -> Verdict:
    if entry.mark is LedgerMark.DONE:
        what = changed(entry.code) if entry.code else ""
        return Verdict(Standing.CHANGED, what) if what else DONE
    if entry.mark is LedgerMark.SKIPPED:
        return _SKIPPED
    if entry.mark is LedgerMark.FAILED:
        return Verdict(Standing.FAILED, f"failed in {entry.run_id}" if entry.run_id else "marked by hand")
    if not entry.run_id:
        return Verdict(Standing.MISSING, "marked by hand")
    how = "before it had ended" if entry.early else "not finished"
    return Verdict(Standing.MISSING, f"begun in {entry.run_id}, {how}")


def _painted(entries: Iterable[LedgerEntry]) -> Iterator[tuple[datetime, datetime, LedgerEntry]]:
    """The newest entry at every instant, as pieces in order."""
    ordered = sorted(entries, key=lambda entry: (entry.interval.start, entry.interval.end))
    ends = [_end(entry.interval) for entry in ordered]
    starts = [entry.interval.start for entry in ordered]
    if all(end <= start for end, start in zip(ends, starts[1:], strict=False)):
        yield from zip(starts, ends, ordered, strict=True)
        return
    newest = sorted(range(len(ordered)), key=lambda i: (ordered[i].at, ordered[i].gen, i))
    rank = {place: -age for age, place in enumerate(newest)}
    open_: list[tuple[int, int]] = []
    coming = 0
    for begin, end in pairwise(sorted({*starts, *ends})):
        while coming < len(ordered) and starts[coming] <= begin:
            heappush(open_, (rank[coming], coming))
            coming += 1
        while open_ and ends[open_[0][1]] <= begin:
            heappop(open_)
        if open_:
            yield begin, end, ordered[open_[0][1]]
