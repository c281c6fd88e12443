"""What progress says of a node while a run goes on, on a terminal and on plain lines."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from sqlorch.cli.live import LiveProgress
from sqlorch.cli.plain import PlainProgress
from sqlorch.domain.expectations import Expectation, ExpectationResult
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeResult, NodeSpec, Outcome, RunSpec

NOW = datetime(2013, 1, 4, tzinfo=UTC)
UID = "expectations.shop.orders"


def _said(live: bool, *, outcome: Outcome, checked: int | None, message: str) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=200)
    progress: Any = (
        LiveProgress(console, total=1, threads=1, durations={})
        if live
        else PlainProgress(lambda line: print(line, file=stream), total=1)
    )
    node = NodeSpec(unique_id=UID, name="orders expectations", kind="expectations")
    progress.run_started(
        RunSpec(
            run_id="r", group="g", interval=Interval(NOW, NOW), timezone="UTC", variables={}, nodes=[node]
        )
    )
    found = ExpectationResult(expectation=Expectation(type="expect"), ok=outcome.ok, checked=checked)
    result = NodeResult(
        unique_id=UID, outcome=outcome, started_at=NOW, finished_at=NOW, message=message, checks=(found,)
    )
    progress.node_finished("r", UID, 1, result, None)
    return stream.getvalue()


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(
    ("outcome", "checked", "told"),
    [
        (Outcome.SUCCESS, 0, True),  # nothing was looked at: a person should see it
        (Outcome.SUCCESS, 7, False),
        (Outcome.SUCCESS, None, False),  # it counts no rows
        (Outcome.WARN, 7, True),
        (Outcome.FAIL, 0, True),
    ],
)
def test_the_words_of_a_success_are_told_where_it_had_no_rows(
    outcome: Outcome, checked: int | None, told: bool, live: bool
) -> None:
    assert ("as it was" in _said(live, outcome=outcome, checked=checked, message="as it was")) is told
