"""Progress as plain lines, for logs and pipes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlorch.cli import text
from sqlorch.domain.describe import compact
from sqlorch.domain.expectations import without_rows
from sqlorch.domain.history import RunRecord
from sqlorch.domain.run import NodeResult, NodeSpec, Outcome, RunSpec

_WORDS = {
    Outcome.SUCCESS: "ok",
    Outcome.WARN: "warn",
    Outcome.FAIL: "fail",
    Outcome.ERROR: "error",
    Outcome.CANCELLED: "stopped",
    Outcome.LOST: "lost",
}


class PlainProgress:
    """A :class:`sqlorch.engine.ports.Listener` that writes one line for each thing that happens.

    Args:
        write: writes one line.
        total: how many runs there will be.
        now: local wall time.
    """

    def __init__(
        self, write: Callable[[str], None], *, total: int, now: Callable[[], datetime] = datetime.now
    ) -> None:
        self._write = write
        self._total = total
        self._now = now
        self._number = 0
        self._done = 0
        self._nodes: dict[str, NodeSpec] = {}

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to undo."""

    def run_started(self, spec: RunSpec) -> None:
        """See the port."""
        self._number += 1
        self._done = 0
        self._nodes = {node.unique_id: node for node in spec.nodes}
        interval = compact(spec.interval, spec.timezone)
        place = f" ({self._number} of {self._total})" if self._total > 1 else ""
        self._line(
            f"{spec.group} {interval}: {text.number(len(spec.nodes), 'node')}, run {spec.run_id}{place}"
        )

    def node_started(self, run_id: str, unique_id: str, attempt: int) -> None:
        """Not told: the end of a node is."""

    def node_finished(
        self, run_id: str, unique_id: str, attempt: int, result: NodeResult, retry_in: float | None
    ) -> None:
        """See the port."""
        node = self._nodes[unique_id]
        if retry_in is None:
            self._done += 1
        details = [
            text.seconds(result.seconds),
            text.rows(result.rows if not node.kind.endswith("test") else None),
        ]
        if not result.outcome.ok or result.outcome is Outcome.WARN or without_rows(result.checks):
            details.append(result.message)
        if attempt > 1:
            details.append(f"attempt {attempt}")
        if retry_in is not None:
            details.append(f"again in {text.seconds(retry_in)}")
        said = ", ".join(part for part in details if part)
        place = f"{self._done}/{len(self._nodes)}"
        self._line(f"  {_WORDS[result.outcome]:<7} {place:>7}  {node.kind:<9} {node.name}  {said}")

    def node_skipped(self, run_id: str, unique_id: str, reason: str) -> None:
        """See the port."""
        self._done += 1
        node = self._nodes[unique_id]
        place = f"{self._done}/{len(self._nodes)}"
        self._line(f"  {'not run':<7} {place:>7}  {node.kind:<9} {node.name}  {reason}")

    def warned(self, run_id: str, unique_id: str | None, message: str) -> None:
        """See the port."""
        node = self._nodes[unique_id].name if unique_id is not None else run_id
        self._line(f"  {'note':<7} {'':>7}  {node}: {message}")

    def run_finished(self, record: RunRecord) -> None:
        """See the port."""
        said = f"  {record.state} in {text.seconds(record.seconds)}: {text.counts(record.node_counts)}"
        self._line(f"{said}; {record.reason}" if record.reason else said)

    def _line(self, line: str) -> None:
        self._write(f"{self._now():%H:%M:%S} {line}")


class Silence:
    """A listener that says nothing."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to undo."""

    def run_started(self, spec: RunSpec) -> None:
        """Not told."""

    def node_started(self, run_id: str, unique_id: str, attempt: int) -> None:
        """Not told."""

    def node_finished(
        self, run_id: str, unique_id: str, attempt: int, result: NodeResult, retry_in: float | None
    ) -> None:
        """Not told."""

    def node_skipped(self, run_id: str, unique_id: str, reason: str) -> None:
        """Not told."""

    def warned(self, run_id: str, unique_id: str | None, message: str) -> None:
        """Not told."""

    def run_finished(self, record: RunRecord) -> None:
        """Not told."""
