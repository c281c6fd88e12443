"""The SQL of an attempt as the report on its run shows it, with the line at fault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.reports.run_model import Source

if TYPE_CHECKING:
    from sqlorch.domain.history import AttemptRecord, NodeRecord
    from sqlorch.domain.masking import Masker

_LONGEST = 100_000  # letters: a page is to be read


def source_of(
    node: NodeRecord, attempt: AttemptRecord | None, project_dir: Path, mask: Masker
) -> Source | None:
    """What the attempt asked the warehouse; where that is not kept, the file as its author wrote it.

    Args:
        node: the node.
        attempt: its last attempt.
        project_dir: where its file is.
        mask: takes secrets out of it: a page is sent to others.
    """
    written = _read(project_dir / node.path) if node.path.endswith((".sql", ".py")) else None
    language = "python" if node.path.endswith(".py") else "sql"
    line = attempt.line if attempt is not None and attempt.file in {None, node.path} else None
    compiled = _read(Path(attempt.compiled_path)) if attempt is not None and attempt.compiled_path else None
    if compiled is not None:
        mark = line_in(compiled, written or "", line)
        return _source(*_masked(compiled, mark, mask), compiled=True, language=language)
    if written is None or attempt is None:
        return None
    return _source(*_masked(written, line, mask), compiled=False, language=language)


def line_in(compiled: str, written: str, line: int | None) -> int | None:
    """Where a line of the file is in the compiled SQL: the only line of the same words, else None.

    Where both have the same number of lines and the templates on it were filled in, it is the same line.
    """
    lines, made = written.splitlines(), compiled.splitlines()
    if line is None or not 1 <= line <= len(lines):
        return None
    wanted = lines[line - 1].split()
    hits = [number for number, text in enumerate(made, 1) if text.split() == wanted]
    if len(hits) == 1:
        return hits[0]
    same = len(made) == len(lines) and "{" in lines[line - 1]
    return line if same or line in hits else None


def _masked(text: str, mark: int | None, mask: Masker) -> tuple[str, int | None]:
    """Without secrets; a mark is given up where a secret had several lines."""
    clean = mask(text)
    return clean, mark if clean.count("\n") == text.count("\n") else None


def _source(text: str, mark: int | None, *, compiled: bool, language: str) -> Source:
    lines = text.splitlines()
    # dbt leaves empty lines where its macros stood; in the author's file they are counted
    blank = 0 if not compiled else next((number for number, line in enumerate(lines) if line.strip()), 0)
    if blank:
        text = "\n".join(lines[blank:])
        mark = mark - blank if mark is not None and mark > blank else mark
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n-- and {len(text) - _LONGEST:,} more letters"
    return Source(text=text.rstrip(), compiled=compiled, mark=mark, language=language)


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):  # pruned since, or never written; there may be another text to show
        return None
