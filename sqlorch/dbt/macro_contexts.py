"""Contexts in which the adapter executes macros by itself, made once for each thread and macro.

To rename a table, drop it or read its columns the adapter executes a macro, and for each time dbt makes a
context anew: every builtin and every macro there is, for one statement. Such a context depends on the macro,
the run's configuration and the parsed project alone. What is remembered in one is the results of its own
statements (``load_result``), which are forgotten before it is used again.

It is made anew where that could be seen: when the caller adds names of its own, and when a macro is executed
while the same macro is under way in the same thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_MOST = 200  # in a thread; a context takes a tenth of a megabyte
_OVERRIDE = 2  # where names of the caller's stand among the arguments, when they are not given by name


class _Thread(threading.local):
    """What one thread has."""

    def __init__(self) -> None:
        self.of: tuple[Any, Any] = (None, None)
        self.made: dict[tuple[str, str | None], dict[str, Any]] = {}
        self.busy: list[dict[str, Any]] = []
        self.plain = False


class MacroContexts:
    """Takes the place of an adapter's way of making contexts.

    Args:
        adapter: dbt's.
    """

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._make: Callable[..., dict[str, Any]] = adapter._macro_context_generator  # noqa: SLF001 - no getter
        self._execute = adapter.execute_macro
        self._thread = _Thread()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Until the block ends."""
        adapter = self._adapter
        adapter.set_macro_context_generator(self.context)
        adapter.execute_macro = self.execute_macro
        try:
            yield
        finally:
            del adapter.execute_macro
            adapter.set_macro_context_generator(self._make)

    def execute_macro(self, macro_name: str, *arguments: Any, **more: Any) -> Any:
        """As ``BaseAdapter.execute_macro``."""
        thread = self._thread
        under_way, plain = len(thread.busy), thread.plain
        thread.plain = bool(arguments[_OVERRIDE:]) or bool(more.get("context_override"))
        try:
            return self._execute(macro_name, *arguments, **more)
        finally:
            del thread.busy[under_way:]
            thread.plain = plain

    def context(self, macro: Any, config: Any, manifest: Any, package_name: str | None) -> dict[str, Any]:
        """As ``generate_runtime_macro_context``; not to be written to."""
        thread = self._thread
        if thread.plain:
            return self._make(macro, config, manifest, package_name)
        if thread.of[0] is not config or thread.of[1] is not manifest or len(thread.made) >= _MOST:
            thread.of, thread.made = (config, manifest), {}
        key = (macro.unique_id, package_name)
        found = thread.made.get(key)
        if found is None or any(found is one for one in thread.busy):
            found = thread.made[key] = self._make(macro, config, manifest, package_name)
        else:
            found["_sql_results"].clear()
        thread.busy.append(found)
        return found
