"""Where the project and its profiles are, found as dbt finds them.

The rules are those of dbt 1.10 and 1.11 (``dbt/cli/params.py`` and ``dbt/cli/resolvers.py``): an option, then
the environment (``DBT_ENGINE_*`` before ``DBT_*``; empty is unset), then the current folder; for the project
also the folders above it, for profiles only ``~/.dbt``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlorch.domain.errors import ConfigError

PROJECT_FILE = "dbt_project.yml"
PROFILES_FILE = "profiles.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The two folders dbt works with.

    Attributes:
        project_dir: holds ``dbt_project.yml``; absolute.
        profiles_dir: holds ``profiles.yml``; absolute; None when it was not named and need not be there.
    """

    project_dir: Path
    profiles_dir: Path | None


def locate(
    *,
    project_dir: str | None,
    profiles_dir: str | None,
    environ: Mapping[str, str],
    cwd: Path,
    connects: bool = True,
) -> Location:
    """Find the project and its profiles.

    Args:
        project_dir: the option ``--project-dir``.
        profiles_dir: the option ``--profiles-dir``.
        environ: the environment.
        cwd: the current folder.
        connects: whether profiles are needed; without, only a folder that is named is looked into.

    Raises:
        ConfigError: one of the two files is not where it was looked for; the message names every such folder.
    """
    project = find_project(project_dir, environ, cwd)
    profiles = None
    if connects or _told(profiles_dir, "profiles-dir", environ) is not None:
        profiles = find_profiles(profiles_dir, environ, cwd, project)
    return Location(project_dir=project, profiles_dir=profiles)


def find_project(option: str | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The folder that holds ``dbt_project.yml``; arguments and errors as in :func:`locate`."""
    told = _told(option, "project-dir", environ)
    if told is not None:
        return _there(cwd / told[0], PROJECT_FILE, told[1])
    for folder in (cwd, *cwd.parents):
        if _is_file(folder / PROJECT_FILE):
            return folder
    raise ConfigError(
        f"no {PROJECT_FILE} in {cwd} or a folder above it; go to a dbt project, name it with --project-dir, "
        "or make one with: sqlorch init NAME"
    )


def find_profiles(option: str | None, environ: Mapping[str, str], cwd: Path, project: Path) -> Path:
    """The folder that holds ``profiles.yml``; arguments and errors as in :func:`locate`."""
    told = _told(option, "profiles-dir", environ)
    if told is not None:
        return _there(cwd / told[0], PROFILES_FILE, told[1])
    looked = (cwd, _home(environ) / ".dbt")
    for folder in looked:
        if _is_file(folder / PROFILES_FILE):
            return folder
    raise ConfigError(
        f"no {PROFILES_FILE} in {' or '.join(map(str, looked))}; {_profiles_hint(looked, project)}"
    )


def _told(option: str | None, name: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """A folder and what named it."""
    if option:
        return option, f"--{name}"
    variable = _variable_of(name, environ)
    return None if variable is None else (environ[variable], variable)


def said_to_dbt(name: str, environ: Mapping[str, str]) -> str | None:
    """What the environment says in place of an option of dbt's, such as ``target`` (``DBT_TARGET``)."""
    variable = _variable_of(name, environ)
    return None if variable is None else environ[variable]


def _variable_of(name: str, environ: Mapping[str, str]) -> str | None:
    upper = name.upper().replace("-", "_")
    return next((name for name in (f"DBT_ENGINE_{upper}", f"DBT_{upper}") if environ.get(name)), None)


def _there(folder: Path, file: str, source: str) -> Path:
    if not _is_file(folder / file):
        what = "holds no" if folder.is_dir() else "is no folder, so it holds no"
        raise ConfigError(f"{folder}, named by {source}, {what} {file}")
    return Path(folder).resolve()


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except (OSError, ValueError):  # a folder that may not be read, a name no system allows
        return False


def _home(environ: Mapping[str, str]) -> Path:
    try:
        return Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    except RuntimeError as error:
        raise ConfigError("the home folder cannot be found; name the profiles with --profiles-dir") from error


def _profiles_hint(looked: Sequence[Path], project: Path) -> str:
    for folder in (project, project / "profiles", project.parent / "profiles"):
        if folder not in looked and _is_file(folder / PROFILES_FILE):
            return f"there is one in {folder}: use --profiles-dir {folder}"
    return "name its folder with --profiles-dir or DBT_PROFILES_DIR"
