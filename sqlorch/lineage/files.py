"""Finding a package's files the way dbt does: by folder and extension, without what .dbtignore names."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pathspec

from sqlorch.lineage.project_file import ProjectFile

_HIDDEN = (".", "#", "~")
_SEED_HEADER = 65_536
_NAME = re.compile(r"\s*(?:-\s+)?name:(?P<value>.*)")


@dataclass(slots=True, kw_only=True)
class SourceFile:
    """A file of a package; its text is read when first asked for.

    Attributes:
        package: the package's name.
        kind: ``model``, ``seed``, ``snapshot``, ``analysis``, ``test``, ``generic_test``, ``macro``,
            ``docs``, ``properties`` or ``function``.
        base: the folder of the project it was found in: ``models``.
        relative: its path below the base, with ``/``.
        absolute: where it is.
        data: its bytes; of a seed, only the header's.
        digest: of the bytes.
    """

    package: str
    kind: str
    base: str
    relative: str
    absolute: str
    data: bytes = field(default=b"", repr=False)
    digest: str = ""
    _lines: dict[str, int] | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """Path below the package's root, as dbt's ``original_file_path``."""
        return f"{self.base}/{self.relative}"

    @property
    def stem(self) -> str:
        """The file's name without its extension."""
        return self.relative.rpartition("/")[2].rpartition(".")[0]

    @property
    def text(self) -> str:
        """Its text, stripped as dbt does; bytes that are not UTF-8 are replaced."""
        return self.data.decode("utf-8", errors="replace").replace("\r\n", "\n").strip()

    def line_of_name(self, name: str) -> int:
        """Return the line of a YAML entry's name; 0 when it is not written plainly."""
        if self._lines is None:
            self._lines = {}
            for number, line in enumerate(self.text.splitlines(), start=1):
                match = _NAME.match(line)
                if match:
                    self._lines.setdefault(_scalar(match["value"].strip()), number)
        return self._lines.get(name, 0)


def _scalar(value: str) -> str:
    """A YAML value on one line without its quotes or its comment."""
    if value[:1] in {"'", '"'}:
        return value[1:].partition(value[0])[0]
    return value.partition("#")[0].rstrip()


_WANTED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("macro", "macro", (".sql",)),
    ("model", "model", (".sql", ".py")),
    ("snapshot", "snapshot", (".sql",)),
    ("analysis", "analysis", (".sql",)),
    ("test", "test", (".sql",)),
    ("seed", "seed", (".csv",)),
    ("function", "function", (".sql", ".py")),
)


def find_files(project: ProjectFile) -> list[SourceFile]:
    """Return every file of a package that means something, read, sorted by kind and path."""
    ignored = _ignored(project.root)
    found: list[SourceFile] = []
    for folder, kind, extensions in _WANTED:
        for base in project.paths[folder]:
            found += _find(project, base, kind, extensions, ignored)
    for base in project.all_paths:
        found += _find(project, base, "properties", (".yml", ".yaml"), ignored)
    for base in project.docs_paths or project.all_paths:
        found += _find(project, base, "docs", (".md",), ignored)
    for file in found:
        _read(file)
    return found


def _find(
    project: ProjectFile, base: str, kind: str, extensions: tuple[str, ...], ignored: pathspec.PathSpec | None
) -> Iterator[SourceFile]:
    top = os.path.join(project.root, base)  # noqa: PTH118 # os.walk speaks strings, and this runs for every file
    for relative in sorted(_walk(top, extensions)):
        if ignored is not None and ignored.match_file(f"{base}/{relative}"):
            continue
        actual = kind
        if kind == "test":
            first = relative.partition("/")[0]
            if first == "fixtures":
                continue
            actual = "generic_test" if first == "generic" else kind
        yield SourceFile(
            package=project.name,
            kind=actual,
            base=base.rstrip("/"),
            relative=relative,
            absolute=f"{top}/{relative}",
        )


def _walk(top: str, extensions: tuple[str, ...]) -> Iterator[str]:
    for folder, _folders, names in os.walk(top):
        prefix = os.path.relpath(folder, top).replace(os.sep, "/") + "/"
        prefix = "" if prefix == "./" else prefix
        for name in names:
            if name.lower().endswith(extensions) and not name.startswith(_HIDDEN):
                yield prefix + name


def _ignored(root: Path) -> pathspec.PathSpec | None:
    path = root / ".dbtignore"
    if not path.is_file():
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return pathspec.PathSpec.from_lines("gitwildmatch", lines)


def _read(file: SourceFile) -> None:
    try:
        with open(file.absolute, "rb") as handle:  # noqa: PTH123 # as above
            file.data = handle.readline(_SEED_HEADER) if file.kind == "seed" else handle.read()
    except OSError:
        # It vanished, or may not be read, between listing and reading: as if it were empty.
        file.data = b""
    file.digest = hashlib.blake2b(file.data, digest_size=12).hexdigest()
