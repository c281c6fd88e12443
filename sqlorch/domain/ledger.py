"""The interval ledger: which interval of which node is done, and with which code.

Entries are what a store answers with; everything that is concluded from them is pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlorch.domain.interval import Interval


class LedgerMark(StrEnum):
    """The newest outcome of a node over an interval."""

    DONE = "done"
    FAILED = "failed"


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
