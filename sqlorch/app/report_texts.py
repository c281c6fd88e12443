"""Texts of the lineage report: SQL, owners, schedules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlorch.domain.dag import Node
    from sqlorch.domain.group import Group
    from sqlorch.lineage.project import Project

_WITH_SQL = frozenset({"model", "snapshot", "analysis", "function"})
_LONGEST = 200_000  # letters of SQL: a page is to be read


def model_sql(project: Project, node: Node, compiled_path: str | None) -> tuple[str | None, bool]:
    """The SQL of a node, and whether it is compiled.

    It is what the newest attempt sent to the warehouse, where that is kept; else the file as its author wrote
    it; for a package's node, whose files may lie anywhere, as it is rendered.
    """
    if node.kind not in _WITH_SQL:
        return None, False
    compiled = _read(Path(compiled_path)) if compiled_path else None
    if compiled is not None:
        return compiled.strip("\n\r\t ") + "\n", True
    written = _read(project.root / node.path) if node.package == project.name and node.path else None
    if written is not None and not node.path.endswith((".yml", ".yaml")):
        return written, False
    return _bounded(project.sql.get(node.unique_id)), False


def owner_of(node: Node) -> str:
    """Who answers for a node: ``meta.owner``, an exposure's ``owner``, or its dbt group; "" for nobody."""
    for named in (node.meta.get("owner"), node.config.get("owner")):
        said = _person(named)
        if said:
            return said
    return node.dbt_group or ""


def schedule_of(group: Group, *, zone: bool = False) -> str | None:
    """When a group runs, as its author wrote it, with its zone if asked; None when it has no schedule."""
    if not group.timetable.scheduled:
        return None
    keys = group.keys
    when = f"every {keys.every}" if keys.every else " and ".join(keys.schedule or ())
    return f"{when}, {group.timezone}" if when and zone else when or None


def _person(named: Any) -> str:
    if isinstance(named, Mapping):
        name, email = (str(named.get(key) or "").strip() for key in ("name", "email"))
        return f"{name} <{email}>" if name and email else name or email
    if isinstance(named, list | tuple):
        return ", ".join(filter(None, map(_person, named)))
    return str(named).strip() if named is not None else ""


def _read(file: Path) -> str | None:
    try:
        return _bounded(file.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):  # pruned since, or never written; there is another text to show
        return None


def _bounded(text: str | None) -> str | None:
    if text is None or len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}\n-- and {len(text) - _LONGEST:,} more letters"
