"""The interval ledger: which interval of which node is done, and with which code.

Entries are what a store answers with. What is concluded from them is pure: :mod:`sqlorch.domain.coverage`
says how a node stands over an interval, :mod:`sqlorch.domain.reprocess` which nodes a run is to make.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlorch.domain.interval import Interval


class LedgerMark(StrEnum):
    """The newest outcome of a node over an interval.

    ``missing`` takes back what was known: a run began to make the interval again and has not finished it, or
    a person said so. ``skipped`` is settled, though nothing was made: its condition was not met. The order is
    that of the numbers in the store.
    """

    DONE = "done"
    FAILED = "failed"
    MISSING = "missing"
    SKIPPED = "skipped"


class Reprocess(StrEnum):
    """Which intervals of a range are made again."""

    MISSING = "missing"  # never done, or failed last
    FAILED = "failed"  # failed last
    CHANGED = "changed"  # missing, or done with code that has changed since
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """The newest outcome of one node over one interval exactly as it was run.

    Attributes:
        unique_id: the node.
        interval: as the run had it; entries of one node may have different lengths and overlap.
        mark: how it ended.
        code: fingerprint of the code it was made with, ``""`` where unknown (marked by hand).
        run_id, gen: the run.
        at: when it ended.
    """

    unique_id: str
    interval: Interval
    mark: LedgerMark
    code: str
    run_id: str
    gen: int
    at: datetime

    @property
    def early(self) -> bool:
        """Whether a run had it in hand before it had ended, so that not all of it can be there."""
        return self.mark is LedgerMark.MISSING and bool(self.run_id) and self.at < self.interval.end
