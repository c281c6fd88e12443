"""Secrets that ``sqlorch.yml`` points to instead of holding them: ``env:NAME`` and ``file:PATH``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlorch.domain.errors import ConfigError

ENV, FILE = "env:", "file:"
STATE_URL = "SQLORCH_STATE_URL"


def resolve_reference(reference: str, environ: Mapping[str, str], project_dir: Path, *, what: str) -> str:
    """The text a reference points to; one that is no reference stands for itself.

    Args:
        reference: ``env:NAME``, ``file:PATH`` (from the project's folder) or the text itself.
        environ: the environment.
        project_dir: the project's folder.
        what: what the text is, for the messages, which never repeat it: ``the URL of the state``.

    Raises:
        ConfigError: nothing is there.
    """
    if reference.startswith(ENV):
        return _of_variable(reference.removeprefix(ENV), environ, what)
    if reference.startswith(FILE):
        return _of_file(project_dir / reference.removeprefix(FILE), what)
    return reference


def find_state_url(reference: str | None, environ: Mapping[str, str], project_dir: Path) -> str | None:
    """The URL of the state's database that the settings point to; None where they name none."""
    if reference is None:
        return None
    return resolve_reference(reference, environ, project_dir, what="the URL of the state")


def _of_variable(name: str, environ: Mapping[str, str], what: str) -> str:
    text = environ.get(name, "").strip()
    if not text:
        raise ConfigError(f"{what} is to be in the environment variable {name}, which is not set")
    return text


def _of_file(path: Path, what: str) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{what} is to be in the file {path}, which cannot be read: {why}") from error
    if not text:
        raise ConfigError(f"{what} is to be in the file {path}, which is empty")
    return text
