"""Where the state is, from a ``sqlorch.yml`` that cannot be read as a whole.

Who pauses a group or cancels a run needs the state alone, and may need it just because the file was broken.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlorch.config.overrides import PREFIX
from sqlorch.config.places import Document, Place, file_name
from sqlorch.config.settings import FILE_NAME, Settings, settings_from
from sqlorch.config.yaml_loader import load_yaml, read_text
from sqlorch.domain.errors import ConfigError

_SECTION = re.compile(r"^[\"']?state[\"']?[ \t]*:.*(?:\n(?:[ \t].*|#.*|[ \t]*$))*", re.MULTILINE)
_ELSEWHERE = re.compile(r"^[^#\n]*\bstate[\"']?[ \t]*:(?:\s|$)", re.MULTILINE)
_KEYS = ("path", "url")
_NAMES = frozenset(f"{PREFIX}STATE__{key.upper()}" for key in _KEYS)


def salvage_settings(project_dir: Path, environ: Mapping[str, str]) -> Settings:
    """Settings of which only where the state is can be relied on; the rest are defaults.

    The environment goes first, then the file's section ``state``, as far as it can be read, then the default.

    Args:
        project_dir: the folder that holds ``dbt_project.yml``.
        environ: the environment.

    Raises:
        ConfigError: the file, or its section ``state``, is there and cannot be read: another state than the
            one it means is not to be guessed.
    """
    document = _state_alone(project_dir / FILE_NAME)
    meant = {name: value for name, value in environ.items() if _counts(name)}
    return settings_from(document, meant, project_dir=project_dir)


def _counts(name: str) -> bool:
    return not name.startswith(PREFIX) or name.upper() in _NAMES


def _state_alone(file: Path) -> Document:
    """The file without everything that does not say where the state is."""
    if not (os.path.lexists(file) or os.path.lexists(file.with_suffix(".yaml"))):
        return Document(data={}, values={(): Place(file_name(file))})
    text = read_text(file)
    try:
        whole = load_yaml(text, file_name(file))
    except ConfigError:
        whole = _section(text, file)
    said = whole.data.get("state") if isinstance(whole.data, dict) else None
    data: dict[str, Any] = {"state": said} if said is not None else {}
    if isinstance(said, dict):
        data = {"state": {key: said[key] for key in _KEYS if key in said}}
    return Document(data=data, values=whole.values, keys=whole.keys)


def _section(text: str, file: Path) -> Document:
    """The section ``state`` by its indentation, its lines numbered as in the file."""
    found = _SECTION.search(text)
    if found is None and _ELSEWHERE.search(text):
        raise ConfigError(f"{file_name(file)}: its section state cannot be read")
    if found is None:
        return Document(data={}, values={(): Place(file_name(file))})
    return load_yaml("\n" * text.count("\n", 0, found.start()) + found[0], file_name(file))
