"""Reading YAML fast and safely: C loader, no objects, bounded depth and size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from sqlorch.domain.errors import ProjectError

MAX_DEPTH = 100
MAX_VALUES = 2_000_000
MAX_CHARACTERS = 20_000_000

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
    depth, size = 0, 0
    sizes: dict[str, int] = {}
    open_anchors: list[tuple[int, str, int]] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if event.anchor:
                open_anchors.append((depth, event.anchor, size))
        elif isinstance(event, yaml.CollectionEndEvent):
            if open_anchors and open_anchors[-1][0] == depth:
                _, anchor, before = open_anchors.pop()
                sizes[anchor] = size - before
            depth -= 1
        size += sizes.get(event.anchor or "", 1) if isinstance(event, yaml.AliasEvent) else 1
        if depth > MAX_DEPTH or size > MAX_VALUES:
            line = event.start_mark.line + 1 if event.start_mark else 0
            what = (
                f"more than {MAX_DEPTH} levels" if depth > MAX_DEPTH else f"more than {MAX_VALUES:,} values"
            )
            raise ProjectError(f"{where}:{line} has {what}; simplify the document")
