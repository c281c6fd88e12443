"""Interval variables in text of ``sqlorch.yml``: ``s3://raw/{{ ds }}.csv``, ``{{ ds[:4] }}``.

``${ds}`` means the same, for files whose braces dbt reads first and replaces by nothing: its own YAML.
Only these variables and slices of them: what a file says is never executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.variables import VARIABLES

_HOLE = re.compile(r"\{\{(?P<inside>[^{}]{0,200})\}\}|\$\{(?P<short>[^{}]{0,200})\}")
_EXPRESSION = re.compile(
    r"\s*(?P<name>[A-Za-z_]{1,40})\s*(?:\[\s*(?P<first>-?[0-9]{0,3})\s*:\s*(?P<last>-?[0-9]{0,3})\s*\])?\s*\Z",
    re.ASCII,
)
_NAMES = tuple(variable.name for variable in VARIABLES)


def check_template(text: str) -> str:
    """``text``, when every variable in it is one a run has.

    Raises:
        ConfigError: an unknown variable, an expression, or braces that do not match.
    """
    fill(text, {variable.name: variable.example for variable in VARIABLES})
    return text


def fill(text: str, variables: Mapping[str, str], written: Callable[[str], str] = str) -> str:
    """Put the variables of a run in.

    Args:
        text: with or without variables.
        variables: their values by name.
        written: how a value, or a slice of it, is written in the text.

    Raises:
        ConfigError: as :func:`check_template`.
    """
    rest = _HOLE.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise ConfigError("{{ and }} do not match; write a variable as {{ ds }}")
    if "{%" in rest:
        raise ConfigError("{% ... %} is not supported here, only variables such as {{ ds }}")
    return _HOLE.sub(lambda hole: written(_value(hole, variables)), text)


def in_braces(text: str) -> list[str]:
    """The variables of a run, and slices of them, that are written in double braces: ``ds``, ``ds[:4]``."""
    found = (_EXPRESSION.match(hole["inside"] or "") for hole in _HOLE.finditer(text))
    return [match[0].strip() for match in found if match is not None and match["name"] in _NAMES]


def _value(hole: re.Match[str], variables: Mapping[str, str]) -> str:
    match = _EXPRESSION.match(hole["inside"] or hole["short"] or "")
    if match is None:
        raise ConfigError(
            f"cannot read {hole[0][:60]}; write a variable, {{{{ ds }}}}, or a slice of one, {{{{ ds[:4] }}}}"
        )
    name = match["name"]
    if name not in variables:
        near = get_close_matches(name, _NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"they are: {', '.join(_NAMES)}"
        raise ConfigError(f"a run has no variable {name!r}; {hint}")
    if match["first"] is None:
        return variables[name]
    return variables[name][_bound(match["first"]) : _bound(match["last"])]


def _bound(text: str) -> int | None:
    return int(text) if text.strip("-") else None
