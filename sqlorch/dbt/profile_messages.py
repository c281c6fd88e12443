"""What dbt says about ``profiles.yml`` in one sentence of ours, with its line."""

from __future__ import annotations

import re
from pathlib import Path

_NO_PROFILE = re.compile(r"Could not find profile named '(?P<profile>[^']+)'")
_NO_TARGET = re.compile(
    r"The profile '(?P<profile>[^']+)' does not have a target named '(?P<target>[^']+)'.*?:(?P<known>.*)",
    re.DOTALL,
)
_NO_ENV = re.compile(r"Env var required but not provided: '(?P<name>[^']+)'")
_UNUSABLE = re.compile(
    r'Credentials in profile "(?P<profile>[^"]+)", target "(?P<target>[^"]+)" invalid: (?P<why>.*)', re.DOTALL
)
_NO_ADAPTER = re.compile(r"Could not find adapter type (?P<adapter>\w+)")


def profile_message(text: str, project_dir: Path, profiles_dir: Path) -> str | None:
    """The sentence, or None where ``text`` is not about the profile.

    Args:
        text: what dbt said.
        project_dir: folder of ``dbt_project.yml``, which names the profile.
        profiles_dir: folder of ``profiles.yml``.
    """
    file = profiles_dir / "profiles.yml"
    if found := _NO_PROFILE.search(text):
        name = found["profile"]
        asked = place_of_word(project_dir / "dbt_project.yml", "profile")
        return (
            f"{file}: there is no profile '{name}', which {asked} asks for; the file has: {_top_keys(file)}"
        )
    if found := _NO_TARGET.search(text):
        known = ", ".join(re.findall(r"-\s+(\S+)", found["known"])) or "none"
        where = place_of_word(file, found["profile"])
        return f"{where}: the profile '{found['profile']}' has no target '{found['target']}'; it has: {known}"
    if found := _UNUSABLE.search(text):
        return _unusable(found, file)
    if found := _NO_ENV.search(text):
        return _missing_environment(found["name"], project_dir, file)
    return None


def _unusable(found: re.Match[str], file: Path) -> str:
    adapter = _NO_ADAPTER.search(found["why"])
    if adapter:
        name = adapter["adapter"]
        where = place_of_word(file, name)
        return (
            f"{where}: no adapter for the type '{name}' is installed; install it with: pip install dbt-{name}"
        )
    why = " ".join(re.sub(r"^\s*Runtime Error", "", found["why"]).split())
    where = place_of_word(file, found["target"])
    return (
        f"{where}: the target '{found['target']}' of the profile '{found['profile']}' cannot be used: {why}"
    )


def _missing_environment(name: str, project_dir: Path, file: Path) -> str | None:
    for candidate in (file, project_dir / "dbt_project.yml"):
        where = place_of_word(candidate, name)
        if where != str(candidate):
            return f"{where}: the environment variable {name} is not set, and env_var() names no default"
    return None


def place_of_word(file: Path, word: str) -> str:
    """``file:line`` of the first line that holds the word outside of a comment, else ``file`` alone."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return str(file)
    wanted = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    number = next((n for n, line in enumerate(lines, 1) if wanted.search(line.partition("#")[0])), None)
    return f"{file}:{number}" if number else str(file)


def _top_keys(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    names = [found[1] for line in lines if (found := re.match(r"['\"]?([\w.-]+)['\"]?\s*:", line))]
    return ", ".join(name for name in names if name != "config") or "none"
