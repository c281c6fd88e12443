"""Transactions that are done again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from sqlorch.domain.errors import StateError
from sqlorch.state import repeating as room
from sqlorch.state.repeating import UndoneError, repeating


class Time:
    """Seconds that pass by sleeping alone."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(room, "time", made)
    return made


@repeating
class Book:
    """Fails as often as it is told."""

    def __init__(self, failures: int, error: StateError | None = None) -> None:
        self.failures = failures
        self.error = error or UndoneError("gone", patience=10.0)
        self.tries = 0

    def write(self, values: Iterable[int], *, more: Iterable[int] = ()) -> list[int]:
        """Read all of it before it fails."""
        found = [*values, *more]
        self.tries += 1
        if self.tries <= self.failures:
            raise self.error
        return found

    def _inner(self) -> None:
        self.tries += 1
        raise self.error

    def rows(self) -> Iterator[int]:
        """Give one away, then fail."""
        self.tries += 1
        yield 1
        raise self.error


def test_what_was_undone_is_done_again_with_the_same_arguments(time: Time) -> None:
    book = Book(3)
    assert book.write((n for n in (1, 2)), more=iter([3])) == [1, 2, 3]
    assert book.tries == 4
    assert all(later > earlier / 2 for earlier, later in zip(time.slept, time.slept[1:], strict=False))


def test_it_is_given_up_when_patience_is_at_its_end(time: Time) -> None:
    book = Book(1_000)
    with pytest.raises(UndoneError, match="gone"):
        book.write([])
    assert 10.0 <= sum(time.slept) < 13.0
    assert book.tries < 30


def test_anything_else_is_told_at_once(time: Time) -> None:
    book = Book(1, StateError("refused"))
    with pytest.raises(StateError, match="refused"):
        book.write([])
    assert (book.tries, time.slept) == (1, [])


def test_private_methods_and_generators_are_left_as_they_are(time: Time) -> None:
    book = Book(1)
    with pytest.raises(UndoneError):
        book._inner()
    with pytest.raises(UndoneError):
        list(book.rows())
    assert (book.tries, time.slept) == (2, [])
