"""Conditions on an interval (``run_if``): a tiny language over its dates that can do nothing but compare.

The syntax is Python's: ``and or not``, ``== != < <= > >=``, ``in`` and ``not in`` a list, ``+ - * // %`` on
whole numbers. There are no calls, attributes, subscripts or names but those of
:data:`~sqlorch.domain.condition_syntax.NAMES`.
"""

from __future__ import annotations

import ast
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlorch.domain.condition_syntax import ARITHMETIC, COMPARISONS, read
from sqlorch.domain.interval import Interval, format_instant
from sqlorch.domain.zones import find_zone, label_at

Value = int | str | bool
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read; see :func:`parse_condition`."""

    text: str
    names: tuple[str, ...]
    tree: ast.expr

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether it is true for these values, which :func:`condition_values` makes."""
        return bool(_value(self.tree, values))

    def reason(self, values: Mapping[str, Value]) -> str:
        """Why it was not met, for people: ``run_if: day == 1 is false (day is 3)``."""
        seen = ", ".join(f"{name} is {values[name]!r}" for name in self.names)
        return f"run_if: {self.text} is false{f' ({seen})' if seen else ''}"


def condition_values(interval: Interval, *, timezone: str, group: str) -> dict[str, Value]:
    """What a condition may look at, by name."""
    zone = find_zone(timezone)
    start = label_at(interval.start, zone)
    day = start.date()
    year_week = day.isocalendar()
    return {
        "ds": day.isoformat(),
        "ds_nodash": day.isoformat().replace("-", ""),
        "ts": interval.start.astimezone(zone).isoformat(),
        "ts_nodash": f"{day.isoformat().replace('-', '')}T{start:%H%M%S}",
        "logical_date": format_instant(interval.start),
        "data_interval_start": format_instant(interval.start),
        "data_interval_end": format_instant(interval.end),
        "group": group,
        "weekday_name": _DAYS[day.weekday()],
        "year": day.year,
        "quarter": (day.month + 2) // 3,
        "month": day.month,
        "week": year_week.week,
        "day": day.day,
        "day_of_month": day.day,
        "day_of_year": day.timetuple().tm_yday,
        "days_in_month": monthrange(day.year, day.month)[1],
        "weekday": day.isoweekday(),
        "hour": start.hour,
        "minute": start.minute,
    }


@lru_cache(maxsize=1024)
def parse_condition(text: str) -> Condition:
    """Read a condition.

    Args:
        text: at most 500 characters.

    Raises:
        ConfigError: it is not a condition; one sentence without a place.
    """
    line = " ".join(text.split())
    tree = read(line)
    names = dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return Condition(line, tuple(names), tree)


def unmet(
    conditions: Iterable[tuple[str, str]], interval: Interval, *, timezone: str, group: str
) -> dict[str, str]:
    """Which nodes' conditions do not hold in an interval, with the reason people read.

    Args:
        conditions: unique id and ``run_if`` of nodes; those with ``""`` always run.
        interval: the run's.
        timezone: of the run's group.
        group: its name.

    Raises:
        ConfigError: a condition cannot be read.
    """
    values = condition_values(interval, timezone=timezone, group=group)
    asked = ((uid, parse_condition(text)) for uid, text in conditions if text)
    return {uid: condition.reason(values) for uid, condition in asked if not condition.holds(values)}


def _value(node: Any, values: Mapping[str, Value]) -> Any:
    """The value of a checked part; of a list the list of its values."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [_value(item, values) for item in node.elts]
    if isinstance(node, ast.Compare):
        return _compared(node, values)
    return _operated(node, values)


def _operated(node: Any, values: Mapping[str, Value]) -> Any:
    if isinstance(node, ast.BoolOp):
        parts = (_value(part, values) for part in node.values)
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.UnaryOp):
        operand = _value(node.operand, values)
        return not operand if isinstance(node.op, ast.Not) else -operand
    return ARITHMETIC[type(node.op)](_value(node.left, values), _value(node.right, values))


def _compared(node: ast.Compare, values: Mapping[str, Value]) -> bool:
    left = _value(node.left, values)
    for comparison, part in zip(node.ops, node.comparators, strict=True):
        right = _value(part, values)
        if isinstance(comparison, ast.In | ast.NotIn):
            held = (left in right) is isinstance(comparison, ast.In)
        else:
            held = COMPARISONS[type(comparison)](left, right)
        if not held:
            return False
        left = right
    return True
