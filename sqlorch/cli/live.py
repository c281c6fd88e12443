"""Progress on a terminal: what runs now, how far it is, how long it may take."""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import RLock

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sqlorch.cli import text
from sqlorch.domain.describe import compact
from sqlorch.domain.expectations import without_rows
from sqlorch.domain.history import RunRecord
from sqlorch.domain.run import NodeResult, NodeSpec, Outcome, RunSpec

_SHOWN = 8  # running nodes shown by name
_NAME = 60  # columns of a node's name
_STYLES = {Outcome.SUCCESS: "success", Outcome.WARN: "warn"}


class LiveProgress:
    """A :class:`sqlorch.engine.ports.Listener` with a view that redraws itself.

    What is worth keeping (ended runs, failures, warnings, expectations without rows to look at) is printed
    above the view and stays.

    Args:
        console: the terminal.
        total: how many runs there will be.
        threads: nodes executed at once, for the estimate.
        durations: expected seconds by unique id, where something is known.
    """

    def __init__(self, console: Console, *, total: int, threads: int, durations: Mapping[str, float]) -> None:
        self._console = console
        self._total = total
        self._threads = max(1, threads)
        self._durations = durations
        self._lock = RLock()
        self._number = 0
        self._began = 0.0
        self._spec: RunSpec | None = None
        self._open: dict[str, NodeSpec] = {}
        self._running: dict[str, float] = {}
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def run_started(self, spec: RunSpec) -> None:
        """See the port."""
        with self._lock:
            self._number += 1
            self._began = time.monotonic()
            self._spec = spec
            self._open = {node.unique_id: node for node in spec.nodes}
            self._running = {}

    def node_started(self, run_id: str, unique_id: str, attempt: int) -> None:
        """See the port."""
        with self._lock:
            self._running[unique_id] = time.monotonic()

    def node_finished(
        self, run_id: str, unique_id: str, attempt: int, result: NodeResult, retry_in: float | None
    ) -> None:
        """See the port."""
        with self._lock:
            node = self._open[unique_id]
            self._running.pop(unique_id, None)
            if retry_in is None:
                del self._open[unique_id]
        if result.outcome is not Outcome.SUCCESS or without_rows(result.checks):
            again = f"; again in {text.seconds(retry_in)}" if retry_in is not None else ""
            style = "warn" if again else _STYLES.get(result.outcome, "failed")
            self._say(style, node, result.message + again)

    def node_skipped(self, run_id: str, unique_id: str, reason: str) -> None:
        """See the port."""
        with self._lock:
            self._open.pop(unique_id, None)

    def warned(self, run_id: str, unique_id: str | None, message: str) -> None:
        """See the port."""
        with self._lock:
            node = self._open.get(unique_id or "")
        if node is not None:
            self._say("warn", node, message)
        else:
            self._console.print(Text(f"  {text.SYMBOLS['warn']} {message}", style=text.STYLES["warn"]))

    def run_finished(self, record: RunRecord) -> None:
        """See the port."""
        with self._lock:
            self._spec = None
        state = str(record.state)
        line = Text.assemble(
            (f"{text.SYMBOLS.get(state, ' ')} ", text.STYLES.get(state, "")),
            (record.group, "bold"),
            f" {compact(record.interval, record.timezone)}",
            (f"  {text.counts(record.node_counts)} in {text.seconds(record.seconds)}", "dim"),
        )
        if record.reason:
            line.append(f"  {record.reason}", style="red")
        self._console.print(line, soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The view as it is now."""
        with self._lock:
            if self._spec is not None:
                yield Group(self._headline(self._spec), *self._lines(options.max_width))

    def _say(self, style: str, node: NodeSpec, message: str) -> None:
        line = Text.assemble(
            (f"  {text.SYMBOLS[style]} ", text.STYLES[style]), f"{node.kind} {node.name}: ", (message, "dim")
        )
        self._console.print(line, overflow="ellipsis", no_wrap=True)

    def _headline(self, spec: RunSpec) -> Table:
        total = len(spec.nodes)
        done = total - len(self._open)
        grid = Table.grid(padding=(0, 1))
        name = Text.assemble((spec.group, "bold"), f" {compact(spec.interval, spec.timezone)}")
        if self._total > 1:
            name.append(f"  run {self._number} of {self._total}", style="dim")
        elapsed = time.monotonic() - self._began
        left = self._estimate()
        timing = f"{elapsed:.0f} s" + (f", about {text.seconds(max(left, 1))} left" if left else "")
        grid.add_row(
            name, ProgressBar(total=max(total, 1), completed=done, width=24), f"{done}/{total}", timing
        )
        return grid

    def _lines(self, width: int) -> list[Text]:
        now = time.monotonic()
        lines = []
        for uid, began in list(self._running.items())[:_SHOWN]:
            node = self._open[uid]
            what = node.materialized or node.kind
            name = Text(f"  ▸ {node.name}", style="cyan", overflow="ellipsis", no_wrap=True)
            name.truncate(min(_NAME, width - 20), overflow="ellipsis", pad=True)
            lines.append(Text.assemble(name, (f" {what:<12} {now - began:5.1f} s", "dim")))
        if len(self._running) > _SHOWN:
            lines.append(Text(f"  and {len(self._running) - _SHOWN} more", style="dim"))
        return lines

    def _estimate(self) -> float | None:
        """Seconds left, when the durations of at least half of the open nodes are known."""
        known = [self._durations[uid] for uid in self._open if uid in self._durations]
        if not known or len(known) * 2 < len(self._open):
            return None
        return sum(known) / len(known) * len(self._open) / self._threads
