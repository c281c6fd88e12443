"""How fresh a source is, in words and as JSON."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.domain.freshness import (
    FreshnessStatus,
    SourceFreshness,
    freshness_from_json,
    freshness_to_json,
    spell_age,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD = SourceFreshness(
    unique_id="source.shop.raw.orders",
    source="raw.orders",
    status=FreshnessStatus.ERROR,
    snapshotted_at=NOON,
    max_loaded_at=NOON - timedelta(days=3, hours=2, minutes=59),
    warn_after=3600.0,
    error_after=86_400.0,
)
UNKNOWN = replace(OLD, status=FreshnessStatus.UNKNOWN, max_loaded_at=None, message="no such table")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (OLD, "raw.orders: error, its newest row is 3d2h old (may be 1d)"),
        (
            replace(OLD, status=FreshnessStatus.WARN),
            "raw.orders: warn, its newest row is 3d2h old (may be 1h)",
        ),
        (replace(OLD, status=FreshnessStatus.PASS), "raw.orders: pass, its newest row is 3d2h old"),
        (replace(OLD, max_loaded_at=None), "raw.orders: error, it holds no row that says when it was loaded"),
        (UNKNOWN, "raw.orders: could not be measured: no such table"),
    ],
)
def test_it_says_how_old_and_what_is_allowed(found: SourceFreshness, said: str) -> None:
    assert str(found) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0s"), (42.9, "42s"), (3_599, "59m59s"), (18_725, "5h12m"), (90_061, "1d1h"), (86_400, "1d")],
)
def test_an_age_has_two_units(seconds: float, said: str) -> None:
    assert spell_age(seconds) == said


def test_only_what_was_measured_is_stale() -> None:
    assert [replace(OLD, status=status).stale for status in FreshnessStatus] == [False, True, True, False]
    assert (OLD.age, UNKNOWN.age) == (269_940.0, None)


@pytest.mark.parametrize("found", [OLD, UNKNOWN])
def test_it_comes_back_from_json(found: SourceFreshness) -> None:
    assert freshness_from_json(freshness_to_json(found)) == found
