"""From a reference to the URL it stands for. URLs of receivers are secrets: none is written in a project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlorch.domain.errors import ConfigError

LOG = "log"
LOG_FILE = "alerts.log"
_LARGEST = 64 * 1024  # bytes of a file that is to hold one URL


def resolve(reference: str, environ: Mapping[str, str], state_dir: Path) -> str:
    """The URL a reference stands for.

    Args:
        reference: ``env:NAME``, ``file:/path``, or ``log`` for a file in the state folder.
        environ: the environment.
        state_dir: the state folder.

    Raises:
        ConfigError: there is no such variable or file, or it is empty; never says what is in it.
    """
    if reference == LOG:
        return f"log://{state_dir / LOG_FILE}"
    scheme, _, name = reference.partition(":")
    if scheme == "env":
        return _filled(environ.get(name, ""), f"the environment variable {name} is not set")
    if scheme == "file":
        return _filled(_first_line(Path(name)), f"the file {name} is empty")
    raise ConfigError(f"a receiver is env:NAME, file:/path or {LOG}, not {reference!r}")


def is_set(reference: str, environ: Mapping[str, str]) -> bool:
    """Whether there is a URL behind a reference: a variable that is not empty, a file that says something."""
    try:
        resolve(reference, environ, Path())
    except ConfigError:
        return False
    return True


def _filled(url: str, otherwise: str) -> str:
    if not url.strip():
        raise ConfigError(f"{otherwise}; it is to hold the URL of a receiver of alerts")
    return url.strip()


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            text = stream.read(_LARGEST).decode("utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(
            f"the file {file}, which is to hold the URL of a receiver of alerts, cannot be read: "
            f"{error.strerror}"
        ) from error
    return text.strip().partition("\n")[0]
