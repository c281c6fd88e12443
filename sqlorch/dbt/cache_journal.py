"""dbt's cache of relations, kept alike in several processes.

dbt fills the cache once a run and keeps it true while it builds: every rename and drop is told to it, and
what a drop takes along (the views on a table) follows from that. Each process has a cache of its own, so what
one tells its cache, in that order, has to be told to all others before they build what comes after.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from dbt_common.exceptions import DbtInternalError

_CHANGING = ("add", "add_link", "drop", "drop_schema", "rename", "update_schemas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A call of one of the methods that change a cache."""

    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheImage:
    """All that a cache holds: relations, which of them fall with which, schemas that were read whole."""

    relations: tuple[Any, ...]
    links: tuple[tuple[Any, Any], ...]
    schemas: tuple[tuple[str | None, str], ...]


def image_of(cache: Any) -> CacheImage:
    """What the cache holds now."""
    with cache.lock:
        entries = list(cache.relations.values())
        return CacheImage(
            relations=tuple(entry.inner for entry in entries),
            links=tuple((entry.inner, by.inner) for entry in entries for by in entry.referenced_by.values()),
            schemas=tuple(cache.schemas),
        )


class CacheJournal:
    """Notes what changes in a cache, and makes changes that were noted elsewhere.

    Args:
        cache: of this process, which is written to through this journal or by dbt.
    """

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self._noted: list[Change] = []
        self._here = threading.local()
        self._originals: dict[str, Callable[..., Any]] = {name: getattr(cache, name) for name in _CHANGING}
        for name in _CHANGING:
            setattr(cache, name, partial(self._noting, name))

    def restore(self, image: CacheImage) -> None:
        """Let the cache hold what another one holds, and nothing else; what was noted is forgotten."""
        original = self._originals
        with self._silently(), self._cache.lock:
            self._cache.clear()
            original["update_schemas"](image.schemas)
            for relation in image.relations:
                original["add"](relation)
            for referenced, dependent in image.links:
                original["add_link"](referenced, dependent)
            self._noted.clear()

    def take(self) -> tuple[Change, ...]:
        """What has changed since the last time, oldest first; what came from elsewhere is not in it."""
        with self._cache.lock:
            taken = tuple(self._noted)
            self._noted.clear()
            return taken

    def heed(self, changes: Iterable[Change]) -> None:
        """Make changes that were noted elsewhere."""
        with self._silently(), self._cache.lock:
            for change in changes:
                make_change(self._originals, change)

    def _noting(self, name: str, *arguments: Any) -> Any:
        original = self._originals[name]
        if getattr(self._here, "silent", False):  # part of a change that is noted as a whole
            return original(*arguments)
        if name == "update_schemas":
            arguments = (tuple(*arguments),)  # dbt may hand over what can be read once
        with self._silently(), self._cache.lock:
            answer = original(*arguments)
            self._noted.append(Change(method=name, arguments=arguments))
            return answer

    def _silently(self) -> _Silence:
        return _Silence(self._here)


class _Silence:
    """What happens inside, in this thread, is not noted."""

    def __init__(self, here: threading.local) -> None:
        self._here = here
        self._before = False

    def __enter__(self) -> None:
        self._before = getattr(self._here, "silent", False)
        self._here.silent = True

    def __exit__(self, *_: object) -> None:
        self._here.silent = self._before


def make_change(methods: dict[str, Callable[..., Any]], change: Change) -> None:
    """Make one change; ``methods`` are those of the cache by name.

    The warehouse has accepted a rename that is told here, so nothing can be left under the new name, whatever
    this cache says.
    """
    try:
        methods[change.method](*change.arguments)
    except DbtInternalError:
        if change.method != "rename":
            raise
        methods["drop"](change.arguments[1])
        methods["rename"](*change.arguments)


def heed_changes(cache: Any, changes: Iterable[Change]) -> None:
    """Make changes that were noted elsewhere in a cache that has no journal."""
    methods = {name: getattr(cache, name) for name in _CHANGING}
    with cache.lock:
        for change in changes:
            make_change(methods, change)
