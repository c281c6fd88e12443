"""What dead processes left running is ended before anything is run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sqlorch.app.settling import settle
from sqlorch.domain.backends import LostProcess
from sqlorch.domain.errors import ExecutionError

NOW = datetime.now(UTC)


class Lost:
    """Lost processes in a list."""

    def __init__(self, *known: LostProcess) -> None:
        self.known = list(known)

    def processes(self) -> list[LostProcess]:
        return list(self.known)

    def forget(self, tags: Iterable[str]) -> None:
        gone = set(tags)
        self.known = [one for one in self.known if one.tag not in gone]


class Reaper:
    """Ends as many as it is told, or fails."""

    def __init__(self, ended: int = 0, error: str = "") -> None:
        self.ended = ended
        self.error = error
        self.asked: list[list[str]] = []

    def reap(self, tags: Collection[str]) -> int:
        self.asked.append(list(tags))
        if self.error:
            raise ExecutionError(self.error)
        return self.ended


def lost(tag: str, target: str | None = None, *, days: int = 0) -> LostProcess:
    return LostProcess(tag=tag, target=target, noted_at=NOW - timedelta(days=days))


def settled(known: Lost, reaper: Reaper, target: str | None = None) -> list[str]:
    said: list[str] = []
    store: Any = SimpleNamespace(lost=known)
    settle(store, reaper, target=target, tell=said.append)
    return said


def test_nothing_is_asked_where_nobody_is_lost() -> None:
    reaper = Reaper(3)
    assert settled(Lost(), reaper) == []
    assert reaper.asked == []


def test_all_are_looked_for_and_those_of_this_target_forgotten() -> None:
    known, reaper = Lost(lost("a"), lost("b", "prod"), lost("c", "prod", days=31)), Reaper(1)
    assert settled(known, reaper) == [
        "ended 1 query that a process which is gone had left running in the warehouse"
    ]
    assert reaper.asked == [["a", "b", "c"]]
    assert [one.tag for one in known.known] == ["b"]
    assert settled(known, Reaper(0), "prod") == []
    assert known.known == []


def test_several_are_counted() -> None:
    assert settled(Lost(lost("a")), Reaper(3))[0].startswith("ended 3 queries")


def test_what_is_still_there_is_not_forgotten() -> None:
    known = Lost(lost("a"))
    with pytest.raises(ExecutionError, match="still work"):
        settled(known, Reaper(error="backends 12 still work"))
    assert [one.tag for one in known.known] == ["a"]
