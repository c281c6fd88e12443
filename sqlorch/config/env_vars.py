"""``{{ env_var('NAME', 'default') }}`` in what runs wait for, written as in dbt's own files.

The value is put in where settings are read, so that whoever looks later finds plain text. It is shown in
reasons and stored with runs: variables that hold secrets are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlorch.config.places import Document, Path
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.masking import names_secret

_TEXT = r"""(?:'(?P<{0}_s>[^'{{}}]{{0,500}})'|"(?P<{0}_d>[^"{{}}]{{0,500}})")"""
_HOLE = re.compile(
    r"\{\{\s{0,20}env_var\(\s{0,20}"
    + _TEXT.format("name")
    + r"\s{0,20}(?P<more>,\s{0,20}"
    + _TEXT.format("default")
    + r"\s{0,20})?\)\s{0,20}\}\}"
)


def fill_environment(document: Document, environ: Mapping[str, str]) -> Document:
    """The document with these variables put in, wherever ``wait_for`` of a group names one.

    Raises:
        ConfigError: a variable is not set and has no default, or holds a secret; all at once, with the place.
    """
    groups = document.data.get("groups")
    if not isinstance(groups, dict):
        return document
    faults: list[str] = []
    filled = {
        name: _group(group, ("groups", name), document, environ, faults) for name, group in groups.items()
    }
    if faults:
        raise ConfigError("\n".join(faults))
    return replace(document, data={**document.data, "groups": filled})


def _group(group: Any, path: Path, document: Document, environ: Mapping[str, str], faults: list[str]) -> Any:
    if not isinstance(group, dict) or "wait_for" not in group:
        return group

    def put_in(text: str, at: Path) -> str:
        try:
            return _HOLE.sub(partial(_value, environ), text)
        except ConfigError as error:
            faults.append(f"{document.value_place(at)}: {error}")
            return text

    return {**group, "wait_for": _walked(group["wait_for"], (*path, "wait_for"), put_in)}


def _walked(value: Any, path: Path, change: Callable[[str, Path], str]) -> Any:
    if isinstance(value, str):
        return change(value, path)
    if isinstance(value, dict):
        return {key: _walked(item, (*path, key), change) for key, item in value.items()}
    if isinstance(value, list):
        return [_walked(item, (*path, place), change) for place, item in enumerate(value)]
    return value


def _value(environ: Mapping[str, str], hole: re.Match[str]) -> str:
    name, default = _said(hole, "name") or "", _said(hole, "default")
    if names_secret(name):
        raise ConfigError(
            f"{name} holds a secret by its name, and what a run waits for is shown to everybody"
        )
    found = environ.get(name, default)
    if found is None:
        raise ConfigError(
            f"the environment variable {name} is not set; set it, "
            f"or say what counts without it: {{{{ env_var('{name}', 'default') }}}}"
        )
    return found


def _said(hole: re.Match[str], what: str) -> str | None:
    single, double = hole[f"{what}_s"], hole[f"{what}_d"]
    return single if single is not None else double
