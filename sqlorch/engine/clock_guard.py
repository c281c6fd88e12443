"""A wall clock that jumps must not make or skip anything (crash safety 3.6).

Slots are decided by the wall clock. It is compared with the monotonic one: a jump is noticed at the next
tick, and nothing is decided until the clock has come back or has stayed where it is for a while. Runs under
way go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

BACK = timedelta(seconds=60)
FORWARD = timedelta(hours=1)
PATIENCE = timedelta(minutes=10)
LAST_YEAR = 2100


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockVerdict:
    """What to make of the clock.

    Attributes:
        reason: why nothing may be decided now, ``""`` when it may.
        key: tells one trouble from the next, for alerts.
        accepted: a forward jump has just been accepted as true, so what fell due in it was missed.
    """

    reason: str = ""
    key: str = ""
    accepted: bool = False


_FINE = ClockVerdict()


class ClockGuard:
    """Remembers how far the clock had come.

    Args:
        seen: the newest instant an earlier daemon wrote down, None when there was none.
    """

    def __init__(self, seen: datetime | None = None) -> None:
        self._newest = seen
        self._base: tuple[datetime, float] | None = None
        self._jumped: tuple[datetime, float] | None = None

    def check(self, now: datetime, monotonic: float) -> ClockVerdict:
        """Look at both clocks, at every tick.

        Args:
            now: the wall clock.
            monotonic: seconds that never go back and go on while the machine sleeps.
        """
        if now.year > LAST_YEAR:
            return ClockVerdict(reason=f"the clock shows the year {now.year}", key=f"year:{now.year}")
        jump = self._check_forward(now, monotonic)
        if jump.reason:
            return jump
        if self._newest is not None and now < self._newest - BACK:
            self._base = (now, monotonic)
            said = f"the clock went back; nothing is decided before {_shown(self._newest)}"
            return ClockVerdict(reason=said, key=f"back:{self._newest.isoformat()}")
        self._newest = now if self._newest is None else max(now, self._newest)
        self._base = (now, monotonic)
        return jump

    def _check_forward(self, now: datetime, monotonic: float) -> ClockVerdict:
        if self._base is None:
            return _FINE
        expected = self._base[0] + timedelta(seconds=monotonic - self._base[1])
        if now - expected <= FORWARD:
            self._jumped = None
            return _FINE
        if self._jumped is None:
            self._jumped = (expected, monotonic)
        before, since = self._jumped
        if timedelta(seconds=monotonic - since) >= PATIENCE:
            self._jumped = None
            return ClockVerdict(accepted=True)
        return ClockVerdict(
            reason=f"the clock jumped from {_shown(before)} to {_shown(now)}; "
            f"unless it comes back, that is taken as true after {PATIENCE.seconds // 60} minutes",
            key=f"forward:{before.isoformat()}",
        )


def _shown(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
