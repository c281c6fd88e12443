"""Descriptions: ``{{ doc('x') }}`` is replaced by the block of that name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlorch.lineage.files import SourceFile
from sqlorch.lineage.jinja.blocks import find_blocks

_DOCS = frozenset({"docs"})
_DOC = re.compile(
    r"\{\{-?\s*doc\(\s*(?P<q>['\"])(?P<first>[^'\"]+)(?P=q)"
    r"(?:\s*,\s*(?P<p>['\"])(?P<second>[^'\"]+)(?P=p))?\s*\)\s*-?\}\}"
)


class Descriptions:
    """The documentation blocks of all packages.

    Args:
        files: their Markdown files; read when the first description asks.
        root: the root project, which comes first.
    """

    def __init__(self, files: Iterable[SourceFile], root: str) -> None:
        self._files = list(files)
        self._root = root
        self._blocks: dict[str, dict[str, str]] | None = None

    def render(self, text: str, package: str) -> str:
        """Return a description with its blocks in place; an unknown block leaves nothing."""
        if "doc" not in text or "{{" not in text:
            return text
        return _DOC.sub(lambda match: self._find(match["first"], match["second"], package), text)

    def _find(self, first: str, second: str | None, package: str) -> str:
        by_package = self._read().get(second or first, {})
        wanted = [first] if second else [self._root, package, *by_package]
        return next((by_package[name] for name in wanted if name in by_package), "")

    def _read(self) -> dict[str, dict[str, str]]:
        if self._blocks is None:
            self._blocks = {}
            for file in self._files:
                for block in find_blocks(file.text, _DOCS):
                    self._blocks.setdefault(block.name, {})[file.package] = block.body.strip()
        return self._blocks
