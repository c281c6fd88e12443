"""Values to columns and back: instants as integer microseconds, mappings as JSON, text any database takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlorch.domain.adapter_figures import bytes_read
from sqlorch.domain.errors import StateError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 in UTC, exact (no float in between).

    Raises:
        StateError: the instant has no time zone.
    """
    if instant.tzinfo is None:
        raise StateError(f"the instant {instant} has no time zone and cannot be stored")
    return (instant - _EPOCH) // _MICROSECOND


def to_micros_or_none(instant: datetime | None) -> int | None:
    """As :func:`to_micros`, letting None through."""
    return None if instant is None else to_micros(instant)


def from_micros(micros: int) -> datetime:
    """The instant, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def from_micros_or_none(micros: int | None) -> datetime | None:
    """As :func:`from_micros`, letting None through."""
    return None if micros is None else from_micros(micros)


def seconds_between(start: int | None, end: int | None) -> float | None:
    """Seconds from one stored instant to another, None when either is missing."""
    return None if start is None or end is None else (end - start) / 1_000_000


def clean_text(text: str) -> str:
    """Text without what a database refuses: NUL (PostgreSQL) and lone surrogates (both)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def clean_text_or_none(text: str | None) -> str | None:
    """As :func:`clean_text`, letting None through."""
    return None if text is None else clean_text(text)


def to_json(value: Mapping[str, Any], *, what: str) -> str:
    """A mapping as JSON text that reads back equal.

    Raises:
        StateError: it holds something JSON has no word for; ``what`` names the mapping in the message.
    """
    try:
        return json.dumps(dict(value), ensure_ascii=True, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise StateError(f"{what} cannot be stored as JSON: {error}") from error


def to_loose_json(value: Mapping[str, Any]) -> str:
    """A mapping for people to read: what JSON has no word for is written as its text."""
    return json.dumps({str(key): item for key, item in value.items()}, default=str, separators=(",", ":"))


def bytes_in(adapter_response: str | None) -> int | None:
    """Bytes read, out of the stored response of an adapter; most tell none, which is seen at once."""
    if not adapter_response or "bytes" not in adapter_response:
        return None
    return bytes_read(from_json(adapter_response))


def from_json(text: str) -> dict[str, Any]:
    """The mapping that :func:`to_json` wrote."""
    return cast("dict[str, Any]", json.loads(text))
