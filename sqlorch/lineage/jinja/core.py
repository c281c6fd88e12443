"""dbt's own macros, as far as a project calls them while it is parsed.

dbt's macro files are not needed: none of them refers to a model, so only their text matters, and only to
column lineage. What is written here is the default dialect's form; a macro that is not listed renders to
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlorch.lineage.jinja.state import Target
from sqlorch.lineage.jinja.undefined import Lenient
from sqlorch.lineage.merge import as_list


def _joined(separator: str) -> Callable[..., str]:
    return lambda fields=(), *_rest: separator.join(str(field) for field in as_list(fields))


def _text(template: str, *names: str) -> Callable[..., str]:
    """Build a macro from a format string and the names of its arguments."""

    def macro(*args: Any, **kwargs: Any) -> str:
        values = dict.fromkeys(names, "")
        values.update(zip(names, map(str, args), strict=False))
        values.update({key: str(value) for key, value in kwargs.items() if key in values})
        return template.format(**values)

    return macro


def _false(*_args: Any, **_kwargs: Any) -> bool:
    return False


def _unknown(*_args: Any, **_kwargs: Any) -> Lenient:
    return Lenient(name="result")


def _empty(*_args: Any, **_kwargs: Any) -> str:
    return ""


def _columns(*_args: Any, **_kwargs: Any) -> list[Any]:
    return []


def _first(value: Any = "", *_args: Any, **_kwargs: Any) -> Any:
    return value


def _listagg(
    measure: Any,
    delimiter_text: Any = "','",
    order_by_clause: Any = None,
    limit_num: Any = None,
    **_kwargs: Any,
) -> str:
    del limit_num
    order = f" {order_by_clause}" if order_by_clause else ""
    return f"string_agg({measure}, {delimiter_text}{order})"


def _case_equals(expr1: Any, expr2: Any, *_args: Any) -> str:
    return f"case when ({expr1} = {expr2}) or ({expr1} is null and {expr2} is null) then 0 else 1 end = 0"


def default_schema(target: Target, custom_schema_name: Any = None, node: Any = None) -> str:
    """Dbt's rule for a schema: the target's, with the custom one behind it."""
    del node
    return f"{target.schema}_{str(custom_schema_name).strip()}" if custom_schema_name else target.schema


def schema_for_env(target: Target, custom_schema_name: Any = None, node: Any = None) -> str:
    """Dbt's other rule for a schema: the custom one in production, else the target's."""
    del node
    in_production = target.values.get("name") == "prod" and custom_schema_name is not None
    return str(custom_schema_name).strip() if in_production else target.schema


def default_database(target: Target, custom_database_name: Any = None, node: Any = None) -> str:
    """Dbt's rule for a database: the custom one, else the target's."""
    del node
    return str(custom_database_name).strip() if custom_database_name else target.database


def default_alias(target: Target, custom_alias_name: Any = None, node: Any = None) -> str:
    """Dbt's rule for a name: the custom one, else the node's, with its version."""
    del target
    if custom_alias_name:
        return str(custom_alias_name).strip()
    known = node if isinstance(node, Mapping) else {}
    version = known.get("version")
    suffix = f"_v{str(version).replace('.', '_')}" if version else ""
    return f"{known.get('name', '')}{suffix}"


NAMING: dict[str, Callable[..., str]] = {
    "generate_schema_name": default_schema,
    "generate_schema_name_for_env": schema_for_env,
    "generate_database_name": default_database,
    "generate_alias_name": default_alias,
}
"""The macros that name relations; unlike the others they need the target."""

CORE: dict[str, Callable[..., Any]] = {
    "is_incremental": _false,
    "should_full_refresh": _false,
    "should_store_failures": _false,
    "statement": _empty,
    "noop_statement": _empty,
    "run_query": _unknown,
    "get_columns_in_query": _columns,
    "get_columns_in_relation": _columns,
    "get_where_subquery": _first,
    "load_relation": _unknown,
    "load_cached_relation": _unknown,
    "type_string": _text("text"),
    "type_timestamp": _text("timestamp"),
    "type_float": _text("float"),
    "type_numeric": _text("numeric(28,6)"),
    "type_bigint": _text("bigint"),
    "type_int": _text("integer"),
    "type_boolean": _text("boolean"),
    "current_timestamp": _text("current_timestamp"),
    "current_timestamp_backcompat": _text("current_timestamp"),
    "current_timestamp_in_utc_backcompat": _text("current_timestamp"),
    "concat": _joined(" || "),
    "hash": _text("md5(cast({field} as text))", "field"),
    "cast": _text("cast({field} as {type})", "field", "type"),
    "safe_cast": _text("cast({field} as {type})", "field", "type"),
    "cast_bool_to_text": _text("cast({field} as text)", "field"),
    "any_value": _text("any_value({expression})", "expression"),
    "bool_or": _text("bool_or({expression})", "expression"),
    "date": _text("make_date({year}, {month}, {day})", "year", "month", "day"),
    "date_trunc": _text("date_trunc('{datepart}', {date})", "datepart", "date"),
    "dateadd": _text(
        "({from_date_or_timestamp} + ({interval}) * interval '1 {datepart}')",
        "datepart",
        "interval",
        "from_date_or_timestamp",
    ),
    "datediff": _text(
        "date_diff('{datepart}', {first_date}, {second_date})", "first_date", "second_date", "datepart"
    ),
    "date_spine": _text("select cast(null as timestamp) as date_{datepart}", "datepart"),
    "generate_series": _text("select 1 as generated_number"),
    "last_day": _text("last_day({date})", "date", "datepart"),
    "length": _text("length({expression})", "expression"),
    "listagg": _listagg,
    "position": _text("position({substring_text} in {string_text})", "substring_text", "string_text"),
    "replace": _text("replace({field}, {old_chars}, {new_chars})", "field", "old_chars", "new_chars"),
    "right": _text("right({string_text}, {length_expression})", "string_text", "length_expression"),
    "split_part": _text(
        "split_part({string_text}, {delimiter_text}, {part_number})",
        "string_text",
        "delimiter_text",
        "part_number",
    ),
    "string_literal": _text("'{value}'", "value"),
    "escape_single_quotes": lambda expression="": str(expression).replace("'", "''"),
    "except": _text("except"),
    "intersect": _text("intersect"),
    "equals": _case_equals,
    "array_construct": lambda inputs=(), *_rest: f"array[{_joined(', ')(inputs)}]",
    "array_append": _text("array_append({array}, {new_element})", "array", "new_element"),
    "array_concat": _text("array_cat({array_1}, {array_2})", "array_1", "array_2"),
}
