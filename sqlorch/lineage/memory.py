"""What one load remembers of earlier ones, and leaves to later ones."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlorch.lineage.files import SourceFile
from sqlorch.lineage.jinja.state import Target, midnight
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.project import Project
from sqlorch.lineage.snapshot import (
    LateTexts,
    Texts,
    code_digest,
    digest_of,
    from_data,
    pack,
    to_data,
    unpack,
)
from sqlorch.lineage.store import Store, StoredSnapshot
from sqlorch.lineage.templates import Templates


@dataclass(slots=True, kw_only=True)
class Memory:
    """The cache, seen from one load.

    Attributes:
        store: where it is kept.
        variant: which target, variables and code this load is for.
        digest: of everything it reads.
        root: the project's folder.
        current: digests of the YAML files there are.
        fresh_documents: YAML documents read now, as JSON by digest.
    """

    store: Store
    variant: str
    digest: str
    root: Path
    current: frozenset[str]
    fresh_documents: dict[str, str] = field(default_factory=dict)
    _documents: dict[str, str] | None = None

    def recall(self) -> Project | None:
        """Return the result of an earlier load that read exactly the same."""
        stored = self.store.snapshot(self.variant)
        if stored is None or stored.digest != self.digest:
            return None
        try:
            if not _holds(json.loads(stored.conditions)):
                return None
            texts = Texts(*map(LateTexts, (stored.sql, stored.code, stored.macros)))
            return from_data(unpack(stored.graph), self.root, texts)
        except (ValueError, KeyError, TypeError, AttributeError, zlib.error):
            # Not what was written: a damaged file. Everything is read anew.
            return None

    def records(self, fingerprint: str) -> dict[str, str]:
        """Return what earlier loads rendered with the same macro names."""
        return self.store.records(self._record_variant(fingerprint))

    def document(self, file: SourceFile) -> Any:
        """Return a remembered YAML document; None when it is not remembered."""
        if self._documents is None:
            self._documents = self.store.documents(self.current)
        value = self._documents.get(file.digest)
        return json.loads(value) if value is not None else None

    def keep_document(self, file: SourceFile, value: Any) -> None:
        """Remember a YAML document, if JSON can hold it as it is."""
        if _is_json(value):
            self.fresh_documents[file.digest] = json.dumps(value)

    def keep(
        self, project: Project, templates: Templates, fingerprint: str, env: Mapping[str, str | None]
    ) -> None:
        """Remember this load."""
        variant = self._record_variant(fingerprint)
        stale = templates.known.keys() - templates.used - templates.fresh.keys()
        if templates.fresh or stale:
            self.store.save_records(variant, templates.fresh, stale)
        self.store.save_documents(self.fresh_documents, self.current)
        day = midnight().date().isoformat() if templates.dated else ""
        conditions = json.dumps({"env": env, "day": day})
        texts = (pack(dict(kind)) for kind in (project.sql, project.made_by, project.macro_texts))
        stored = StoredSnapshot(self.digest, conditions, pack(to_data(project)), *texts)
        self.store.save_snapshot(self.variant, stored)

    def _record_variant(self, fingerprint: str) -> str:
        return digest_of(self.variant, fingerprint)


def open_memory(
    cache_dir: Path,
    packages: Packages,
    files: Iterable[SourceFile],
    target: Target,
    command_line: Mapping[str, Any],
) -> Memory:
    """Open the cache for a load."""
    found = list(files)
    root = packages.root.root
    warehouse = sorted(target.values.items(), key=str), target.assumed
    variant = digest_of(code_digest(), str(root), *warehouse, sorted(command_line.items()))
    content = digest_of(
        [*packages.by_name.values()],
        packages.warnings,
        [(f.package, f.kind, f.path, f.digest) for f in found],
    )
    current = frozenset(file.digest for file in found if file.kind == "properties")
    return Memory(store=Store(cache_dir), variant=variant, digest=content, root=root, current=current)


def _holds(conditions: Mapping[str, Any]) -> bool:
    if conditions["day"] not in ("", midnight().date().isoformat()):
        return False
    return all(os.environ.get(name) == value for name, value in conditions["env"].items())


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_json, value.values()))
    if isinstance(value, list):
        return all(map(_is_json, value))
    return value is None or isinstance(value, str | int | float | bool)
