"""How the types of DuckDB are written to SQLite, which has integers, floats, text, blobs and null.

Two rules. A number stays a number as long as SQLite gives the same digits back; a column in which one value
would lose digits is text instead, whole. Everything else is text of a form that sorts and that the date
functions of SQLite read. SQLite derives a column's affinity from the letters of its declared type
(https://www.sqlite.org/datatype3.html, 3.1): the declared types here are chosen so that no text is mistaken
for a number, and so that dashboards recognise them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

# A double keeps every decimal of so many significant digits (DBL_DIG of IEEE 754 binary64).
_EXACT_DIGITS = 15
# The largest power of ten that is a double itself (5**22 < 2**53).
_EXACT_POWER = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a column is written.

    Attributes:
        declared: its type in ``CREATE TABLE``.
        expression: the SQL of DuckDB that yields a bool, int, float, str or bytes; ``{c}`` is the column.
        fits: the SQL that says of a value whether nothing of it is lost, ``""`` when nothing ever is. Where
            it is false for any value, :data:`TEXT` is the form of the column.
    """

    declared: str
    expression: str = "{c}"
    fits: str = ""


TEXT = Form(declared="TEXT", expression="CAST({c} AS VARCHAR)")
_JSON = Form(declared="TEXT", expression="CAST(to_json({c}) AS VARCHAR)")
_WIDE = Form(
    declared="BIGINT",
    expression="TRY_CAST({c} AS BIGINT)",
    fits="TRY_CAST({c} AS BIGINT) IS NOT NULL",
)
_UNBOUNDED = Form(
    declared="BIGINT",
    # Through text: the direct TRY_CAST of a BIGNUM raises (seen with DuckDB 2.0.0).
    expression="TRY_CAST(CAST({c} AS VARCHAR) AS BIGINT)",
    fits="TRY_CAST(CAST({c} AS VARCHAR) AS BIGINT) IS NOT NULL",
)


def _seconds(text: str, digits: int) -> str:
    """Text of a time with no fraction or one of a fixed width, as ``datetime.isoformat`` has it."""
    return (
        f"CASE WHEN contains({text}, '.') THEN split_part({text}, '.', 1) || '.' "
        f"|| rpad(split_part({text}, '.', 2), {digits}, '0') ELSE {text} END"
    )


_LOCAL = "CAST({c} AS VARCHAR)"
_UTC = "CAST({c} AT TIME ZONE 'UTC' AS VARCHAR)"
_FORMS = {
    "BOOLEAN": Form(declared="BOOLEAN"),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT"), Form(declared="INTEGER")),
    **dict.fromkeys(("BIGINT", "UINTEGER"), Form(declared="BIGINT")),
    **dict.fromkeys(("UBIGINT", "HUGEINT", "UHUGEINT"), _WIDE),
    **dict.fromkeys(("BIGNUM", "VARINT"), _UNBOUNDED),
    "FLOAT": Form(declared="REAL", expression="CAST({c} AS DOUBLE)"),
    "DOUBLE": Form(declared="REAL"),
    "BLOB": Form(declared="BLOB"),
    "DATE": Form(declared="DATE", expression=_LOCAL),
    "TIME": Form(declared="TIME", expression=_seconds(_LOCAL, 6)),
    "TIME_NS": Form(declared="TIME", expression=_seconds(_LOCAL, 9)),
    **dict.fromkeys(
        ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS"),
        Form(declared="TIMESTAMP", expression=_seconds(_LOCAL, 6)),
    ),
    "TIMESTAMP_NS": Form(declared="TIMESTAMP", expression=_seconds(_LOCAL, 9)),
    "TIMESTAMP WITH TIME ZONE": Form(declared="TIMESTAMP", expression=_seconds(_UTC, 6)),
    "TIMESTAMPTZ_NS": Form(declared="TIMESTAMP", expression=_seconds(_UTC, 9)),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_NESTED = re.compile(r".*\]|(STRUCT|MAP|UNION)\(.*", re.DOTALL)


def form_of(kind: str) -> Form:
    """How a column of a DuckDB type (as ``DESCRIBE`` spells it) is written."""
    if known := _FORMS.get(kind):
        return known
    if decimal := _DECIMAL.fullmatch(kind):
        return _decimal(int(decimal[1]), int(decimal[2]))
    # Strings, enumerations, UUIDs, JSON, intervals, bit strings and times with a zone: as DuckDB prints them.
    return _JSON if _NESTED.fullmatch(kind) else TEXT


def _decimal(precision: int, scale: int) -> Form:
    declared = f"DECIMAL({precision},{scale})"
    if scale == 0:
        return Form(declared=declared, expression=_WIDE.expression, fits=_WIDE.fits)
    if precision <= _EXACT_DIGITS:
        return Form(declared=declared, expression="CAST({c} AS DOUBLE)")
    # Zeros at either end are no significant digits. The sign and the point go first.
    digits = "trim(replace(ltrim(CAST({c} AS VARCHAR), '-'), '.', ''), '0')"
    fits = f"length({digits}) <= {_EXACT_DIGITS}"
    # Text becomes the nearest double; the cast of a decimal divides, which DuckDB 1.x rounds twice for these.
    number = "CAST(CAST({c} AS VARCHAR) AS DOUBLE)"
    if scale <= _EXACT_POWER:
        # Below this bound both the digits and the divisor are exact doubles: the common case, and cheap.
        bound = Decimal(1).scaleb(_EXACT_DIGITS - scale)
        small = f"abs({{c}}) < CAST('{bound:f}' AS DECIMAL(38,{scale}))"
        fits = f"CASE WHEN {small} THEN true ELSE {fits} END"
        number = f"CASE WHEN {small} THEN CAST({{c}} AS DOUBLE) ELSE {number} END"
    return Form(declared=declared, expression=number, fits=fits)
