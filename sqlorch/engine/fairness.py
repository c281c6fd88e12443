"""Scheduled work first, and yet a backfill is never starved.

After a few starts in a row that were no backfill's, one waiting backfill run goes first. Among backfills the
one that had its turn longest ago goes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlorch.domain.scheduling import OpenRun

QUOTA = 3
"""Starts of other runs after which a backfill that may go goes first."""


class Fairness:
    """Counts whose runs were started, from what left the queue between two looks at it."""

    def __init__(self) -> None:
        self._others = 0
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._offered: dict[tuple[str, int], OpenRun] = {}

    def observe(self, queued: Iterable[tuple[str, int]]) -> None:
        """Learn which of the runs offered last are no longer queued (id and generation)."""
        still = set(queued)
        for key, run in self._offered.items():
            if key not in still:
                self._started(run)
        self._offered = {}

    def offer(self, runs: Iterable[OpenRun]) -> None:
        """Remember which runs might be started until the next look."""
        self._offered = {(run.run_id, run.gen): run for run in runs}

    def rank(self, run: OpenRun) -> tuple[int, int]:
        """Where a run stands among others: smaller first."""
        if run.backfill is None:
            return (0, 0)
        return (-1 if self._others >= QUOTA else 1, self._turns.get(run.backfill, 0))

    def _started(self, run: OpenRun) -> None:
        self._turn += 1
        if run.backfill is None:
            self._others += 1
        else:
            self._others = 0
            self._turns[run.backfill] = self._turn
