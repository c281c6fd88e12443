"""How much a template may do, counted and never timed, so that the same project always loads the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one render.

    Attributes:
        steps: loop iterations and calls together.
        text: characters any single string may reach, and the whole output.
        items: elements any single list made by ``*``, ``range`` or an iterator may reach.
        source: characters a template file may have to be looked at at all.
    """

    steps: int = 2_000_000
    text: int = 20_000_000
    items: int = 1_000_000
    source: int = 5_000_000


class LimitError(Exception):
    """A template asked for more than :class:`Limits` allows."""


class Budget:
    """What is left of the limits of the render under way.

    Args:
        limits: the bounds to hold.
    """

    __slots__ = ("left", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.steps

    def reset(self) -> None:
        """Begin a new render."""
        self.left = self.limits.steps

    def spend(self) -> None:
        """Count one step.

        Raises:
            LimitError: the render has used up its steps.
        """
        self.left -= 1
        if self.left < 0:
            raise LimitError(f"it takes more than {self.limits.steps:,} steps")

    def check_text(self, size: int) -> None:
        """Refuse a string of more than the allowed characters."""
        if size > self.limits.text:
            raise LimitError(f"it builds a text of more than {self.limits.text:,} characters")

    def check_items(self, size: int) -> None:
        """Refuse a list of more than the allowed elements."""
        if size > self.limits.items:
            raise LimitError(f"it builds a list of more than {self.limits.items:,} elements")

    def drain(self, values: Iterable[Any]) -> list[Any]:
        """Read an iterator that may be endless into a list.

        Raises:
            LimitError: it has more elements than allowed.
        """
        found = list(islice(values, self.limits.items + 1))
        self.check_items(len(found))
        return found


class CountedLoop:
    """What a ``for`` runs over: the same elements, each one counted."""

    __slots__ = ("_budget", "_values")

    def __init__(self, values: Iterable[Any], budget: Budget) -> None:
        self._values = values
        self._budget = budget

    def __len__(self) -> int:
        return len(self._values)  # type: ignore[arg-type] # TypeError is what jinja expects of the lengthless

    def __iter__(self) -> Iterator[Any]:
        spend = self._budget.spend
        for value in self._values:
            spend()
            yield value


def guard_numbers(func: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    """Wrap a text function so that a number given to it (a width, a count) cannot ask for gigabytes."""

    @wraps(func)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            if type(value) is int and value > budget.limits.items:
                raise LimitError(f"the number {value} is more than {budget.limits.items:,}")
        return func(*args, **kwargs)

    return guarded
