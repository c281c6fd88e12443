"""The project as the daemon is told of it: read from its files by a short-lived child, printed as JSON.

The daemon itself imports no parser and no YAML, so it learns even where the state folder is from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlorch.app.alert_book import read_book
from sqlorch.app.lineage import LineageView, open_view
from sqlorch.app.workspace import Choices, Workspace
from sqlorch.domain.adapters import IN_A_FILE
from sqlorch.domain.alert_codec import encode_book
from sqlorch.domain.dag import EXECUTABLE_KINDS, Dag
from sqlorch.domain.grouping import Grouping
from sqlorch.domain.lost import FAIL, on_lost
from sqlorch.domain.snapshot import Snapshot, SnapshotNode
from sqlorch.domain.snapshot_codec import encode_snapshot
from sqlorch.lineage.code.book import read_code

_RUNS = 4  # at once, where the warehouse is a server


def describe_project(choices: Choices) -> dict[str, Any]:
    """What the daemon needs to know of a project, ready for JSON.

    ``alerts`` says who is told what (:mod:`sqlorch.domain.alert_codec`), and is ``""`` where nobody is;
    ``snapshot`` is the encoded :class:`~sqlorch.domain.snapshot.Snapshot`; ``state_dir`` where it is
    remembered, ``state_url`` where the URL of the state is found; ``target`` that of the profile;
    ``adapter`` dbt's kind of warehouse; ``daemon`` how the daemon behaves;
    ``project_dir`` and ``watch`` what to look at for changes.

    Raises:
        SqlorchError: the project or its settings cannot be used.
    """
    view = open_view(choices)
    workspace = view.workspace
    snapshot = take_snapshot(view, _durations(workspace, view.project.dag))
    book, notices = read_book(view)
    return {
        "project_dir": str(workspace.location.project_dir),
        "profiles_dir": str(workspace.location.profiles_dir),
        "state_dir": str(workspace.state_dir),
        "state_url": workspace.settings.state_url,
        "target": view.project.target,
        "adapter": view.project.adapter,
        "daemon": _habits(view),
        "snapshot": encode_snapshot(replace(snapshot, warnings=(*snapshot.warnings, *notices))),
        "alerts": encode_book(book) if book.receivers else "",
    }


def _habits(view: LineageView) -> dict[str, Any]:
    """How the daemon is to behave."""
    said = view.workspace.settings.daemon
    return {
        "grace": said.grace,
        "idle": said.worker_idle,
        "nodes": said.worker_nodes,
        "memory": said.worker_memory_mb * 1024 * 1024,
        "runs": runs_at_once(view),
        "health": said.health,
    }


def runs_at_once(view: LineageView) -> int:
    """How many runs the daemon drives at once; a warehouse in a file is one process's, so one there."""
    return 1 if view.project.adapter in IN_A_FILE else view.workspace.settings.daemon.runs or _RUNS


def print_project(choices: Choices) -> str:
    """:func:`describe_project` as one line."""
    return json.dumps(describe_project(choices))


def take_snapshot(view: LineageView, durations: Mapping[str, float]) -> Snapshot:
    """The snapshot of a project.

    Args:
        view: the project, read.
        durations: how many seconds nodes took lately.
    """
    dag, grouping = view.project.dag, view.grouping
    code = read_code(view.project).fingerprints
    reader = _Reader(dag=dag, grouping=grouping, durations=durations, code=code)
    nodes = [reader.node(uid, group) for uid, group in grouping.group_of.items() if not dag[uid].blank]
    return Snapshot(
        groups={group.name: group for group in grouping.groups},
        nodes={node.unique_id: node for node in nodes},
        warnings=tuple(str(reference) for reference in view.project.unresolved),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    dag: Dag
    grouping: Grouping
    durations: Mapping[str, float]
    code: Mapping[str, str]

    def node(self, uid: str, group: str) -> SnapshotNode:
        node, said = self.dag[uid], self.grouping.options.get(uid)
        harmful = on_lost(node) == FAIL
        return SnapshotNode(
            unique_id=uid,
            name=node.name,
            kind=node.kind,
            group=group,
            parents=_executed_parents(self.dag, uid),
            code=self.code.get(uid, ""),
            repeatable=said.on_lost != FAIL if said is not None and said.on_lost else not harmful,
            appends=harmful and node.materialized == "incremental",
            blocks=node.is_test and str(node.config.get("severity", "error")).lower() != "warn",
            seconds=self.durations.get(uid),
        )


def _executed_parents(dag: Dag, uid: str) -> frozenset[str]:
    """The nearest ancestors that are executed: what is not passes its own parents on."""
    found: set[str] = set()
    for parent in dag.parents(uid):
        node = dag[parent]
        executed = node.kind in EXECUTABLE_KINDS and not node.blank
        found |= {parent} if executed else _executed_parents(dag, parent)
    return frozenset(found)


def _durations(workspace: Workspace, dag: Dag) -> Mapping[str, float]:
    from sqlorch.state.store import SqlStore  # noqa: PLC0415 - a project without history does without it

    if not workspace.has_state:
        return {}
    with SqlStore.open(workspace.state_file, url=workspace.state_url) as store:
        return store.durations(sorted(dag.nodes))
