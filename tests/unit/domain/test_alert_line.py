from __future__ import annotations

from typing import Any

import pytest

from sqlorch.domain.alert_line import alert_line
from sqlorch.domain.alerts import KINDS

RUN = {"run_id": "sched-1", "group": "daily", "interval": "2026-01-05", "owner": ""}
SKIPS = {
    "group": "daily",
    "reason": "catchup_latest",
    "count": 1313,
    "first": "2022-06-01",
    "last": "2026-01-03",
}


@pytest.mark.parametrize(
    ("kind", "payload", "line"),
    [
        (
            "slot_skipped",
            SKIPS,
            "skipped 1,313 intervals of daily, 2022-06-01 to 2026-01-03: catchup is latest",
        ),
        (
            "slot_skipped",
            {**SKIPS, "count": 1, "first": "2026-01-03"},
            "skipped 1 interval of daily, 2026-01-03: catchup is latest",
        ),
        (
            "slot_skipped",
            {**RUN, "reason": "waited for file a"},
            "run sched-1 (daily 2026-01-05) was skipped: waited for file a",
        ),
        (
            "run_recovered",
            {**RUN, "gen": 1, "reason": ""},
            "run sched-1 (daily 2026-01-05) succeeded; the group has recovered",
        ),
        (
            "run_recovered",
            {**RUN, "still_failed": "2026-01-04"},
            "run sched-1 (daily 2026-01-05) succeeded; the group has recovered; still failed: 2026-01-04",
        ),
        (
            "sla_missed",
            {**RUN, "reason": "it has not started", "sla": "start_within"},
            "run sched-1 (daily 2026-01-05) is late: it has not started",
        ),
        ("group_held", {"group": "daily", "reason": "30 are due"}, "daily is held: 30 are due"),
        ("group_undecided", {"group": "daily", "reason": "no"}, "daily cannot be scheduled: no"),
        (
            "backfill_failed",
            {"backfill": "bf-1", "group": "daily", "reason": "1 of 2"},
            "the backfill bf-1 of daily failed: 1 of 2",
        ),
        ("clock_jumped", {"reason": "the clock shows the year 1970"}, "the clock shows the year 1970"),
        (
            "node_slow",
            {"run_id": "sched-1", "node": "model.p.a", "group": "daily", "expected_seconds": 5.0},
            "run sched-1: model.p.a takes longer than expected",
        ),
        ("of_a_newer_version", {"group": "daily", "reason": "so"}, "daily: of a newer version: so"),
    ],
)
def test_an_alert_is_a_sentence(kind: str, payload: dict[str, Any], line: str) -> None:
    assert alert_line(kind, payload) == line


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("payload", [RUN, {}, {"group": "daily"}])
def test_no_line_shows_names_of_fields(kind: str, payload: dict[str, Any]) -> None:
    line = alert_line(kind, payload)
    assert "run_id" not in line
    assert "_" not in line
    assert not line.endswith((":", " "))
