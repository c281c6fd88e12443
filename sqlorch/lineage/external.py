"""Sources of DuckDB that are files: dbt-duckdb's ``external_location``."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import Any

from sqlorch.lineage.draft import Draft


def external_location(draft: Draft, database: str) -> str | None:
    """Return how a source table that lives in files is written in SQL; None for an ordinary table.

    The place is in the source's ``meta`` or ``config``, as a template over the table's names and the rest of
    its ``meta``, in one of the three styles dbt-duckdb knows (``DuckDBRelation.create_from_source``, 1.9).
    """
    meta = draft.config.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    template = meta.get("external_location") or draft.config.get("external_location")
    if not isinstance(template, str):
        return None
    names = {"name": draft.name, "identifier": draft.identifier, "schema": draft.schema, "database": database}
    place = _fill(template, str(meta.get("formatter", "newstyle")), {**meta, **names})
    return place if "(" in place or place.startswith("'") else f"'{place}'"


def _fill(template: str, style: str, values: Mapping[str, Any]) -> str:
    try:
        if style == "oldstyle":
            return template % values
        if style == "template":
            return Template(template).substitute(values)
        return template.format_map(values)
    except (KeyError, ValueError, IndexError, TypeError, AttributeError):
        # What cannot be filled in is shown as written; building the source would fail in dbt.
        return template
