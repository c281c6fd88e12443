"""The target of profiles.yml, as far as reading a project needs it: adapter, database, schema."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from sqlorch.domain.errors import ProjectError
from sqlorch.lineage.jinja.functions import TemplateFaultError
from sqlorch.lineage.jinja.renderer import HAS_JINJA
from sqlorch.lineage.jinja.state import Target
from sqlorch.lineage.yaml_io import read_yaml

UNKNOWN = "unknown"
_SECRET = re.compile(r"pass|token|secret|private|keyfile|credential|refresh", re.IGNORECASE)
_ENV_VAR = re.compile(
    r"\{\{-?\s*env_var\(\s*(['\"])(?P<name>.+?)\1\s*(?:,\s*(['\"])(?P<default>.*?)\3\s*)?\)"
)
_DATABASE_KEYS = ("database", "dbname", "project", "catalog")
_SCHEMA_KEYS = ("schema", "dataset")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChoice:
    """Which target to read a project for.

    Attributes:
        directory: where profiles.yml is, or None for dbt's search.
        profile: the profile's name, or None for the project's.
        target: the target's name, or None for the profile's default.
    """

    directory: Path | None = None
    profile: str | None = None
    target: str | None = None


def read_target(project_dir: Path, project_profile: str | None, choice: ProfileChoice) -> Target:
    """Read the chosen target.

    Returns:
        the target; one of an unknown adapter when there is no profiles.yml at all.

    Raises:
        ProjectError: the file, the profile or the target is named but not there.
    """
    path = _find_file(project_dir, choice.directory)
    if path is None:
        return Target(adapter=UNKNOWN, database="", schema="", values={"name": "default", "type": UNKNOWN})
    profiles = read_yaml(path, str(path))
    name = choice.profile or project_profile or "default"
    profile = profiles.get(name) if isinstance(profiles, Mapping) else None
    if not isinstance(profile, Mapping) or not isinstance(profile.get("outputs"), Mapping):
        raise ProjectError(f"{path} has no profile '{name}' with outputs; add one or choose another profile")
    wanted = choice.target or _render(str(profile.get("target", "default")))
    output = profile["outputs"].get(wanted)
    if not isinstance(output, Mapping):
        known = ", ".join(sorted(map(str, profile["outputs"])))
        raise ProjectError(f"profile '{name}' in {path} has no target '{wanted}'; it has: {known}")
    return _target(str(wanted), name, {str(k): _deep(v) for k, v in output.items()})


def _find_file(project_dir: Path, directory: Path | None) -> Path | None:
    if directory is not None:
        path = directory / "profiles.yml"
        if not path.is_file():
            raise ProjectError(f"there is no profiles.yml in {directory}; name the folder that holds it")
        return path
    named = os.environ.get("DBT_PROFILES_DIR")
    folders = [Path(named)] if named else [project_dir, Path.home() / ".dbt"]
    return next((f / "profiles.yml" for f in folders if (f / "profiles.yml").is_file()), None)


def _target(target: str, profile: str, output: Mapping[str, Any]) -> Target:
    adapter = str(output.get("type", UNKNOWN))
    database = next((str(output[key]) for key in _DATABASE_KEYS if output.get(key)), "")
    if adapter == "duckdb" and not output.get("database"):
        database = _duckdb_name(str(output.get("path") or ":memory:"))
    schema = next((str(output[key]) for key in _SCHEMA_KEYS if output.get(key)), "")
    schema = schema or ("main" if adapter == "duckdb" else "public")
    values = {key: value for key, value in output.items() if not _SECRET.search(key)}
    values |= {
        "name": target,
        "target_name": target,
        "profile_name": profile,
        "type": adapter,
        "threads": output.get("threads", 1),
        "schema": schema,
        "database": database,
    }
    aliases = {
        "bigquery": ("project", "dataset"),
        "postgres": ("dbname", "schema"),
        "redshift": ("dbname", "schema"),
    }
    if adapter in aliases:
        values |= dict(zip(aliases[adapter], (database, schema), strict=True))
    return Target(adapter=adapter, database=database, schema=schema, values=values)


def _duckdb_name(path: str) -> str:
    # As dbt-duckdb derives it: the file's stem, or the database of a MotherDuck address.
    if path == ":memory:":
        return "memory"
    bare = path.split("?", maxsplit=1)[0]
    if bare.startswith(("md:", "motherduck:")):
        return bare.split(":", 1)[1] or "my_db"
    return PurePath(bare).name.split(".")[0]


def _deep(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _deep(inner) for key, inner in value.items()}
    return _render(value) if isinstance(value, str) else value


def _render(text: str) -> str:
    if not HAS_JINJA.search(text):
        return text

    def read(match: re.Match[str]) -> str:
        value = os.environ.get(match["name"], match["default"])
        if value is None:
            raise TemplateFaultError(match["name"])
        return value

    # A profile holds little but env_var(); a value that is missing is only needed to connect.
    try:
        return (
            re.sub(r"(\s*\|\s*\w+)*\s*-?\}\}", "", _ENV_VAR.sub(read, text))
            if _ENV_VAR.search(text)
            else text
        )
    except TemplateFaultError:
        return ""
