"""What PostgreSQL types are in Arrow, and how their text form is read.

Values are read from the text that the server sends, because drivers give Python objects that cannot hold all
of them: infinite dates become 9999-12-31, months of an interval become 30 days. The numbers of the types are
those of ``pg_type.dat`` and never change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

NUMERIC = 1700

# How DuckDB writes an infinite date (days) and timestamp (microseconds) in Arrow; it reads them back as such.
_INFINITE_DAYS = 2**31 - 1
_INFINITE_MICROSECONDS = 2**63 - 1

_INTERVAL = re.compile(
    r"(?:(?P<years>[-+]?\d+) years? ?)?(?:(?P<months>[-+]?\d+) mons? ?)?(?:(?P<days>[-+]?\d+) days? ?)?"
    r"(?:(?P<sign>[-+]?)(?P<h>\d+):(?P<m>\d\d):(?P<s>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnType:
    """A type of a result's column: in Arrow, and from the text the server sends to a value of it."""

    arrow: pa.DataType
    parse: Callable[[str], Any]


def read_date(text: str) -> date | int:
    """``2013-01-31``, ``infinity`` or ``-infinity``.

    Raises:
        ValueError: a date before year 1 or after year 9999.
    """
    if text.endswith("infinity"):
        return -_INFINITE_DAYS if text.startswith("-") else _INFINITE_DAYS
    return date.fromisoformat(_within_years(text))


def read_timestamp(text: str) -> datetime | int:
    """``2013-01-31 12:00:00.5``, with or without an offset, ``infinity`` or ``-infinity``.

    Raises:
        ValueError: a time before year 1 or after year 9999.
    """
    if text.endswith("infinity"):
        return -_INFINITE_MICROSECONDS if text.startswith("-") else _INFINITE_MICROSECONDS
    return datetime.fromisoformat(_within_years(text))


def _within_years(text: str) -> str:
    if text.endswith("BC") or not text[4:5] == "-":
        raise ValueError(f"{text} is outside the years 1 to 9999")
    return text


def read_time(text: str) -> time | int:
    """``12:00:00.5`` up to ``24:00:00``, which Python's time does not have: microseconds then."""
    return 86_400_000_000 if text == "24:00:00" else time.fromisoformat(text)


def read_interval(text: str) -> pa.MonthDayNano:
    """``1 year 2 mons -3 days 04:05:06.5``, the IntervalStyle ``postgres``, which is the default.

    Raises:
        ValueError: another style, or an infinite interval, which nothing else has.
    """
    found = _INTERVAL.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"the interval {text!r} cannot be read; is the user's IntervalStyle postgres?")
    number = {key: int(found[key] or 0) for key in ("years", "months", "days", "h", "m", "s")}
    nanoseconds = ((number["h"] * 60 + number["m"]) * 60 + number["s"]) * 10**9
    nanoseconds += int((found["fraction"] or "").ljust(9, "0"))
    if found["sign"] == "-":
        nanoseconds = -nanoseconds
    return pa.MonthDayNano([number["years"] * 12 + number["months"], number["days"], nanoseconds])


def read_bytea(text: str) -> bytes:
    r"""``\xdeadbeef``, the ``bytea_output`` hex, which is the default.

    Raises:
        ValueError: the style escape.
    """
    if not text.startswith("\\x"):
        raise ValueError("bytea_output is not hex; set it for the user")
    return bytes.fromhex(text[2:])


def _is_true(text: str) -> bool:
    return text == "t"


def _uuid_bytes(text: str) -> bytes:
    return UUID(text).bytes


TEXT = ColumnType(arrow=pa.string(), parse=str)
_JSON = ColumnType(arrow=pa.json_(pa.string()), parse=str)
_TYPES = {
    16: ColumnType(arrow=pa.bool_(), parse=_is_true),
    17: ColumnType(arrow=pa.binary(), parse=read_bytea),
    20: ColumnType(arrow=pa.int64(), parse=int),
    21: ColumnType(arrow=pa.int16(), parse=int),
    23: ColumnType(arrow=pa.int32(), parse=int),
    26: ColumnType(arrow=pa.uint32(), parse=int),
    114: _JSON,
    700: ColumnType(arrow=pa.float32(), parse=float),
    701: ColumnType(arrow=pa.float64(), parse=float),
    1082: ColumnType(arrow=pa.date32(), parse=read_date),
    1083: ColumnType(arrow=pa.time64("us"), parse=read_time),
    1114: ColumnType(arrow=pa.timestamp("us"), parse=read_timestamp),
    1184: ColumnType(arrow=pa.timestamp("us", tz="UTC"), parse=read_timestamp),
    1186: ColumnType(arrow=pa.month_day_nano_interval(), parse=read_interval),
    2950: ColumnType(arrow=pa.uuid(), parse=_uuid_bytes),
    3802: _JSON,
}
# The type of an array, and that of its elements. Elements of other types (numeric, whose scale an array does
# not tell, uuid, json, text) stay text, digit for digit.
_ELEMENTS = {
    1000: 16, 1001: 17, 1005: 21, 1007: 23, 1016: 20, 1021: 700, 1022: 701, 1028: 26,
    1115: 1114, 1182: 1082, 1183: 1083, 1185: 1184, 1187: 1186,
    **dict.fromkeys((199, 1003, 1009, 1014, 1015, 1231, 2951, 3807), 25),
}  # fmt: skip


def scalar(number: int) -> ColumnType:
    """The type of a column that is no array; text for every type not known here, as the server prints it."""
    return _TYPES.get(number, TEXT)


def element(number: int) -> ColumnType | None:
    """The type of the elements when the type is an array, else None."""
    inner = _ELEMENTS.get(number)
    return None if inner is None else scalar(inner)


def decimal(precision: int, scale: int) -> ColumnType:
    """A numeric of up to 38 digits."""
    return ColumnType(arrow=pa.decimal128(precision, scale), parse=Decimal)
