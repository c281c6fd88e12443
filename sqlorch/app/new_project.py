"""``sqlorch init``: a folder with a dbt project that runs at once on DuckDB."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING

from sqlorch.config.json_schema import settings_schema
from sqlorch.config.places import shown
from sqlorch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

SCHEMA_FILE = ".sqlorch-schema.json"
_PLACEHOLDER = "PROJECT_NAME"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}", re.ASCII)
_RENAMED = {"gitignore": ".gitignore"}  # a real one would hide files of our own repository
_TAKEN = re.compile(r"dbt(_(duckdb|postgres))?", re.IGNORECASE)  # packages that dbt itself brings


def make_project(folder: Path) -> list[str]:
    """Write a new project; its name is the folder's.

    Args:
        folder: does not exist, or is empty; folders above it are made as needed.

    Returns:
        The files written, relative to the folder, sorted.

    Raises:
        ConfigError: the name is none that dbt takes, or something is there already.
        OSError: it cannot be written; nothing is left of it then.
    """
    folder = folder.resolve()
    name = _checked_name(folder.name)
    _refuse_occupied(folder)
    texts = {
        path: text.replace(_PLACEHOLDER, name) for path, text in _template(files("sqlorch") / "templates")
    }
    texts[SCHEMA_FILE] = json.dumps(settings_schema(), indent=2) + "\n"
    with _all_or_nothing(folder):
        for path, text in texts.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
    return sorted(texts)


def suggested_name(name: str) -> str:
    """The nearest name dbt takes: letters, digits and ``_``, no digit first, at most 63 of them."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", bare).strip("_").lower()
    if not plain or plain[0].isdigit() or _TAKEN.fullmatch(plain):
        plain = f"my_{plain or 'warehouse'}"
    return plain[:63]


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) and not _TAKEN.fullmatch(name):
        return name
    why = (
        "dbt has a package of that name"
        if _TAKEN.fullmatch(name)
        else "it is 1 to 63 letters, digits and '_', and does not begin with a digit"
    )
    raise ConfigError(
        f"{shown(name)} cannot be the name of a dbt project: {why}; try: sqlorch init {suggested_name(name)}"
    )


def _refuse_occupied(folder: Path) -> None:
    if folder.is_dir():
        if any(folder.iterdir()):
            raise ConfigError(f"the folder {folder} is not empty; choose another name, or empty it first")
    elif folder.exists() or folder.is_symlink():
        raise ConfigError(f"{folder} exists and is no folder; choose another name")


def _template(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Relative path and text of every file of the template."""
    for entry in folder.iterdir():
        path = prefix + _RENAMED.get(entry.name, entry.name)
        if entry.is_dir():
            yield from _template(entry, f"{path}/")
        else:
            yield path, entry.read_text(encoding="utf-8")


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[None]:
    """Make the folder; when the block fails, leave what was there before: no folder, or an empty one."""
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        if not existed:
            folder.rmdir()
        raise
