"""How much fuzzing tries, and how much it has really tried.

``SQLORCH_FUZZ=100000 pytest tests/properties`` gives every family of fuzz tests that many inputs in all,
shared by those of its tests that run; without it they are 5,000. Inputs are counted where they arrive, in the
test itself. A test that was given fewer than its share fails, and at the end the counts are printed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import pytest
from hypothesis import settings

USUALLY = 5_000
_COUNTED = "fuzz"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one test is to be given, and what it was.

    Attributes:
        family: the tests that share a number of inputs.
        share: how many this test is to have.
        given: how many have arrived.
        different: hashes of them.
    """

    family: str
    share: int = 0
    given: int = 0
    different: set[int] = field(default_factory=set)

    def note(self, said: object) -> None:
        """An input has arrived."""
        self.given += 1
        self.different.add(hash(repr(said)))


def fuzz(family: str) -> Callable[[Any], Any]:
    """Marks a test of Hypothesis, above its ``@given``, as one of a family."""

    def mark(test: Any) -> Any:
        test.tally = tally = Tally(family=family)
        check = test.hypothesis.inner_test

        @wraps(check)
        def counted(*args: Any, **kwargs: Any) -> None:
            tally.note((args, kwargs))
            check(*args, **kwargs)

        test.hypothesis.inner_test = counted
        return test

    return mark


def wanted() -> int:
    """How many inputs each family is to have."""
    return int(os.environ.get("SQLORCH_FUZZ") or USUALLY)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Share the inputs among the tests that are left after all selection."""
    tests = {item.obj: tally for item in items if (tally := _tally(item)) is not None}  # type: ignore[attr-defined] # it has one
    sizes = Counter(tally.family for tally in tests.values())
    for test, tally in tests.items():
        if not tally.share:
            tally.share = -(-wanted() // sizes[tally.family])
            settings(max_examples=tally.share, deadline=None)(test)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Fail a test that was given less than its share; hand on what it was given."""
    tally = _tally(item)
    try:
        yield
        if tally is not None:
            assert tally.given >= tally.share, f"{tally.given} inputs of {tally.share} were given"
    finally:
        if tally is not None:
            item.user_properties.append((_COUNTED, (tally.family, tally.given, len(tally.different))))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tests that passed have been given what was asked for, whichever of them ran."""
    if hasattr(session.config, "workerinput"):  # one process of several, which knows its own tests alone
        return
    too_few = [family for family, (given, _, _) in _counts(session.config).items() if given < wanted()]
    if too_few and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say how many inputs there were."""
    for family, (given, different, tests) in sorted(_counts(config).items()):
        short = "" if given >= wanted() else f": FEWER THAN THE {wanted():,} ASKED FOR"
        said = f"fuzz {family}: {given:,} inputs, {different:,} of them different, in {tests} tests{short}"
        terminalreporter.write_line(said)


def _tally(item: pytest.Item) -> Tally | None:
    return getattr(getattr(item, "obj", None), "tally", None)


def _counts(config: pytest.Config) -> dict[str, tuple[int, int, int]]:
    """By family: inputs, different ones, tests, of all that has been reported."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    found: dict[str, tuple[int, int, int]] = {}
    for reports in reporter.stats.values() if reporter is not None else ():
        for report in reports:
            if getattr(report, "when", "") != "call":
                continue
            for name, value in report.user_properties:
                if name == _COUNTED:
                    family, given, different = value
                    before = found.get(family, (0, 0, 0))
                    found[family] = (before[0] + given, before[1] + different, before[2] + 1)
    return found
