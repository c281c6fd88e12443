"""What an exception of dbt or of an adapter says: where the mistake is, and its words on one line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlorch.domain.retry import causes

_LINE = re.compile(r"^\s*LINE (\d+):\s?(.*)$", re.MULTILINE)
_SUGGESTION = re.compile(r"(Did you mean|Candidate bindings|Perhaps you meant).*", re.DOTALL)
_TRAIL = re.compile(r"^(> (in macro|called by) |compiled code at )")
_CARETS = re.compile(r"^[\^~ ]+$")
_FRAME = re.compile(r"^(Runtime|Database|Compilation|Parsing) Error( in .*)?$")
_NO_VARIABLE = re.compile(r"Required var '(\w+)' not found in config")
_JINJA_LINE = re.compile(r"^\s*line (\d+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a mistake was found: a line of the compiled SQL (``compiled``) or of the source file."""

    line: int
    text: str
    compiled: bool


def let_go_of_frames(error: BaseException) -> None:
    """Drop the tracebacks: their frames hold the connection, and so a DuckDB file open, until collected."""
    for cause in causes(error):
        cause.__traceback__ = None


def place_of(message: str) -> Place | None:
    """The line a database or Jinja names in its message, if it names one."""
    found = _LINE.search(message)
    if found:
        return Place(line=int(found[1]), text=found[2].strip().removesuffix("...").strip("."), compiled=True)
    found = _JINJA_LINE.search(message)
    if found:
        return Place(line=int(found[1]), text="", compiled=False)
    return None


def mentioned_line(text: str, message: str) -> int | None:
    """The first line of a file that mentions what an error puts in quotes (``'foo' is undefined``).

    What the error offers instead (``Did you mean "bar"?``) is no mistake of the file's.
    """
    for token in re.findall(r"""['"]([\w.]+)['"]""", _SUGGESTION.sub("", message)):
        found = first_line_with(text, token)
        if found:
            return found
    return None


def first_line_with(text: str, word: str) -> int | None:
    """Number of the first line that holds a word, None without one."""
    wanted = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    return next((n for n, line in enumerate(text.splitlines(), 1) if wanted.search(line)), None)


def source_line(raw_code: str, place: Place, compiled_code: str = "") -> int | None:
    """The line of the model's own file that the place stands on.

    The database counts lines of the statement around the compiled SQL; the text of the line is looked for in
    the file, then in the compiled SQL where that has the file's lines one by one. Only a single hit counts.
    """
    if not place.compiled:
        return place.line
    wanted = _squeeze(place.text)
    if not wanted:
        return None
    texts = [raw_code]
    if compiled_code.count("\n") == raw_code.count("\n"):
        texts.append(compiled_code)
    for text in texts:
        hits = [number for number, line in enumerate(text.splitlines(), 1) if wanted in _squeeze(line)]
        if len(hits) == 1:
            return hits[0]
    return None


def one_line(message: str, *, placed: bool = False) -> str:
    """An error as one line for a table or a summary: dbt's framing, macro trails and carets taken off.

    Args:
        message: what dbt or the database said.
        placed: the line of the file is known, so that of the compiled SQL would only confuse.
    """
    missing = _NO_VARIABLE.search(message)
    if missing:
        name = missing[1]
        given = f"--vars '{{{name}: ...}}'"
        return f"the variable '{name}' has no value: give it one with {given} or in dbt_project.yml"
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    if len(lines) > 1 and _FRAME.match(lines[0]):
        lines = lines[1:]
    kept = [line for line in lines if not _TRAIL.match(line) and not _CARETS.match(line)]
    if placed:
        kept = [line for line in kept if not _LINE.match(line)] or kept
    return " ".join(kept)


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().lower()
