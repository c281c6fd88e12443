"""Properties of nodes that are files: description, columns, configuration, versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlorch.lineage.configuration import configure, is_enabled, tags_of
from sqlorch.lineage.draft import REFABLE, Draft
from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.merge import merge_config
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.project import DeclaredColumn, LoadWarning
from sqlorch.lineage.properties import Entry, columns_of, config_of, entries
from sqlorch.lineage.versions import Version, columns_for, versions_of

_KIND_OF_KEY = {
    "models": "model",
    "seeds": "seed",
    "snapshots": "snapshot",
    "analyses": "analysis",
    "data_tests": "test",
    "functions": "function",
}
_LITERAL = re.compile(
    r"^\s*(?P<func>ref|source)\(\s*(?P<q>['\"])(?P<first>[^'\"]+)(?P=q)"
    r"(?:\s*,\s*(?P<p>['\"])(?P<second>[^'\"]+)(?P=p))?"
    r"(?:\s*,\s*(?:v|version)\s*=\s*['\"]?(?P<version>[\w.]+)['\"]?)?\s*\)\s*$"
)


def read_call(text: str) -> Reference | None:
    """Read ``ref('x')`` or ``source('a', 'b')`` written out; None for anything else."""
    match = _LITERAL.match(text)
    if match is None:
        return None
    first, second = match["first"], match["second"]
    if match["func"] == "source":
        return Reference("source", second, first) if second else None
    return Reference("ref", second or first, first if second else None, match["version"])


class Patcher:
    """Applies properties to drafts.

    Args:
        drafts: the nodes that are files; changed in place, and added to for snapshots that are only YAML.
        packages: for configuration.
    """

    def __init__(self, drafts: list[Draft], packages: Packages) -> None:
        self.drafts = drafts
        self.warnings: list[LoadWarning] = []
        self._packages = packages
        self._by_name: dict[tuple[str, str], list[Draft]] = {}
        self._anywhere: dict[tuple[str, str], list[Draft]] = {}
        for draft in drafts:
            self._index(draft)

    def apply(self, all_entries: Iterable[Entry]) -> None:
        """Apply every entry that speaks of a node that is a file, then configure all drafts."""
        for entry in all_entries:
            if entry.key == "snapshots" and "relation" in entry.data:
                self._index(self._add_snapshot(entry))
            versions = versions_of(entry.data) if entry.key == "models" else []
            if versions:
                self._apply_versions(entry, versions)
            elif entry.key in _KIND_OF_KEY:
                self._apply(entry)
        for draft in self.drafts:
            self._configure(draft)

    def _index(self, draft: Draft) -> None:
        group = "refable" if draft.kind in REFABLE else draft.kind
        self._by_name.setdefault((group, f"{draft.package}.{draft.base}"), []).append(draft)
        self._anywhere.setdefault((group, draft.base), []).append(draft)

    def _find(self, entry: Entry, name: str) -> list[Draft]:
        """Find the drafts an entry means: an enabled one of its package, of any, then the disabled ones."""
        kind = _KIND_OF_KEY[entry.key]
        group = "refable" if kind in REFABLE else kind
        own = self._by_name.get((group, f"{entry.file.package}.{name}"), [])
        anywhere = self._anywhere.get((group, name), []) if kind in REFABLE else []
        live = [draft for draft in (*own, *anywhere) if self._enabled_so_far(draft)][:1]
        if live:
            return live if live[0].kind == kind else []
        return [draft for draft in own if draft.kind == kind]

    def _enabled_so_far(self, draft: Draft) -> bool:
        self._configure(draft)
        return is_enabled(draft.config)

    def _configure(self, draft: Draft) -> None:
        draft.config = configure(
            self._packages,
            kind=draft.kind,
            package=draft.configured_by or draft.package,
            fqn=draft.fqn,
            properties=draft.properties,
            calls=draft.finding.config,
        )

    def _apply(self, entry: Entry) -> None:
        found = self._find(entry, entry.name)
        if not found and entry.key != "data_tests":
            self._unused(entry, entry.name)
        for draft in found:
            if draft.patch_path:
                self._warn(
                    entry, f"{draft.unique_id} has properties already; these are left out", "duplicate"
                )
                continue
            _describe(draft, entry, entries(entry.data.get("columns")))
            draft.properties = config_of(entry.data)
            draft.configured_by = entry.file.package if draft.properties else ""
            # Tags only ever add up: those of the configuration so far stay.
            draft.tags += tags_of(draft.config)
            draft.extra += _foreign_keys(entry.data, entries(entry.data.get("columns")))

    def _apply_versions(self, entry: Entry, versions: list[Version]) -> None:
        for version in versions:
            file_name = str(version.data.get("defined_in") or f"{entry.name}_v{version.label}")
            found = self._find(entry, file_name)
            if not found and version.latest:
                found = self._find(entry, entry.name)
            if not found:
                self._unused(entry, file_name)
                continue
            self._make_version(found[0], entry, version)

    def _make_version(self, draft: Draft, entry: Entry, version: Version) -> None:
        columns = columns_for(entry.data, version)
        _describe(draft, entry, columns)
        draft.description = str(version.data.get("description") or draft.description)
        draft.name = entry.name
        draft.version, draft.latest = version.label, version.latest_label
        draft.version_value, draft.latest_value = version.data["v"], version.latest_value
        draft.unique_id = f"model.{draft.package}.{entry.name}.v{version.label}"
        draft.fqn = [*draft.fqn[:-1], entry.name, f"v{version.label}"]
        draft.properties = config_of(entry.data)
        merge_config(draft.properties, config_of(version.data))
        draft.configured_by = entry.file.package
        draft.extra += _foreign_keys({**entry.data, **version.data}, columns)

    def _add_snapshot(self, entry: Entry) -> Draft:
        """Add a snapshot that is nothing but an entry: a select of its relation."""
        package, name = entry.file.package, entry.name
        relation = str(entry.data["relation"])
        reference = read_call(relation)
        draft = Draft(
            unique_id=f"snapshot.{package}.{name}",
            kind="snapshot",
            name=name,
            package=package,
            path=entry.file.path,
            fqn=[package, *entry.file.relative.split("/")[:-1], name],
            base=name,
            raw=f"select * from {{{{ {relation} }}}}",
            extra=[reference] if reference else [],
            line=entry.line(),
        )
        if reference is None:
            self._warn(
                entry, f"relation of snapshot '{name}' must be a ref or a source, not {relation}", "invalid"
            )
        self.drafts.append(draft)
        return draft

    def _unused(self, entry: Entry, name: str) -> None:
        kind = _KIND_OF_KEY[entry.key]
        self._warn(entry, f"there is no {kind} '{name}' for these properties", "ignored")

    def _warn(self, entry: Entry, message: str, kind: str) -> None:
        self.warnings.append(LoadWarning(path=entry.file.path, line=entry.line(), message=message, kind=kind))


def _describe(draft: Draft, entry: Entry, columns: list[Mapping[str, Any]]) -> None:
    draft.patch_path = entry.file.path
    draft.description = str(entry.data.get("description") or "")
    draft.columns = _described(draft.columns, columns_of(columns))


def _described(
    header: tuple[DeclaredColumn, ...], declared: tuple[DeclaredColumn, ...]
) -> tuple[DeclaredColumn, ...]:
    """A seed keeps all the columns of its header, in that order, with what YAML says of some of them."""
    if not header:
        return declared
    said = {column.name.casefold(): column for column in declared}
    return tuple(said.get(column.name.casefold(), column) for column in header)


def _foreign_keys(data: Mapping[str, Any], columns: list[Mapping[str, Any]]) -> list[Reference]:
    constraints = entries(data.get("constraints"))
    for column in columns:
        constraints += entries(column.get("constraints"))
    keys = [str(c["to"]) for c in constraints if c.get("type") == "foreign_key" and c.get("to")]
    return [reference for key in keys if (reference := read_call(key)) is not None]
