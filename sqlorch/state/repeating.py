"""Transactions that are done again as a whole, when the server has undone them by no fault of their own.

A server that is started anew, a broken connection or a deadlock undoes what was under way. The methods of the
store are one transaction each and take everything they need as arguments, so each can be called again; one
that was in fact committed is recognised before that (:mod:`sqlorch.state.engine_postgres`), so nothing is
done twice.
"""

from __future__ import annotations

import inspect
import random
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlorch.domain.errors import StateError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_P = ParamSpec("_P")
_R = TypeVar("_R")
_C = TypeVar("_C")


class UndoneError(StateError):
    """Nothing of a transaction remains; done again, it may well succeed.

    Attributes:
        patience: seconds for which it is worth trying.
    """

    def __init__(self, message: str, *, patience: float) -> None:
        super().__init__(message)
        self.patience = patience


def repeating(cls: type[_C]) -> type[_C]:
    """Class decorator: public methods are called again after an :class:`UndoneError`, for as long as it says.

    Generators are left as they are: what they have given away cannot be taken back.
    """
    for name, method in list(vars(cls).items()):
        if (
            not name.startswith("_")
            and inspect.isfunction(method)
            and not inspect.isgeneratorfunction(method)
        ):
            setattr(cls, name, repeated(method))
    return cls


def repeated(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function that calls another again after an :class:`UndoneError`."""

    @wraps(method)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        arguments: Any = [_lasting(value) for value in args]
        named: Any = {name: _lasting(value) for name, value in kwargs.items()}
        deadline, pause = 0.0, _FIRST_PAUSE
        while True:
            try:
                return method(*arguments, **named)
            except UndoneError as error:
                now = time.monotonic()
                deadline = deadline or now + error.patience
                if now >= deadline:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - only so that not all come back at once
            pause = min(_LONGEST_PAUSE, 2 * pause)

    return call


def _lasting(value: object) -> object:
    """An argument that can be read more than once."""
    return tuple(value) if isinstance(value, Iterator) else value
