"""Reading YAML fast and safely: C loader, no objects, bounded depth and size."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sqlorch.domain.errors import ProjectError

MAX_DEPTH = 100
MAX_VALUES = 500_000
MAX_CHARACTERS = 3_000_000

# What deep or exploding documents need: brackets, several indicators on a line, wide indentation, aliases.
_SUSPICIOUS = re.compile(r"[\[{][\s\[{]{40}|(?:[-?:]\s){40}|^ {200}|[\s,\[:-]\*\w", re.MULTILINE)
_BRACKETS = 200


def load_yaml(text: str, where: str) -> Any:
    """Read a YAML document.

    Args:
        text: the document.
        where: the file, for the message.

    Raises:
        ProjectError: it is not YAML, or it is nested or repeated beyond reason.
    """
    try:
        if len(text) > MAX_CHARACTERS:
            raise ProjectError(f"{where} has more than {MAX_CHARACTERS:,} characters; split the file")
        if _SUSPICIOUS.search(text) or text.count("[") + text.count("{") > _BRACKETS:
            _check_shape(text, where)
        return yaml.load(text, Loader=yaml.CSafeLoader)  # it is the safe loader, in C
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProjectError(f"{where}:{line} is not valid YAML: {error.problem}; fix this line") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ProjectError(f"{where} is not valid YAML: {reason}") from error


def read_yaml(path: Path, where: str) -> Any:
    """Read a YAML file that must exist.

    Raises:
        ProjectError: it cannot be read, is not UTF-8, or is not YAML.
    """
    try:
        return load_yaml(path.read_text(encoding="utf-8"), where)
    except OSError as error:
        raise ProjectError(f"{where} cannot be read: {error.strerror}; check that {path} exists") from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"{where} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def _check_shape(text: str, where: str) -> None:
    # Events come from an iterative parser, so a document may be as deep as it likes here.
    shape = _Shape()
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        fault = shape.take(event)
        if fault:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise ProjectError(f"{where}:{line} {fault}; simplify the document")


@dataclass(slots=True)
class _Shape:
    """Depth and expanded size of a document, event by event."""

    depth: int = 0
    size: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    opened: list[tuple[int, str, int]] = field(default_factory=list)

    def take(self, event: yaml.Event) -> str:
        """Count an event; return what is wrong, or ""."""
        if isinstance(event, yaml.CollectionStartEvent):
            self.depth += 1
            if event.anchor:
                self.opened.append((self.depth, event.anchor, self.size))
        elif isinstance(event, yaml.CollectionEndEvent):
            if self.opened and self.opened[-1][0] == self.depth:
                _, anchor, before = self.opened.pop()
                self.sizes[anchor] = self.size - before
            self.depth -= 1
        elif isinstance(event, yaml.AliasEvent) and any(event.anchor == name for _, name, _ in self.opened):
            return "has an alias that contains itself"
        self.size += self.sizes.get(event.anchor or "", 1) if isinstance(event, yaml.AliasEvent) else 1
        if self.depth > MAX_DEPTH:
            return f"has more than {MAX_DEPTH} levels"
        return f"has more than {MAX_VALUES:,} values" if self.size > MAX_VALUES else ""
