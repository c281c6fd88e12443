"""Safe YAML with locations.

The text is read event by event, without recursion, and refused as soon as it is deeper, larger or cleverer
than settings need to be: PyYAML by itself ends in a RecursionError on deep nesting, expands aliases without
bound and lets the last of two equal keys win silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, NoReturn

import yaml

from sqlorch.config.places import Document, Path, Place, file_name, shown
from sqlorch.config.scalars import resolve
from sqlorch.config.yaml_errors import describe, place_at
from sqlorch.domain.errors import ConfigError

MAX_DEPTH = 50
MAX_NODES = 10_000
MAX_BYTES = 1_000_000

# The C parser is many times faster; a PyYAML built without libyaml lacks it and answers alike.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(file: FilePath) -> str:
    """Read a settings file of at most 1 MB, in UTF-8.

    Raises:
        ConfigError: it cannot be read, is larger, or is not UTF-8.
    """
    name = file_name(file)
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{name} cannot be read: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{name} is larger than {MAX_BYTES:,} bytes, too large for a settings file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: the file is not UTF-8; save it in UTF-8") from error


def load_yaml(text: str, source: str) -> Document:
    """Read one YAML document into plain data that remembers where each part was written.

    Mapping keys are always their source text (``off:`` is the key ``off``); scalars follow
    :func:`sqlorch.config.scalars.resolve`. An empty text gives ``None``.

    Args:
        text: the YAML.
        source: what messages call it, usually the file's path.

    Raises:
        ConfigError: not YAML, or one of what is refused: aliases, anchors, tags, keys that are not scalars or
            are written twice, a second document, more than 50 levels or 10,000 nodes.
    """
    builder = _Builder(source)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.YAMLError as error:
        raise ConfigError(describe(error, text, source)) from error
    return builder.document()


def _events(text: str) -> Iterator[Any]:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise yaml.reader.ReaderError(
            "", error.start, ord(text[error.start]), "unicode", "surrogates are not allowed"
        ) from error
    yield from yaml.parse(text, Loader=LOADER)


@dataclass(slots=True)
class _Frame:
    """A mapping or list being filled; ``key`` is the key that waits for its value."""

    container: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None


class _Builder:
    """Turns parser events into a :class:`Document`."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._stack: list[_Frame] = []
        self._values: dict[Path, Place] = {}
        self._keys: dict[Path, Place] = {}
        self._root: Any = None
        self._nodes = 0
        self._documents = 0

    def document(self) -> Document:
        self._values.setdefault((), Place(self._source, 1, 1))
        return Document(data=self._root, values=self._values, keys=self._keys)

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._refuse(event, "a second YAML document starts here; keep one and remove this '---'")
        elif isinstance(event, yaml.AliasEvent):
            alias = shown(event.anchor)[1:-1]
            self._refuse(
                event,
                f"aliases such as *{alias} are not supported; repeat the value, or quote it if it is text",
            )
        elif isinstance(event, yaml.NodeEvent):
            self._take_node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()

    def _take_node(self, event: yaml.NodeEvent) -> None:
        self._check(event)
        if self._stack and isinstance(self._stack[-1].container, dict) and self._stack[-1].key is None:
            self._take_key(event, self._stack[-1])
            return
        if isinstance(event, yaml.ScalarEvent):
            # implicit[0]: written without quotes, so that its text decides what it is.
            self._place(resolve(event.value) if event.implicit[0] else event.value, event)
            return
        container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._place(container, event)
        if len(self._stack) == MAX_DEPTH:
            self._refuse(event, f"this is nested more than {MAX_DEPTH} levels deep")
        self._stack.append(_Frame(container, path))

    def _take_key(self, event: yaml.NodeEvent, frame: _Frame) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(
                event, "a key must be plain text, not a list or a mapping; braces of Jinja need quotes"
            )
        key = event.value
        path = (*frame.path, key)
        if path in self._keys:
            self._refuse(
                event, f"the key {shown(key)} is written twice, first in line {self._keys[path].line}"
            )
        self._keys[path] = self._at(event)
        frame.key = key

    def _place(self, value: object, event: yaml.NodeEvent) -> Path:
        path: Path = ()
        if self._stack:
            frame = self._stack[-1]
            if isinstance(frame.container, list):
                path = (*frame.path, len(frame.container))
                frame.container.append(value)
            else:
                path = (*frame.path, frame.key or "")
                frame.container[frame.key or ""] = value
                frame.key = None
        else:
            self._root = value
        self._values[path] = self._at(event)
        return path

    def _check(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._refuse(event, f"there are more than {MAX_NODES:,} values, too many for a settings file")
        if event.anchor is not None:
            self._refuse(
                event, f"anchors such as &{shown(event.anchor)[1:-1]} are not supported; repeat the value"
            )
        if event.tag is not None:
            self._refuse(event, f"tags such as {shown(event.tag)[1:-1]} are not supported; remove it")

    def _at(self, event: Any) -> Place:
        return place_at(event.start_mark, self._source)

    def _refuse(self, event: object, sentence: str) -> NoReturn:
        raise ConfigError(f"{self._at(event)}: {sentence}")
