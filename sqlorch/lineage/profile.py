"""The target of profiles.yml, as far as reading a project needs it: adapter, database, schema."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from sqlorch.domain.errors import ProjectError
from sqlorch.lineage.adapter_guess import guess_adapter
from sqlorch.lineage.jinja.functions import TemplateFaultError
from sqlorch.lineage.jinja.state import State, Target
from sqlorch.lineage.text import YamlText
from sqlorch.lineage.yaml_io import read_yaml

UNKNOWN = "unknown"
_SECRET = re.compile(r"pass|token|secret|private|keyfile|credential|refresh", re.IGNORECASE)
_DATABASE_KEYS = ("database", "dbname", "project", "catalog")
_SCHEMA_KEYS = ("schema", "dataset")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChoice:
    """Which target to read a project for.

    Attributes:
        directory: where profiles.yml is, or None to look for it.
        profile: the profile's name, or None for the project's.
        target: the target's name, or None for the profile's default.
        adapter: the adapter's type, whatever a profile says; None for the profile's.
    """

    directory: Path | None = None
    profile: str | None = None
    target: str | None = None
    adapter: str | None = None


def read_target(
    project_dir: Path, raw: Mapping[str, Any], choice: ProfileChoice, variables: Mapping[str, Any]
) -> Target:
    """Read the chosen target; without a profile one that is assumed.

    Args:
        project_dir: the project's folder.
        raw: what its dbt_project.yml says.
        choice: what was said of the target.
        variables: of the command line.

    Raises:
        ProjectError: the file, the profile or the target is named but not there.
    """
    name = str(choice.profile or raw.get("profile") or "default")
    found = _find(project_dir, name, choice.directory)
    if found is None:
        return _assumed(project_dir, raw, name, choice)
    path, outputs, default = found
    texts = _renderer(variables)
    wanted = choice.target or str(_render(str(default), texts))
    output = outputs.get(wanted)
    if not isinstance(output, Mapping):
        known = ", ".join(sorted(map(str, outputs)))
        raise ProjectError(f"profile '{name}' in {path} has no target '{wanted}'; it has: {known}")
    values = {str(k): _deep(v, texts) for k, v in output.items()}
    if choice.adapter not in (None, values.get("type")):
        values = {"type": choice.adapter}
    usual = choice.directory is not None or path in map(_file, _usual_folders())
    said = "" if usual else f"read from {path}, where dbt does not look; name its folder with --profiles-dir"
    return replace(_target(str(wanted), name, values, assumed=said), name=str(wanted))


def _find(project_dir: Path, name: str, directory: Path | None) -> tuple[Path, Mapping[Any, Any], Any] | None:
    """The file that has the profile, its outputs, and its default target."""
    if directory is not None:
        path = _file(directory)
        if not path.is_file():
            raise ProjectError(f"there is no profiles.yml in {directory}; name the folder that holds it")
        found = _outputs(read_yaml(path, str(path)), name)
        if found is None:
            raise ProjectError(
                f"{path} has no profile '{name}' with outputs; add one or choose another profile"
            )
        return path, *found
    for path in dict.fromkeys(map(_file, (*_usual_folders(), *_near(project_dir)))):
        found = _outputs(read_yaml(path, str(path)), name) if path.is_file() else None
        if found is not None:
            return path, *found
    return None


def _outputs(profiles: Any, name: str) -> tuple[Mapping[Any, Any], Any] | None:
    profile = profiles.get(name) if isinstance(profiles, Mapping) else None
    if not isinstance(profile, Mapping) or not isinstance(profile.get("outputs"), Mapping):
        return None
    return profile["outputs"], profile.get("target", "default")


def _usual_folders() -> list[Path]:
    """Where dbt looks (``dbt/cli/resolvers.py``, dbt 1.10)."""
    named = os.environ.get("DBT_PROFILES_DIR")
    return [Path(named)] if named else [Path.cwd(), Path("~/.dbt").expanduser()]


def _near(project_dir: Path) -> list[Path]:
    """Where repositories keep profiles for their tests."""
    above = project_dir.parent
    inside = [project_dir / name for name in ("", "profiles", "ci", ".ci", ".github", "integration_tests")]
    return [*inside, above, above / "profiles"]


def _file(folder: Path) -> Path:
    return folder / "profiles.yml"


def _assumed(project_dir: Path, raw: Mapping[str, Any], name: str, choice: ProfileChoice) -> Target:
    """A target nobody described: of the adapter that was named, or that the project looks like."""
    target, missing = choice.target or "default", f"there is none with the profile '{name}'"
    if choice.adapter is not None:
        return _target(target, name, {"type": choice.adapter})
    paths = raw.get("model-paths")
    guess = guess_adapter(project_dir, [str(p) for p in paths] if isinstance(paths, list) else ["models"])
    if guess is not None:
        said = f"{missing}; read as {guess.adapter} SQL, {guess.why}; say another with --adapter"
        return _target(target, name, {"type": guess.adapter}, assumed=said)
    said = f"{missing}; read as plain SQL, macros for an adapter are not chosen; name it with --adapter"
    values = {"name": target, "type": UNKNOWN}
    return Target(adapter=UNKNOWN, database="", schema="", values=values, assumed=said)


def _target(target: str, profile: str, output: Mapping[str, Any], assumed: str = "") -> Target:
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
    return Target(adapter=adapter, database=database, schema=schema, values=values, assumed=assumed)


def _duckdb_name(path: str) -> str:
    # As dbt-duckdb derives it: the file's stem, or the database of a MotherDuck address.
    if path == ":memory:":
        return "memory"
    bare = path.split("?", maxsplit=1)[0]
    if bare.startswith(("md:", "motherduck:")):
        return bare.split(":", 1)[1] or "my_db"
    return PurePath(bare).name.split(".")[0]


def _renderer(variables: Mapping[str, Any]) -> YamlText:
    """Renders values of a profile: they know the environment and the command line's variables."""
    nowhere = Target(adapter=UNKNOWN, database="", schema="", values={})
    return YamlText(State(target=nowhere, root="", variables={"": variables}))


def _deep(value: Any, texts: YamlText) -> Any:
    if isinstance(value, Mapping):
        return {key: _deep(inner, texts) for key, inner in value.items()}
    if isinstance(value, list):
        return [_deep(inner, texts) for inner in value]
    return _render(value, texts) if isinstance(value, str) else value


def _render(text: str, texts: YamlText) -> Any:
    try:
        return texts.value(text)
    except TemplateFaultError:
        # A secret that is missing, most often: it is only needed to connect.
        return ""
