"""What the pool needs of a session; implemented in ``sqlorch.dbt``, seen from here without dbt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sqlorch.engine.ports import RunContext

if TYPE_CHECKING:
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.run import NodeResult


class Report(Protocol):
    """What a node has left behind in one process that the others must know. It can be pickled."""

    @property
    def changes(self) -> Sequence[Any]:
        """For every other process, in this order, before it executes a node that comes after."""


class FollowedRun(Protocol):
    """A run in a worker."""

    def execute(
        self, unique_id: str, *, log_path: Path, changes: Iterable[Any], again: bool, lost: bool
    ) -> tuple[NodeResult, Report]:
        """Execute one node, blocking the calling thread. Never raises for what the node did.

        ``changes`` are those of the other processes since the last call; ``again`` says that another attempt
        was made before, ``lost`` that it ended with the process that made it.
        """

    def cancel(self, unique_ids: Iterable[str] | None = None) -> None:
        """Stop the running queries of these nodes (None: all), from another thread."""

    def close(self) -> None:
        """Let go of the run."""


class Followable(Protocol):
    """A session after it was forked."""

    def become_worker(self, number: int) -> None:
        """This process is the worker of that number, from 1; called once, before anything else."""

    def follow_run(
        self,
        *,
        run_id: str,
        interval: Interval,
        variables: Mapping[str, Any],
        nodes: Sequence[str],
        target_path: Path,
        full_refresh: bool,
        shared: Any,
    ) -> FollowedRun:
        """Open a run that was opened elsewhere: what was given to ``open_run`` there, and what was shared."""


class LedRun(RunContext, Protocol):
    """A run in the process that drives it, where hooks are executed and all reports come together."""

    def share(self) -> Any:
        """What a worker needs that opens the run now; it can be pickled."""

    def absorb(self, report: Any) -> None:
        """Take in a worker's report."""

    def mark_tried(self, unique_id: str, *, lost: bool) -> None:
        """The node was tried in a worker and is now executed here; ``lost`` as in ``FollowedRun.execute``."""
