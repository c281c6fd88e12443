"""Work that Great Expectations repeats for every metric and that gives the same each time, done once.

An expectation makes a new copy of its own configuration for every argument that is looked up, about a hundred
times a check; and a context writes all of itself as YAML into its memory whenever a table is named to it.
Nothing of what is computed changes: the contract tests check every expectation with these in place.
"""

from __future__ import annotations

import threading
from typing import Any


class OneConfiguration:
    """``Expectation.configuration``, made once while one expectation looks its arguments up.

    Args:
        original: the library's property.
    """

    def __init__(self, original: property) -> None:
        self._original = original
        self._here = threading.local()

    def __get__(self, expectation: Any, owner: type | None = None) -> Any:
        if expectation is None:
            return self
        here = self._here.__dict__
        if here.get("of") is not expectation:
            return self._original.__get__(expectation, owner)
        if "made" not in here:
            here["made"] = self._original.__get__(expectation, owner)
        return here["made"]

    def during(self, look_up: Any) -> Any:
        """The method that looks up, which reads the configuration and changes nothing, made cheaper."""

        def cheaper(expectation: Any, *arguments: Any, **named: Any) -> Any:
            here = self._here.__dict__
            if here.get("of") is expectation:
                return look_up(expectation, *arguments, **named)
            here["of"] = expectation
            try:
                return look_up(expectation, *arguments, **named)
            finally:
                here.clear()

        return cheaper


def look_up_once(expectation_class: Any) -> None:
    """Let expectations make their configuration once for each look-up."""
    once = OneConfiguration(expectation_class.configuration)
    expectation_class.configuration = once
    expectation_class._get_runtime_kwargs = once.during(expectation_class._get_runtime_kwargs)  # noqa: SLF001 - see the module


def never_saved(context: Any) -> Any:
    """A context that is not written down: it lives in memory and ends with the process."""
    context._save_project_config = lambda: None  # noqa: SLF001 - see the module
    return context
