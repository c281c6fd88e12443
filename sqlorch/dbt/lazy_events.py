"""dbt's events without the message inside until somebody asks for it.

dbt fills a protobuf message for each of the twenty or so events of a node. A log needs the sentence only,
which most events make from plain values they were given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbt_common.events.base_types import BaseEvent

_PLAIN = (str, int, float, bool)
_GIVEN = "_sqlorch_given"
_METHODS = ("__init__", "__getattr__", "__setattr__")
_make, _read, _write = (getattr(BaseEvent, name) for name in _METHODS)


@contextmanager
def lazy_events() -> Iterator[None]:
    """Let events keep what they were given until the block ends; the message is made when it is needed."""
    _install(_keep, _look_up, _assign)
    try:
        yield
    finally:
        _install(_make, _read, _write)


def _install(*methods: Any) -> None:
    for name, method in zip(_METHODS, methods, strict=True):
        setattr(BaseEvent, name, method)


def _keep(event: Any, *args: Any, **kwargs: Any) -> None:
    event.__dict__[_GIVEN] = (args, kwargs)


def _look_up(event: Any, key: str) -> Any:
    given = event.__dict__.get(_GIVEN)
    if given is not None:
        value = given[1].get(key)
        if isinstance(value, _PLAIN):
            return value
        _complete(event)
        if key == "pb_msg":
            return event.__dict__[key]
    return _read(event, key)


def _assign(event: Any, key: str, value: Any) -> None:
    _complete(event)
    _write(event, key, value)


def _complete(event: Any) -> None:
    given = event.__dict__.pop(_GIVEN, None)
    if given is not None:
        _make(event, *given[0], **given[1])
