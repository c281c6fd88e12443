"""Which node a name means: the node's own package, the root project, then any package."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from sqlorch.lineage.draft import REFABLE, Draft
from sqlorch.lineage.jinja.capture import Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A name that leads nowhere.

    Attributes:
        reason: ``disabled`` or ``unknown``.
        nearest: existing names that are close.
    """

    reason: str
    nearest: tuple[str, ...] = ()


@dataclass(slots=True)
class _Shelf:
    """Names of one kind: unique ids by package, enabled and not."""

    live: dict[str, dict[str, str]] = field(default_factory=dict)
    disabled: dict[str, dict[str, str]] = field(default_factory=dict)

    def put(self, name: str, draft: Draft, *, enabled: bool) -> None:
        where = self.live if enabled else self.disabled
        where.setdefault(name, {})[draft.package] = draft.unique_id

    def find(self, name: str, packages: list[str | None]) -> str | Missing:
        for shelf in (self.live, self.disabled):
            by_package = shelf.get(name, {})
            for package in packages:
                uid = next(iter(by_package.values()), None) if package is None else by_package.get(package)
                if uid is not None:
                    return uid if shelf is self.live else Missing(reason="disabled")
        return Missing(reason="unknown", nearest=tuple(get_close_matches(name, self.live, n=2, cutoff=0.75)))


class Names:
    """Every name of a project.

    Args:
        root: the root project's name.
        node_package_first: dbt's flag ``require_ref_searches_node_package_before_root``.
    """

    def __init__(self, root: str, *, node_package_first: bool = False) -> None:
        self._root = root
        self._own_first = node_package_first
        self._shelves = {kind: _Shelf() for kind in ("ref", "source", "metric", "function", "measure")}

    def add(self, drafts: Iterable[tuple[Draft, bool]]) -> None:
        """Make nodes known; the flag says whether each is enabled."""
        for draft, enabled in drafts:
            for kind, name in _names_of(draft):
                self._shelves[kind].put(name, draft, enabled=enabled)

    def add_measures(self, draft: Draft, measures: Iterable[str]) -> None:
        """Make a semantic model known by its measures."""
        for measure in measures:
            self._shelves["measure"].put(measure, draft, enabled=True)

    def find(self, reference: Reference, package: str) -> str | Missing:
        """Resolve a reference made by a node of a package.

        Returns:
            the unique id, or why there is none.
        """
        name = reference.name
        if reference.kind == "source":
            name = f"{reference.group}.{reference.name}"
        elif reference.version:
            name = f"{reference.name}.v{reference.version}"
        named = reference.group if reference.kind != "source" else None
        return self._shelves[reference.kind].find(name, self._packages(package, named))

    def _packages(self, package: str, named: str | None) -> list[str | None]:
        if named is not None:
            return [named]
        if package == self._root:
            return [self._root, None]
        return [package, self._root, None] if self._own_first else [self._root, package, None]


def _names_of(draft: Draft) -> list[tuple[str, str]]:
    if draft.kind == "source":
        return [("source", f"{draft.source_name}.{draft.name}")]
    if draft.kind in {"metric", "function"}:
        return [(draft.kind, draft.name)]
    if draft.kind not in REFABLE:
        return []
    if draft.version is None:
        return [("ref", draft.name)]
    names = [("ref", f"{draft.name}.v{draft.version}")]
    return [*names, ("ref", draft.name)] if draft.version == draft.latest else names
