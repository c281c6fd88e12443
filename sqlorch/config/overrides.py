"""Settings from the environment: ``SQLORCH__SECTION__KEY``, over what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlorch.config.places import Document, Path, Place
from sqlorch.config.scalars import resolve
from sqlorch.config.yaml_loader import load_yaml
from sqlorch.domain.errors import ConfigError

PREFIX = "SQLORCH__"
_SEPARATOR = "__"
_NAMED = {"groups": "group", "pools": "pool"}
_YAML_STARTS = ("[", "{", '"', "'")


def override(document: Document, environ: Mapping[str, str]) -> Document:
    """Put what the environment says over a document.

    ``SQLORCH__DEFAULTS__RETRIES=2``, ``SQLORCH__STATE__PATH=/var/lib/sqlorch``,
    ``SQLORCH__GROUPS__FLIGHTS_DAILY__BATCH=7``. Sections and keys are lower-cased; a group is found without
    regard to case and with ``-`` as ``_``, and must be in the file. A value that starts with a bracket, brace
    or quote is read as YAML, any other as it stands, so that a cron needs no quotes; an empty one unsets.

    Raises:
        ConfigError: names that cannot be a setting, values that are not YAML; all at once.
    """
    data, values, keys = document.data, dict(document.values), dict(document.keys)
    data = _copied(data)
    faults: list[str] = []
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        place = Place(f"environment variable {name}")
        try:
            path = _path(name, data, place)
            value = _value(environ[name], str(place))
        except ConfigError as error:
            faults.append(str(error))
            continue
        if _put(data, path, value):
            for places in (values, keys):
                _move(places, path, place)
    if faults:
        raise ConfigError("\n".join(faults))
    return Document(data=data, values=values, keys=keys)


def _copied(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return data


def _path(name: str, data: Any, place: Place) -> Path:
    parts = name.removeprefix(PREFIX).split(_SEPARATOR)
    if not all(parts):
        raise ConfigError(f"{place}: write it as {PREFIX}SECTION{_SEPARATOR}KEY")
    lowered = [part.lower() for part in parts]
    if lowered[0] in _NAMED and len(parts) > 1:
        lowered[1] = _name(lowered[0], parts[1], data, place)
    return tuple(lowered)


def _name(section: str, part: str, data: Any, place: Place) -> str:
    there = data.get(section)
    names = [name for name in there if _folded(name) == _folded(part)] if isinstance(there, dict) else []
    if len(names) > 1:
        raise ConfigError(
            f"{place}: it could mean any of the {section} {', '.join(sorted(names))}; rename one"
        )
    if not names:
        raise ConfigError(
            f"{place}: there is no such {_NAMED[section]} in sqlorch.yml; define it there first, "
            f"the environment only changes {section} of that file"
        )
    return str(names[0])


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def _value(text: str, source: str) -> Any:
    if text.startswith(_YAML_STARTS):
        try:
            return load_yaml(text, source).data
        except ConfigError as error:
            raise ConfigError(
                f"{error} (its value is read as YAML because of its first character)"
            ) from error
    return resolve(text.strip())


def _move(places: dict[Path, Place], path: Path, place: Place) -> None:
    """What is at ``path`` is now written at ``place``, and so is whatever on the way there was not before."""
    for old in [old for old in places if old[: len(path)] == path]:
        del places[old]
    for length in range(1, len(path) + 1):
        places.setdefault(path[:length], place)


def _put(data: Any, path: Path, value: object) -> bool:
    """Set ``data`` at ``path``; False when something on the way is no mapping, which is reported as such."""
    for part in path[:-1]:
        if data.get(part) is None:
            data[part] = {}
        data = data[part]
        if not isinstance(data, dict):
            return False
    data[path[-1]] = value
    return True
