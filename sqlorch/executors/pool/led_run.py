"""A run whose nodes are executed by a pool; a :class:`sqlorch.engine.ports.RunContext`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlorch.domain.freshness import SourceReading
from sqlorch.domain.run import ErrorClass, NodeResult, Outcome
from sqlorch.executors.pool.member import Gone
from sqlorch.executors.pool.pool import Pool
from sqlorch.executors.pool.ports import LedRun


class PooledRun:
    """Hooks, and nodes that are not for workers, are executed in this process; all others in the pool.

    Args:
        context: the run as it was opened in this process.
        pool: executes its nodes.
        arguments: what it was opened with.
        serves: whether a worker can execute a node.
    """

    def __init__(
        self, context: LedRun, pool: Pool, arguments: Mapping[str, Any], *, serves: Callable[[str], bool]
    ) -> None:
        self._context = context
        self._pool = pool
        self._serves = serves
        self._tried: set[str] = set()
        self._lost: set[str] = set()
        self._cancelled: set[str] = set()
        pool.open(context, arguments)

    def source_freshness(self) -> Sequence[SourceReading]:
        """See the port; measured in this process, before the first node."""
        return self._context.source_freshness()

    def made_anew(self, unique_ids: Sequence[str]) -> Sequence[str]:
        """See the port; asked of this process, before the first node."""
        return self._context.made_anew(unique_ids)

    def execute(self, unique_id: str, *, log_path: Path) -> NodeResult:
        """See the port."""
        if not self._serves(unique_id):
            return self._context.execute(unique_id, log_path=log_path)
        began = datetime.now(UTC)
        again, lost = unique_id in self._tried, unique_id in self._lost
        self._tried.add(unique_id)
        self._cancelled.discard(unique_id)
        if lost and (left := self._pool.left_running()):
            return NodeResult(
                unique_id=unique_id,
                outcome=Outcome.ERROR,
                started_at=began,
                finished_at=datetime.now(UTC),
                message=left,
                error_class=ErrorClass.TRANSIENT,  # so that its retries decide
                log_path=str(log_path),
            )
        answer = self._pool.execute(unique_id, log_path=log_path, again=again, lost=lost)
        if answer is None:
            if again:
                self._context.mark_tried(unique_id, lost=lost)
            return self._context.execute(unique_id, log_path=log_path)
        if isinstance(answer, Gone):
            return self._gone(unique_id, answer, began, log_path)
        self._lost.discard(unique_id)
        return answer.result

    def cancel(self, unique_ids: Iterable[str] | None = None) -> None:
        """See the port."""
        wanted: Collection[str] | None = None if unique_ids is None else frozenset(unique_ids)
        self._cancelled.update(self._tried if wanted is None else wanted)
        self._context.cancel(wanted)
        self._pool.cancel(wanted)

    def finish(self, results: Sequence[NodeResult]) -> str:
        """See the port."""
        self._pool.close_run()
        return self._context.finish(results)

    def abandon(self) -> None:
        """See the port."""
        self._pool.close_run()
        self._context.abandon()

    def _gone(self, unique_id: str, gone: Gone, began: datetime, log_path: Path) -> NodeResult:
        self._lost.add(unique_id)
        cancelled = unique_id in self._cancelled
        return NodeResult(
            unique_id=unique_id,
            outcome=Outcome.CANCELLED if cancelled else Outcome.LOST,
            started_at=began,
            finished_at=datetime.now(UTC),
            message=gone.reason,
            error_class=ErrorClass.INFRA,
            log_path=str(log_path),
        )
