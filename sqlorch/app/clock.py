"""Where now comes from outside of tests."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class WakefulClock(SystemClock):
    """The clock of the machine, whose monotonic seconds go on while the machine sleeps.

    With it a wall clock that is right after a night's sleep is told from one that has jumped.
    """

    def monotonic(self) -> float:
        """Seconds since boot, sleep included where the system counts it (Linux)."""
        boot = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if boot is None else time.clock_gettime(boot)
