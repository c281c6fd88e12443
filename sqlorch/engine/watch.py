"""Whether a run is to go on: nobody asked for its end, its time is not up, and it is still ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlorch.domain.history import RunRecord
from sqlorch.domain.lengths import spell_seconds
from sqlorch.domain.run import RunSpec, RunState
from sqlorch.engine.crew import Crew

LOOK_EVERY = 0.5  # seconds between two looks at what others want of the run
_OURS = frozenset({RunState.RUNNING, RunState.CANCELLING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a run must end before its nodes have.

    Attributes:
        state: what it ends as; None when another process has taken it over and nothing more is to be written.
        reason: for people, and for the nodes that are not executed any more.
    """

    state: RunState | None
    reason: str


class Watch:
    """Looks after one run from its start to its end. What it once answered, it keeps to.

    Args:
        crew: the store, the clock and those who may ask.
        spec: the run.
        record: the run as it was stored when this process took it.
    """

    def __init__(self, crew: Crew, spec: RunSpec, record: RunRecord) -> None:
        self._crew = crew
        self._spec = spec
        self._gen = record.gen
        self._deadline = self._starts_from(record.started_at)
        self._next_look = crew.clock.monotonic()
        self._ending: Ending | None = None

    @property
    def gen(self) -> int:
        """The generation this process drives."""
        return self._gen

    @property
    def due(self) -> float | None:
        """When to ask again at the latest, in monotonic seconds; None for never."""
        if self._ending is not None:
            return None
        moments = [self._next_look] if self._crew.queue is not None else []
        moments += [self._deadline] if self._deadline is not None else []
        return min(moments, default=None)

    def ending(self) -> Ending | None:
        """Why the run must end now, None while it is to go on."""
        if self._ending is None:
            self._ending = self._find()
        return self._ending

    def taken_over(self) -> Ending | None:
        """Look in the store whether another process has the run; then that is its ending."""
        record = self._crew.store.run(self._spec.run_id)
        if record.gen == self._gen and record.owner == self._crew.owner and record.state in _OURS:
            return None
        self._ending = Ending(state=None, reason=_who_has(record, self._gen))
        return self._ending

    def _starts_from(self, started: datetime | None) -> float | None:
        if self._spec.timeout is None:
            return None
        clock = self._crew.clock
        past = (clock.now() - started).total_seconds() if started is not None else 0.0
        return clock.monotonic() + self._spec.timeout - max(0.0, past)

    def _find(self) -> Ending | None:
        crew, now = self._crew, self._crew.clock.monotonic()
        if crew.stop.requested:
            return Ending(state=RunState.CANCELLED, reason="interrupted")
        if self._deadline is not None and now >= self._deadline:
            limit = spell_seconds(self._spec.timeout or 0.0)
            return Ending(state=RunState.FAILED, reason=f"timed out after {limit}")
        if crew.queue is None or now < self._next_look:
            return None
        self._next_look = now + LOOK_EVERY
        asked = crew.queue.cancel_requested(self._spec.run_id)
        return self.taken_over() or (Ending(state=RunState.CANCELLED, reason=asked) if asked else None)


def _who_has(record: RunRecord, gen: int) -> str:
    if record.gen != gen:
        return f"run {record.run_id} was begun again (generation {record.gen}); this process stops"
    if record.state not in _OURS:
        return f"run {record.run_id} is {record.state} already; this process stops"
    owner = record.owner
    who = f"process {owner.pid} on {owner.host}" if owner is not None else "another process"
    return f"run {record.run_id} was taken over by {who}; this process stops"
