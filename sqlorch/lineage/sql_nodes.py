"""Nodes that are files: models, seeds, snapshots, singular tests, analyses and functions."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from sqlorch.lineage.draft import Draft
from sqlorch.lineage.files import SourceFile
from sqlorch.lineage.jinja.blocks import find_blocks
from sqlorch.lineage.project import DeclaredColumn
from sqlorch.lineage.python_model import read_python_model
from sqlorch.lineage.templates import Templates

_SNAPSHOT = frozenset({"snapshot"})
_PLAIN_KINDS = frozenset({"model", "analysis", "test", "seed", "function"})


def read_file_nodes(files: Iterable[SourceFile], templates: Templates) -> Iterator[Draft]:
    """Yield the nodes that files of a package are."""
    for file in files:
        if file.kind == "snapshot":
            yield from _snapshots(file, templates)
        elif file.kind in _PLAIN_KINDS:
            yield _plain(file, templates)


def folder_of(relative: str) -> list[str]:
    """Return the folders of a relative path."""
    return relative.split("/")[:-1]


def _plain(file: SourceFile, templates: Templates) -> Draft:
    prefix = ["analysis"] if file.kind == "analysis" else []
    draft = Draft(
        unique_id=f"{file.kind}.{file.package}.{file.stem}",
        kind=file.kind,
        name=file.stem,
        package=file.package,
        path=file.path,
        fqn=[file.package, *prefix, *folder_of(file.relative), file.stem],
        base=file.stem,
    )
    if file.kind == "seed":
        draft.columns = _header(file)
        return draft
    draft.raw = file.text
    if file.relative.endswith(".py"):
        draft.finding = read_python_model(draft.raw)
    else:
        draft.finding = templates.render(draft.subject(), draft.raw)
    return draft


def _snapshots(file: SourceFile, templates: Templates) -> Iterator[Draft]:
    # The file is part of the path by which a snapshot is configured.
    for block in find_blocks(file.text, _SNAPSHOT):
        draft = Draft(
            unique_id=f"snapshot.{file.package}.{block.name}",
            kind="snapshot",
            name=block.name,
            package=file.package,
            path=file.path,
            fqn=[file.package, *folder_of(file.relative), file.stem, block.name],
            base=block.name,
            raw=block.body,
            line=block.line,
        )
        draft.finding = templates.render(draft.subject(), block.body)
        yield draft


def _header(file: SourceFile) -> tuple[DeclaredColumn, ...]:
    line = file.data.decode("utf-8-sig", errors="replace").strip()
    try:
        names = next(csv.reader([line]), [])
    except csv.Error:
        names = []
    return tuple(DeclaredColumn(name=name.strip()) for name in names if name.strip())
