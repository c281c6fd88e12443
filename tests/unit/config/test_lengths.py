from __future__ import annotations

import pytest

from sqlorch.config.lengths import parse_seconds
from sqlorch.domain.errors import ConfigError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (30, 30),
        (0, 0),
        (1.5, 1.5),
        ("30", 30),
        ("30s", 30),
        ("2.5s", 2.5),
        ("5m", 300),
        ("1h30m", 5400),
        (" 1d ", 86_400),
    ],
)
def test_reads_numbers_and_text(value: object, seconds: float) -> None:
    assert parse_seconds(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "5x",
        "5 m",
        "m5",
        "30s5m",
        "-5",
        "1e3",
        "٣s",
        True,
        None,
        [],
        float("nan"),
        float("inf"),
        -1,
        10**400,
        "367d",
    ],
)
def test_refuses_everything_else(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^must be "):
        parse_seconds(value)
