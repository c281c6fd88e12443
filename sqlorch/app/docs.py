"""``sqlorch docs``: pages of what was expected and found in the newest runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.app.workspace import Workspace
from sqlorch.domain.dag import EXPECTATIONS
from sqlorch.domain.errors import ConfigError

if TYPE_CHECKING:
    from sqlorch.checks.data_docs import Checked
    from sqlorch.state.store import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Docs:
    """The first page, and of how many validations there are pages."""

    index: Path
    validations: int


def expectation_docs(workspace: Workspace, *, run_id: str | None, last: int, folder: Path | None) -> Docs:
    """Make Great Expectations' Data Docs.

    Args:
        workspace: the project.
        run_id: one run; the newest runs when None.
        last: how many of them.
        folder: where to; ``docs`` in the state folder when None.

    Raises:
        ConfigError: nothing was checked in these runs.
        StateError: there is no such run.
        IntegrationError: the folder cannot be written.
    """
    with workspace.store() as store:
        checked = list(
            _checked(store, [run_id] if run_id else [run.run_id for run in store.runs(limit=last)])
        )
    if not checked:
        where = f"the run {run_id}" if run_id else f"the last {last} runs"
        raise ConfigError(
            f"nothing was checked by Great Expectations in {where}; write expectations/MODEL.yml and run"
        )
    from sqlorch.checks.data_docs import build  # noqa: PLC0415 - takes seconds

    target = folder or workspace.state_dir / "docs"
    return Docs(validations=build(checked, target), index=target / "index.html")


def _checked(store: SqlStore, run_ids: list[str]) -> Iterator[Checked]:
    from sqlorch.checks.data_docs import Checked  # noqa: PLC0415 - takes seconds

    for run_id in run_ids:
        store.run(run_id)  # refuses one that is not there, with the nearest
        for attempt in store.attempts(run_id):
            if attempt.unique_id.startswith(f"{EXPECTATIONS}.") and attempt.log_path and attempt.finished_at:
                record = Path(attempt.log_path).with_suffix(".json")
                yield Checked(run_id=run_id, at=attempt.finished_at, record=record)
