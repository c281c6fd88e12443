"""dbt's exceptions in one sentence of ours: what, where (``file:line``), what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from dbt_common.dataclass_schema import ValidationError
from dbt_common.exceptions.base import DbtBaseException

from sqlorch.dbt.culprit import file_in_hand
from sqlorch.dbt.profile_messages import place_of_word, profile_message
from sqlorch.domain.errors import ExecutionError, ProjectError, SqlorchError

_FRAME = re.compile(
    r"^\s*(Runtime|Database|Compilation|Parsing|Validation|dbt) Error( in .*\((?P<file>[^()]+)\))?\s*$"
)
_NOT_FOUND = re.compile(
    r"'(?P<node>[^']+)' \((?P<file>[^)]+)\) depends on a (?P<kind>node|source) named '(?P<name>[^']+)'"
    r"(?P<package> in package or project '[^']+')? which (?P<why>was not found|is disabled)"
)
_TWIN = re.compile(r"^\s*- (?P<node>\S+) \((?P<file>[^)]+)\)\s*$", re.MULTILINE)


def worded(
    error: BaseException, *, project_dir: Path, profiles_dir: Path, names: Callable[[], list[str]] = list
) -> SqlorchError:
    """Put an exception that dbt or a driver raised while a project was opened into our words.

    Args:
        error: what was raised.
        project_dir: root of the project, to find lines and to shorten paths.
        profiles_dir: folder of ``profiles.yml``.
        names: names a reference could have meant, asked only when one was not found.

    Returns:
        The error to raise, :class:`ExecutionError` when the warehouse is to blame, else
        :class:`ProjectError`.

    Raises:
        BaseException: ``error`` itself, when it is neither dbt's nor a driver's: that is a bug to be seen.
    """
    if isinstance(error, SqlorchError):
        return error
    if _is_connection(error):
        said = _flat(_unframed(str(error).strip()))
        return ExecutionError(f"the warehouse cannot be reached: {said}; check the target in profiles.yml")
    if isinstance(error, UnicodeDecodeError):
        return ProjectError(f"{file_in_hand(error) or project_dir}: not UTF-8: {_unreadable_bytes(error)}")
    if isinstance(error, DbtBaseException | ValidationError):
        return ProjectError(_sentence(error, project_dir, profiles_dir, names))
    if isinstance(error, OSError):
        return ExecutionError(f"{error.strerror or error}: {error.filename or project_dir}")
    raise error


def _sentence(
    error: BaseException, project_dir: Path, profiles_dir: Path, names: Callable[[], list[str]]
) -> str:
    text = str(error).strip()
    if "read your profiles.yml file" in text:
        return _syntax(text, str(profiles_dir / "profiles.yml"))
    about_profile = profile_message(text, project_dir, profiles_dir)
    if about_profile is not None:
        return about_profile
    for reading in (_missing_reference, _duplicate, _same_relation, _broken_yaml):
        found = reading(text, project_dir, names)
        if found is not None:
            return found
    return _general(text, project_dir, file_in_hand(error))


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
    found = re.search(r"Error reading [^:]+: (\S+) - ", text)
    return _syntax(text, _locate(root, found[1]) if found else "dbt_project.yml")


def _syntax(text: str, name: str) -> str:
    found = re.search(r"Syntax error near line (\d+)", text)
    raw = [part.strip() for part in text.rsplit("Raw Error:", maxsplit=1)[-1].splitlines()]
    reason = next(
        (part for part in raw if part.startswith(("did not", "could not", "found", "mapping", "expected"))),
        "",
    )
    return f"{name}:{found[1] if found else 1}: not valid YAML{': ' + reason if reason else ''}"


def _same_relation(text: str, _root: Path, _names: Callable[[], list[str]]) -> str | None:
    twins = _TWIN.findall(text)
    found = re.search(r'the database representation "(?P<relation>.+)"\.', text)
    if found is None or not twins:
        return None
    places = " and ".join(file for _, file in twins)
    relation = found["relation"].replace('"', "")
    return f"{places}: these would be the same relation {relation}; give one of them another alias or schema"


def _unreadable_bytes(error: UnicodeDecodeError) -> str:
    line = error.object[: error.start].count(b"\n") + 1
    return f"the byte {error.object[error.start]:#04x} in line {line} is no text; save the file as UTF-8"


def _general(text: str, root: Path, in_hand: str | None) -> str:
    framed = next(
        (found["file"] for line in text.splitlines() if (found := _FRAME.match(line)) and found["file"]), None
    )
    framed = framed.removeprefix("./") if framed else None
    line = re.search(r"^\s*line (\d+)\s*$", text, re.MULTILINE)
    sentence = _flat(re.split(r"^\s*line \d+\s*$", _unframed(text), maxsplit=1, flags=re.MULTILINE)[0])
    if framed is None and in_hand is not None and in_hand not in sentence:
        found = re.search(r"\(searched from line (\d+)\)|\['(\w+)'\]", sentence)
        if found and found[1]:
            return f"{in_hand}:{found[1]}: {sentence}"
        return f"{_place(root, in_hand, found[2] if found else _quoted(sentence))}: {sentence}"
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
    where = place_of_word(root / file, token) if token else file
    return f"{file}{where.removeprefix(str(root / file))}" if where != file else file
