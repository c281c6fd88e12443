"""One run in several processes: one leads it, the others follow.

The leader makes schemas, fills the relation cache and executes hooks, once. A follower has the same parsed
project, starts from the leader's cache, and executes nodes. What a node changes in the cache, and dbt's
result for hooks that want it, goes back to the leader with the node's own result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.dbt.cache_journal import CacheJournal, Change
from sqlorch.dbt.invocation import be_invocation
from sqlorch.dbt.shared import Report, Shared

if TYPE_CHECKING:
    from sqlorch.dbt.run_context import DbtRunContext
    from sqlorch.domain.run import NodeResult


class FollowedRun:
    """Executes nodes of a run that another process leads.

    Args:
        context: the run, opened without touching the warehouse.
        journal: of this process's relation cache.
        shared: what the leader says.
        unique_ids: the nodes of the run.
    """

    def __init__(
        self,
        context: DbtRunContext,
        journal: CacheJournal,
        shared: Shared,
        unique_ids: Sequence[str],
    ) -> None:
        self._context = context
        self._journal = journal
        self._wants_results = shared.wants_results
        be_invocation(shared.invocation_id)
        journal.restore(shared.image)
        context.follow(unique_ids, keep_results=shared.wants_results)

    def execute(
        self, unique_id: str, *, log_path: Path, changes: Iterable[Change], again: bool, lost: bool
    ) -> tuple[NodeResult, Report]:
        """Execute one node in the calling thread.

        Args:
            unique_id: the node.
            log_path: where its log goes.
            changes: what other processes have changed in their caches since this one was told last.
            again: another attempt was made before, in whichever process.
            lost: a process has died in between, so that not all is known that was dropped.
        """
        self._journal.heed(changes)
        if again:
            self._context.mark_tried(unique_id, lost=lost)
        result = self._context.execute(unique_id, log_path=log_path)
        kept = self._context.kept(unique_id) if self._wants_results else None
        return result, Report(changes=self._journal.take(), kept=kept)

    def cancel(self, unique_ids: Iterable[str] | None = None) -> None:
        """Stop the queries of these nodes, None for all; from another thread."""
        self._context.cancel(unique_ids)

    def close(self) -> None:
        """Let go of the run and of its connections."""
        self._context.abandon()
