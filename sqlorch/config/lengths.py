"""Waits and limits as people write them: ``30``, ``30s``, ``1h30m``."""

from __future__ import annotations

import re

from sqlorch.domain.errors import ConfigError

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_TEXT = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,6})?)s)?\Z", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,6})?\Z", re.ASCII)
MAX_SECONDS = 366 * 86_400.0
FOREVER = "forever"
_DAYS = re.compile(r"(\d{1,5})([dw])\Z", re.ASCII)
_MOST_DAYS = 36_500


def parse_seconds(value: object) -> float:
    """Read a length of elapsed time.

    Args:
        value: seconds as a number, or text of days, hours, minutes, seconds in this order: ``1d``, ``1h30m``,
            ``2.5s``; text that is only a number is seconds.

    Returns:
        Seconds, at least 0 and at most 366 days.

    Raises:
        ConfigError: anything else.
    """
    seconds = _seconds(value)
    if seconds is None:
        raise ConfigError('must be seconds, or a duration like "30s", "5m", "1h30m"')
    if not 0 <= seconds <= MAX_SECONDS:
        raise ConfigError("must be a duration from 0 seconds to 366 days")
    return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _float(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _NUMBER.match(text):
        return float(text)
    parts = _TEXT.match(text)
    if not text or parts is None:
        return None
    return sum(float(n) * unit for n, unit in zip(parts.groups(), _UNITS.values(), strict=True) if n)


def _float(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:  # an integer beyond what a float holds
        return None
    return number if number == number else None  # noqa: PLR0124 - only NaN differs from itself


def parse_days(value: object) -> float | str:
    """Read how long something is kept: ``90d``, ``12w`` or ``forever``; returns days or ``forever``.

    Raises:
        ConfigError: anything else, less than a day, more than a hundred years.
    """
    if value == FOREVER:
        return FOREVER
    match = _DAYS.match(value) if isinstance(value, str) else None
    if match is None:
        raise ConfigError('must be days or weeks like "90d" or "12w", or forever')
    days = float(match[1]) * (7 if match[2] == "w" else 1)
    if not 1 <= days <= _MOST_DAYS:
        raise ConfigError(f"must be from 1d to {_MOST_DAYS}d")
    return days
