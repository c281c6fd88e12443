"""The report on a run, written when somebody is told of the run."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.app.clock import SystemClock
from sqlorch.domain.errors import SqlorchError

if TYPE_CHECKING:
    from sqlorch.state.store import SqlStore


class AlertReports:
    """Writes ``report.html`` into the folder of a run, once for all receivers of one delivery.

    Args:
        store: what is remembered of runs.
        state_dir: the state folder.
        project_dir: the project's folder.
    """

    def __init__(self, store: SqlStore, state_dir: Path, project_dir: Path) -> None:
        self._store = store
        self._state_dir = state_dir
        self._project_dir = project_dir
        self._turn = threading.Lock()
        self._written: dict[str, str] = {}

    def __call__(self, run_id: str) -> str:
        """The file, ``""`` when it cannot be written: people must be told all the same."""
        with self._turn:
            if run_id not in self._written:
                self._written[run_id] = self._write(run_id)
            return self._written[run_id]

    def _write(self, run_id: str) -> str:
        from sqlorch.app.run_report import compose, remembered  # noqa: PLC0415 - only where there is one to write
        from sqlorch.reports.write import write_run  # noqa: PLC0415 - likewise

        file = (self._state_dir / "runs" / run_id / "report.html").absolute()
        try:
            kept = remembered(self._store, self._store.run(run_id))
            write_run(compose(kept, project_dir=self._project_dir, now=SystemClock().now()), file)
        except SqlorchError:
            return ""
        return str(file)
