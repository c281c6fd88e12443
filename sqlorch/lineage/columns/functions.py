"""What must be known about functions by name."""

from __future__ import annotations

from sqlglot import exp

from sqlorch.lineage.columns.syntax import words

# sqlglot files these under aggregates; they pick one row's value inside a window.
_WINDOW_ONLY = words(
    "Lag Lead FirstValue LastValue NthValue RowNumber Rank DenseRank Ntile PercentRank CumeDist"
)
_AGGREGATES = words(
    "arbitrary array_union_agg bitmap_or_agg bitwise_and_agg bool_and bool_or checksum count_star"
    " countif every geometric_mean histogram json_agg json_arrayagg json_object_agg json_objectagg"
    " jsonb_agg jsonb_object_agg kurtosis list listagg mad map_agg multimap_agg object_agg percentile"
    " product string_agg sumif xmlagg favg fsum kahan_sum bit_count_agg approx_top_k"
)
_UNITS = words(
    "nanosecond nanoseconds ns microsecond microseconds us millisecond milliseconds ms second seconds s"
    " minute minutes mi hour hours hh day days dd d dow dayofweek doy dayofyear week weeks wk isoweek"
    " weekiso isoyear month months mm mon quarter quarters qtr q year years yy yyyy decade century"
    " millennium epoch epoch_second timezone_hour timezone_minute"
)


def is_aggregate(node: exp.Expression) -> bool:
    """Whether a call makes one value out of many rows."""
    if isinstance(node, exp.AggFunc):
        return type(node).__name__ not in _WINDOW_ONLY
    return isinstance(node, exp.Anonymous) and node.name.lower() in _AGGREGATES


def keyword_arguments(column: exp.Expression) -> bool:
    """Whether a "column" is an argument's name (``f(x = 1)`` in DuckDB) or a date part (``f(day, x)``)."""
    parent = column.parent
    if isinstance(parent, exp.Anonymous):
        return not column.this.args.get("quoted") and column.name.lower() in _UNITS
    return False
