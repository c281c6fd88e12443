"""How dbt names generic tests.

The rule is dbt's (``generic_test_builders.py``, ``schema_generic_tests.py`` of dbt-core 1.11) and part of its
public contract, since the names are in every manifest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

_MAX_NAME = 64
_HASH_LENGTH = 10
_NOT_IDENTIFIER = re.compile(r"[^0-9a-zA-Z_]+")


def synthetic_name(test: str, target: str, kwargs: Mapping[str, Any]) -> str:
    """Return the full name of a test that was given none.

    Args:
        test: the test's name, with its package and ``source_`` in front where they belong.
        target: the name of what is tested.
        kwargs: the arguments; ``model`` is in the target already.
    """
    parts: list[str] = []
    for name in sorted(kwargs):
        if name == "model":
            continue
        value = kwargs[name]
        if isinstance(value, Mapping):
            parts += map(str, value.values())
        elif isinstance(value, list | tuple):
            parts += map(str, value)
        else:
            parts.append(str(value))
    return f"{test}_{target}_" + "__".join(_NOT_IDENTIFIER.sub("_", part) for part in parts)


def short_name(test: str, target: str, full: str) -> str:
    """Return the name a test has as a file and a table: the full one, hashed when it is too long."""
    if len(full) < _MAX_NAME:
        return full
    return f"{f'{test}_{target}'[:30]}_{_md5(full)}"


def unique_hash(name: str, *, namespace: str | None, test: str, kwargs: Mapping[str, Any]) -> str:
    """Return the end of a test's unique id: a digest of its name and everything it is called with."""
    metadata = {"namespace": namespace, "name": test, "kwargs": dict(kwargs)}
    return _md5(name + repr(_hashable(metadata)))[-_HASH_LENGTH:]


def _hashable(value: Any) -> Any:
    if type(value) is dict:
        return {key: _hashable(value[key]) for key in sorted(value)}
    if type(value) is list:
        return [_hashable(item) for item in value]
    return str(value)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
