"""The rules of an examination that need nothing but figures."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sqlorch.domain.remarks import Grade, judge_skew, judge_space, within

MB, GB = 1_000_000, 1_000_000_000


@pytest.mark.parametrize(
    ("free", "total", "grade"),
    [
        (99 * MB, 10 * GB, Grade.ERROR),
        (100 * MB, 10 * GB, Grade.WARNING),
        (999 * MB, 10 * GB, Grade.WARNING),
        (GB, 10 * GB, Grade.OK),
        (49 * GB, 1000 * GB, Grade.WARNING),
        (50 * GB, 1000 * GB, Grade.OK),
    ],
)
def test_room_on_a_disk(free: int, total: int, grade: Grade) -> None:
    assert judge_space(free, total) is grade


@pytest.mark.parametrize(
    ("seconds", "grade", "said"),
    [
        (5, Grade.OK, "within 5 s"),
        (-6, Grade.WARNING, "6 s behind the state database's"),
        (31, Grade.ERROR, "31 s ahead of the state database's; no daemon decides"),
    ],
)
def test_a_clock_beside_the_databases(seconds: int, grade: Grade, said: str) -> None:
    remark = judge_skew(timedelta(seconds=seconds))
    assert remark.grade is grade
    assert said in remark.message


def test_a_clock_that_could_not_be_compared_is_a_note() -> None:
    assert judge_skew(None).grade is Grade.NOTE


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("1.11.16", ">=1.10,<1.12", True),
        ("1.10", ">=1.10,<1.12", True),
        ("1.9.9", ">=1.10,<1.12", False),
        ("1.12.0", ">=1.10,<1.12", False),
        ("1.12.0b1", "<1.12", False),
        ("2.0", "<=2.0.0", True),
        ("2.0.1", "==2.0", False),
        ("2.0.1", "!=2.0.1,>1", False),
        ("30.30.0", "", True),
    ],
)
def test_versions_within_a_range(version: str, wanted: str, fits: bool) -> None:
    assert within(version, wanted) is fits
