"""Attempts under way, and which of them have taken too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlorch.domain.history import AttemptRecord
from sqlorch.domain.run import NodeSpec


@dataclass(slots=True, kw_only=True)
class LiveAttempt:
    """One of them; moments are monotonic seconds, None for never.

    Attributes:
        attempt: as stored.
        node: what is executed.
        deadline: when it is cut.
        expected: when it has taken longer than it should; None once that was told.
        timed_out: whether it was cut.
    """

    attempt: AttemptRecord
    node: NodeSpec
    deadline: float | None
    expected: float | None
    timed_out: bool = False


class LiveAttempts:
    """The attempts of one run that are being executed."""

    def __init__(self) -> None:
        self._live: dict[str, LiveAttempt] = {}

    def __len__(self) -> int:
        return len(self._live)

    def add(self, node: NodeSpec, attempt: AttemptRecord, *, now: float) -> None:
        """An attempt begins."""
        self._live[node.unique_id] = LiveAttempt(
            attempt=attempt,
            node=node,
            deadline=None if node.timeout is None else now + node.timeout,
            expected=None if node.expected_runtime is None else now + node.expected_runtime,
        )

    def end(self, unique_id: str) -> LiveAttempt:
        """It has ended."""
        return self._live.pop(unique_id)

    @property
    def cutting(self) -> bool:
        """Whether one was cut that has not ended yet."""
        return any(live.timed_out for live in self._live.values())

    def moments(self) -> Iterator[float]:
        """When something is to be done about one of them."""
        for live in self._live.values():
            yield from (at for at in (live.deadline, live.expected) if at is not None)

    def overdue(self, now: float) -> list[str]:
        """Those that are to be cut, and those that were and have not ended: a query may begin after a cut."""
        for live in self._live.values():
            live.timed_out = live.timed_out or (live.deadline is not None and now >= live.deadline)
        return [uid for uid, live in self._live.items() if live.timed_out]

    def slow(self, now: float) -> list[LiveAttempt]:
        """Those that have just become slower than expected, each once."""
        found = [live for live in self._live.values() if live.expected is not None and now >= live.expected]
        for live in found:
            live.expected = None
        return found
