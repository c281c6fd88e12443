"""dbt's exceptions in one sentence of ours: what, where (``file:line``), what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from dbt_common.exceptions.base import DbtBaseException

from sqlorch.domain.errors import ExecutionError, ProjectError, SqlorchError

_FRAME = re.compile(
    r"^\s*(Runtime|Database|Compilation|Parsing|Validation|dbt) Error( in .*\((?P<file>[^()]+)\))?\s*$"
)
_NOT_FOUND = re.compile(
    r"'(?P<node>[^']+)' \((?P<file>[^)]+)\) depends on a (?P<kind>node|source) named '(?P<name>[^']+)'"
    r"(?P<package> in package or project '[^']+')? which (?P<why>was not found|is disabled)"
)
_YAML = re.compile(r"Error reading [^:]+: (?P<file>\S+) - |Syntax error near line (?P<line>\d+)")
_TWIN = re.compile(r"^\s*- (?P<node>\S+) \((?P<file>[^)]+)\)\s*$", re.MULTILINE)


def worded(error: BaseException, *, project_dir: Path, names: Callable[[], list[str]] = list) -> SqlorchError:
    """Put an exception that dbt or a driver raised while a project was opened into our words.

    Args:
        error: what was raised.
        project_dir: root of the project, to find lines and to shorten paths.
        names: names a reference could have meant, asked only when one was not found.

    Returns:
        The error to raise, :class:`ExecutionError` when the warehouse is to blame, else
        :class:`ProjectError`.

    Raises:
        BaseException: ``error`` itself, when it is neither dbt's nor a driver's: that is a bug to be seen.
    """
    if isinstance(error, SqlorchError):
        return error
    text = str(error).strip()
    if _is_connection(error):
        return ExecutionError(
            f"the warehouse cannot be reached: {_flat(_unframed(text))}; check the target in profiles.yml"
        )
    if not isinstance(error, DbtBaseException):
        if isinstance(error, OSError):
            return ExecutionError(f"{error.strerror or error}: {error.filename or project_dir}")
        raise error
    for reading in (_missing_reference, _duplicate, _broken_yaml):
        found = reading(text, project_dir, names)
        if found is not None:
            return ProjectError(found)
    return ProjectError(_general(text, project_dir))


def _is_connection(error: BaseException) -> bool:
    name, module = type(error).__name__, type(error).__module__
    return name == "FailedToConnectError" or (
        "duckdb" in module and name in {"IOException", "ConnectionException"}
    )


def _missing_reference(text: str, root: Path, names: Callable[[], list[str]]) -> str | None:
    found = _NOT_FOUND.search(text)
    if found is None:
        return None
    name, kind = found["name"], "source" if found["kind"] == "source" else "ref"
    where = _place(root, found["file"], name.rsplit(".", 1)[-1])
    if found["why"] == "is disabled":
        return f"{where}: {kind} to '{name}', which is disabled; enable it or drop the {kind}"
    near = get_close_matches(name, names(), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "no node of that name exists"
    return f"{where}: {kind} to '{name}'{found['package'] or ''}, which was not found; {hint}"


def _duplicate(text: str, _root: Path, _names: Callable[[], list[str]]) -> str | None:
    twins = _TWIN.findall(text)
    if "with the name" not in text or not twins:
        return None
    places = " and ".join(sorted({file for _, file in twins}))
    return (
        f"{places}: {len(twins)} nodes are called '{twins[0][0].split('.')[-1]}'; rename all but one of them"
    )


def _broken_yaml(text: str, root: Path, _names: Callable[[], list[str]]) -> str | None:
    if "Syntax error near line" not in text:
        return None
    groups = [found.groupdict() for found in _YAML.finditer(text)]
    file = next((g["file"] for g in groups if g["file"]), None)
    line = next((g["line"] for g in groups if g["line"]), "1")
    raw = [part.strip() for part in text.rsplit("Raw Error:", maxsplit=1)[-1].splitlines()]
    reason = next(
        (part for part in raw if part.startswith(("did not", "could not", "found", "mapping", "expected"))),
        "",
    )
    name = _locate(root, file) if file else "dbt_project.yml"
    return f"{name}:{line}: not valid YAML{': ' + reason if reason else ''}"


def _general(text: str, root: Path) -> str:
    framed = next(
        (found["file"] for line in text.splitlines() if (found := _FRAME.match(line)) and found["file"]), None
    )
    line = re.search(r"^\s*line (\d+)\s*$", text, re.MULTILINE)
    sentence = _flat(re.split(r"^\s*line \d+\s*$", _unframed(text), maxsplit=1, flags=re.MULTILINE)[0])
    if framed is None:
        return sentence
    where = f"{framed}:{line[1]}" if line else _place(root, framed, _quoted(sentence))
    return f"{where}: {sentence}"


def _quoted(sentence: str) -> str:
    found = re.search(r"'([^']+)'", sentence)
    return found[1] if found else ""


def _unframed(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not _FRAME.match(line))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _locate(root: Path, file: str) -> str:
    """Dbt names a YAML file by its base name when it cannot be read; find it below the project."""
    hits = [path for path in root.rglob(Path(file).name) if "dbt_packages" not in path.parts]
    return hits[0].relative_to(root).as_posix() if len(hits) == 1 else file


def _place(root: Path, file: str, token: str) -> str:
    """``file:line`` of the first line that mentions ``token``, ``file`` alone where none does."""
    try:
        lines = (root / file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return file
    number = next(
        (n for n, line in enumerate(lines, 1) if token and re.search(rf"\b{re.escape(token)}\b", line)), None
    )
    return f"{file}:{number}" if number else file
