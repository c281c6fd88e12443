"""Properties files: the entries of ``models:``, ``sources:``, ``exposures:`` and so on, rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlorch.domain.errors import ProjectError
from sqlorch.lineage.files import SourceFile
from sqlorch.lineage.jinja.functions import TemplateFaultError
from sqlorch.lineage.jinja.renderer import HAS_JINJA
from sqlorch.lineage.project import DeclaredColumn, LoadWarning
from sqlorch.lineage.text import YamlText, skip_in_properties, skip_in_sources
from sqlorch.lineage.yaml_io import load_yaml

KEYS = (
    "models",
    "seeds",
    "snapshots",
    "sources",
    "data_tests",
    "analyses",
    "exposures",
    "functions",
    "metrics",
    "groups",
    "semantic_models",
    "unit_tests",
    "saved_queries",
)
_INTO_CONFIG = ("meta", "docs", "group", "contract", "access")
_BLOCK_SCALAR = re.compile(r"[|>][-+]?\s*$", re.MULTILINE)


def _forgets(_file: SourceFile) -> Any:
    return None


def _drops(_file: SourceFile, _value: Any) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a properties file.

    Attributes:
        key: the list it stands in: ``models``, ...
        name: its name.
        data: everything it says.
        file: where it stands.
    """

    key: str
    name: str
    data: Mapping[str, Any]
    file: SourceFile

    def line(self) -> int:
        """Return the line of its name, found in the text; 0 when it is not written plainly."""
        return self.file.line_of_name(self.name)


@dataclass(slots=True, kw_only=True)
class PropertiesReader:
    """Reads properties files.

    Attributes:
        texts: renders their strings.
        warnings: files and entries left out.
        recall: returns a document read earlier, or None.
        keep: is given each document read now.
    """

    texts: YamlText
    warnings: list[LoadWarning]
    recall: Callable[[SourceFile], Any] = _forgets
    keep: Callable[[SourceFile, Any], None] = _drops

    def read(self, files: Iterable[SourceFile]) -> list[Entry]:
        """Return every entry of the given files."""
        found: list[Entry] = []
        for file in files:
            self.texts.enter(file.package)
            found += self._read_file(file)
        return found

    def _read_file(self, file: SourceFile) -> list[Entry]:
        text = file.text
        try:
            data = self._load(file, text)
        except ProjectError as error:
            place, _, reason = str(error).removeprefix(file.path).lstrip(":").partition(" ")
            line = int(place) if place.isdigit() else 0
            self._warn(file, f"it {reason}; its properties are left out", line)
            return []
        if not isinstance(data, Mapping):
            if data is not None:
                self._warn(file, "it is not a mapping; its properties are left out")
            return []
        templated = HAS_JINJA.search(text) is not None or _BLOCK_SCALAR.search(text) is not None
        return [
            entry
            for key in KEYS
            for item in self._items(file, data, key)
            if (entry := self._entry(file, key, item, templated=templated)) is not None
        ]

    def _load(self, file: SourceFile, text: str) -> Any:
        data = self.recall(file)
        if data is None:
            data = load_yaml(text, file.path)
            self.keep(file, data)
        return data

    def _items(self, file: SourceFile, data: Mapping[Any, Any], key: str) -> list[Any]:
        value = data.get(key)
        if isinstance(value, list):
            return value
        if value is not None:
            self._warn(file, f"'{key}' is not a list; it is left out")
        return []

    def _entry(self, file: SourceFile, key: str, item: Any, *, templated: bool) -> Entry | None:
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
            self._warn(file, f"an entry of '{key}' has no name; it is left out")
            return None
        data = {str(k): v for k, v in item.items()}
        if templated or "versions" in data:
            skip = skip_in_sources if key == "sources" else skip_in_properties
            try:
                data = self.texts.deep(data, skip)
            except TemplateFaultError as problem:
                self._warn(file, f"in {key} '{item['name']}': {problem}; the entry is read as written")
        return Entry(key=key, name=str(data["name"]), data=data, file=file)

    def _warn(self, file: SourceFile, message: str, line: int = 0) -> None:
        self.warnings.append(LoadWarning(path=file.path, line=line, message=message, kind="invalid"))


def config_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``config:`` of an entry, with what may also stand beside it."""
    config = dict(mapping(data.get("config")))
    for key in _INTO_CONFIG:
        if key in data and key not in config:
            config[key] = data[key]
    return config


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def entries(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings of a list; anything else is left out."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def tests_of(data: Mapping[str, Any]) -> list[Any]:
    """Return the data tests of an entry or a column, under either of their names."""
    value = data.get("data_tests") or data.get("tests")
    return value if isinstance(value, list) else []


def columns_of(columns: Iterable[Mapping[str, Any]]) -> tuple[DeclaredColumn, ...]:
    """Return the declared columns."""
    return tuple(
        DeclaredColumn(
            name=str(column["name"]),
            data_type=str(column.get("data_type") or ""),
            description=str(column.get("description") or ""),
        )
        for column in columns
        if column.get("name") is not None
    )
