"""Which plain YAML text is a number, a boolean or nothing.

The rules are YAML 1.2's core schema (specification, chapter 10.3.2), the one editors use. PyYAML's own are
those of YAML 1.1, where ``off`` is false, ``2013-01-01`` a date and ``12:30:00`` the number 45000; here
all of these are text.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]{1,40}\Z", re.ASCII)
_BASED_INT = re.compile(r"0o[0-7]{1,40}\Z|0x[0-9a-fA-F]{1,40}\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,10})?\Z", re.ASCII)
_SPECIAL_FLOAT = re.compile(r"[-+]?(\.inf|\.Inf|\.INF)\Z|(\.nan|\.NaN|\.NAN)\Z")


def resolve(text: str) -> Scalar:
    """Read unquoted text: nothing, a boolean, an integer, a float, else the text itself.

    Numbers of more than forty digits stay text: no setting needs them, and reading them could take long.
    """
    if text in _WORDS:
        return _WORDS[text]
    return _number(text)


def _number(text: str) -> Scalar:
    if _INT.match(text):
        return int(text)
    if _BASED_INT.match(text):
        return int(text, base=0)
    if _FLOAT.match(text):
        return float(text)
    if _SPECIAL_FLOAT.match(text):
        return float(text.replace(".", ""))
    return text
