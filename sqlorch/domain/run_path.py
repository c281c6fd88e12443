"""What a run spent its time on: how long each node waited for a thread, and the path that took longest.

Pure functions of when nodes began and ended, and of what each waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

After = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When a node first began and last ended in a run, its retries and the pauses between them included."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """From its first start to its last end."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A node on the path: seconds it had to wait although it could have begun, and seconds it took."""

    unique_id: str
    waited: float
    seconds: float


def waits(times: Mapping[str, Times], after: After, start: datetime) -> dict[str, float]:
    """Seconds each node waited for a thread, a pool or its turn, after all it needs had ended.

    Args:
        times: of the nodes that were tried.
        after: what each waited for; nodes that were not tried (done before a retry) hold nothing up.
        start: when the run began.
    """
    return {
        uid: max(0.0, (at.start - _free(uid, times, after, start)).total_seconds())
        for uid, at in times.items()
    }


def slowest_path(times: Mapping[str, Times], after: After, start: datetime) -> tuple[Step, ...]:
    """From first to last the nodes that decided how long the run took.

    The path ends at the node that ended last, and goes from each node to the one it waited for longest. The
    waits and seconds of its steps are the time from the start of the run to its end, but for what retries
    waited between attempts, which is in the seconds.
    """
    at = max(times, key=lambda uid: (times[uid].end, uid), default=None)
    waited = waits(times, after, start)
    found: list[Step] = []
    while at is not None:
        found.append(Step(unique_id=at, waited=waited[at], seconds=times[at].seconds))
        at = max(_before(at, times, after), key=lambda uid: (times[uid].end, uid), default=None)
    return tuple(reversed(found))


def _before(uid: str, times: Mapping[str, Times], after: After) -> list[str]:
    """What it waited for; only what had ended when it began, so that the walk back always ends."""
    return [
        other
        for other in after.get(uid, ())
        if other in times and times[other].end <= times[uid].start and times[other].start < times[uid].start
    ]


def _free(uid: str, times: Mapping[str, Times], after: After, start: datetime) -> datetime:
    return max((times[other].end for other in _before(uid, times, after)), default=start)
