"""The ended run behind a slot; it may have been pruned since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlorch.domain.errors import StateError

if TYPE_CHECKING:
    from sqlorch.domain.run import RunState
    from sqlorch.engine.scheduler_store import SchedulerStore


def ended_state(store: SchedulerStore, run_id: str) -> RunState | None:
    """How a run ended; None when nothing is remembered of it any more."""
    try:
        return store.run(run_id).state
    except StateError:  # only what ended well long ago is ever pruned
        return None
