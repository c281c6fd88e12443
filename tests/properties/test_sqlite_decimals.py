"""A decimal is a number in SQLite exactly as long as the number has all of its digits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sqlorch.exporters.sqlite_types import form_of

SOURCE = duckdb.connect()
TARGET = sqlite3.connect(":memory:")


@st.composite
def decimals(draw: st.DrawFn) -> tuple[int, int, int]:
    """Precision, scale, and the digits without the point; trailing zeros are frequent."""
    precision = draw(st.integers(1, 38))
    zeros = draw(st.integers(0, precision - 1))
    most = 10 ** (precision - zeros) - 1
    return precision, draw(st.integers(0, precision)), draw(st.integers(-most, most)) * 10**zeros


def significant(unit: int) -> int:
    return len(str(abs(unit)).strip("0"))


@given(case=decimals())
@example(case=(16, 1, 10**15 - 1))
@example(case=(16, 1, 10**15 + 1))
@example(case=(18, 2, 9_007_199_254_740_993))
@example(case=(38, 38, -(10**15)))
@example(case=(38, 20, 125 * 10**19))
@example(case=(38, 0, 2**63 - 1))
@example(case=(38, 0, -(2**63)))
@example(case=(38, 0, 2**63))
@settings(max_examples=300, deadline=None)
def test_a_decimal_keeps_its_digits(case: tuple[int, int, int]) -> None:
    precision, scale, unit = case
    exact = Decimal(f"{unit}E{-scale}")  # scaleb would round to the 28 digits of the context
    form = form_of(f"DECIMAL({precision},{scale})")
    value = f"CAST('{exact:f}' AS DECIMAL({precision},{scale}))"
    query = f"SELECT {form.expression.format(c=value)}, {form.fits.format(c=value) or 'true'}"
    ((written, fits),) = SOURCE.execute(query).fetchall()
    in_range = -(2**63) <= unit < 2**63
    assert fits == (in_range if scale == 0 else significant(unit) <= 15)
    if fits:
        with closing(TARGET.execute(f"SELECT CAST(? AS {form.declared})", [written])) as cursor:
            (read,) = cursor.fetchone()
        # The nearest double, which is what any reader that parses the digits has too.
        assert read == (unit if scale == 0 else float(exact))
        assert Decimal(read if isinstance(read, int) else f"{read:.15g}") == exact
