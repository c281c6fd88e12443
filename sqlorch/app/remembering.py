"""After the runs: what the warehouse has now is remembered for column lineage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.app.workspace import Workspace
from sqlorch.domain.history import NodeRecord
from sqlorch.domain.run import NodeState
from sqlorch.lineage.project import Project
from sqlorch.lineage.remembered import Remembered

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession

_WITH_SQL = frozenset({"model", "snapshot"})


def remember(
    workspace: Workspace, session: WarmSession, project: Project, nodes: Mapping[str, Sequence[NodeRecord]]
) -> None:
    """Keep the columns of all tables, and the SQL that this invocation compiled.

    Args:
        workspace: the project.
        session: it, open.
        project: it, as its files were read before the runs.
        nodes: the nodes of each run, by run id, in the order of the runs.

    Raises:
        Exception: whatever the warehouse's driver raises.
    """
    built = {
        node.unique_id: run_id
        for run_id, found in nodes.items()
        for node in found
        if node.state is NodeState.SUCCESS and node.unique_id in project.dag
    }
    Remembered(workspace.state_dir, project).keep(
        session.columns(), built=built.keys(), compiled=dict(_compiled(workspace, project, built))
    )


def _compiled(workspace: Workspace, project: Project, built: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for uid, run_id in built.items():
        node = project.dag[uid]
        if node.kind in _WITH_SQL:
            # Where dbt writes it (``get_target_write_path``, dbt-core 1.10).
            file = Path(workspace.run_dir(run_id), "target", "compiled", node.package, node.path)
            text = _text(file)
            if text:
                yield uid, text


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):  # a Python model has none, a snapshot's block has a folder
        return ""
