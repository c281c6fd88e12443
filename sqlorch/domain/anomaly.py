"""Whether an execution was unlike those before it: a hint, never a failure.

The rule looks at the last :data:`MOST` successes of the same node over intervals of a similar length, and
says nothing before there are :data:`LEAST` of them.

* **slow**: it took at least :data:`SLOWER` times their median, and at least :data:`NOTICEABLE` seconds more.
* **rows**: its row count is outside of median ± :data:`SPREADS` MAD *and* differs from the median by more
  than :data:`SHARE`, and by at least :data:`FEW` rows unless it is or was none at all. The MAD (median
  absolute deviation) is the spread that single outliers do not move; where counts hardly vary it is near
  zero, which is what the share is for. A table of a handful of rows may double and say nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import median

LEAST = 5
MOST = 20
SLOWER = 3.0
NOTICEABLE = 1.0
SPREADS = 5.0
SHARE = 0.30
FEW = 10
_ALIKE = (
    2.0  # intervals of at most so many times each other's length are compared: months, not a month and a day
)


class Unusual(StrEnum):
    """What was unusual."""

    SLOW = "slow"
    ROWS = "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One execution: ``seconds`` it took, ``rows`` it wrote where the adapter tells."""

    seconds: float
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """An execution that was unlike the ones before it.

    Attributes:
        kind: which figure.
        value: what it was, seconds or rows.
        usual: the median of those before.
        samples: how many those were.
    """

    kind: Unusual
    value: float
    usual: float
    samples: int

    def __str__(self) -> str:
        """One phrase: ``took 12.4 s, 4.1 times its usual 3.0 s (median of 10)``."""
        of = f"(median of {self.samples})"
        if self.kind is Unusual.SLOW:
            how = f", {self.value / self.usual:,.1f} times" if self.usual else " instead of"
            return f"took {self.value:,.1f} s{how} its usual {self.usual:,.1f} s {of}"
        return f"has {self.value:,.0f} rows where {self.usual:,.0f} are usual {of}"


def anomalies(now: Sample, past: Sequence[Sample]) -> tuple[Anomaly, ...]:
    """What was unusual about an execution.

    Args:
        now: the execution, a success.
        past: successes before it, newest first; those beyond :data:`MOST` are not looked at.
    """
    past = past[:MOST]
    if len(past) < LEAST:
        return ()
    return tuple(found for found in (_slow(now, past), _rows(now, past)) if found is not None)


def alike(one: timedelta, other: timedelta) -> bool:
    """Whether executions over intervals of these lengths can be compared."""
    short, long = sorted((one, other))
    return long <= short * _ALIKE


def _slow(now: Sample, past: Sequence[Sample]) -> Anomaly | None:
    usual = median(sample.seconds for sample in past)
    if now.seconds < SLOWER * usual or now.seconds - usual < NOTICEABLE:
        return None
    return Anomaly(kind=Unusual.SLOW, value=now.seconds, usual=usual, samples=len(past))


def _rows(now: Sample, past: Sequence[Sample]) -> Anomaly | None:
    counts = [sample.rows for sample in past if sample.rows is not None]
    if now.rows is None or len(counts) < LEAST:
        return None
    usual = median(counts)
    spread = median(abs(count - usual) for count in counts)
    away = abs(now.rows - usual)
    few = away < FEW and usual > 0 and now.rows > 0
    if few or away <= SPREADS * spread or away <= SHARE * usual:
        return None
    return Anomaly(kind=Unusual.ROWS, value=now.rows, usual=usual, samples=len(counts))
