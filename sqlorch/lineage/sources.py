"""Source tables, with what the root project overrides of a package's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sqlorch.lineage.configuration import configure
from sqlorch.lineage.draft import Draft
from sqlorch.lineage.merge import as_list
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.properties import Entry, columns_of, entries, mapping


def apply_overrides(all_entries: Iterable[Entry]) -> list[Entry]:
    """Merge ``overrides:`` entries into the package's sources they speak of, and drop them."""
    found = list(all_entries)
    patches = {
        (str(e.data["overrides"]), e.name): e.data
        for e in found
        if e.key == "sources" and e.data.get("overrides")
    }
    kept = [e for e in found if not (e.key == "sources" and e.data.get("overrides"))]
    return [_override(entry, patches) for entry in kept] if patches else kept


def read_sources(entry: Entry, packages: Packages) -> Iterator[Draft]:
    """Yield the tables of a source."""
    data, file = entry.data, entry.file
    for table in entries(data.get("tables")):
        if table.get("name") is None:
            continue
        name = str(table["name"])
        fqn = [file.package, *file.relative.split("/")[:-1], entry.name, name]
        draft = Draft(
            unique_id=f"source.{file.package}.{entry.name}.{name}",
            kind="source",
            name=name,
            package=file.package,
            path=file.path,
            fqn=fqn,
            description=str(table.get("description") or ""),
            columns=columns_of(entries(table.get("columns"))),
            source_name=entry.name,
            identifier=str(table.get("identifier") or name),
            schema=str(data.get("schema") or data.get("dataset") or entry.name),
            database=_database(data),
            quoting={**mapping(data.get("quoting")), **mapping(table.get("quoting"))},
        )
        draft.config = configure(
            packages, kind="source", package=file.package, fqn=fqn, properties=_config(data, table)
        )
        yield draft


def _database(data: Mapping[str, Any]) -> str | None:
    value = data.get("database") or data.get("project") or data.get("catalog") or data.get("dbname")
    return str(value) if value else None


def _config(data: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    outer, inner = mapping(data.get("config")), mapping(table.get("config"))
    config = {**outer, **inner}
    config["meta"] = {
        **mapping(data.get("meta")),
        **mapping(outer.get("meta")),
        **mapping(table.get("meta")),
        **mapping(inner.get("meta")),
    }
    config["tags"] = [tag for level in (data, outer, table, inner) for tag in as_list(level.get("tags"))]
    for key in ("loaded_at_field", "freshness"):
        value = table.get(key, inner.get(key, data.get(key, outer.get(key))))
        if value is not None:
            config[key] = value
    return config


def _override(entry: Entry, patches: Mapping[tuple[str, str], Mapping[str, Any]]) -> Entry:
    patch = patches.get((entry.file.package, entry.name)) if entry.key == "sources" else None
    if patch is None:
        return entry
    changed = {key: value for key, value in patch.items() if key not in {"overrides", "name", "tables"}}
    tables = {str(table.get("name")): table for table in entries(patch.get("tables"))}
    merged = [
        {**table, **tables.get(str(table.get("name")), {})} for table in entries(entry.data.get("tables"))
    ]
    return replace(entry, data={**entry.data, **changed, "tables": merged})
