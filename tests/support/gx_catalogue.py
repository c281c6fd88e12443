"""What the installed Great Expectations offers, in our catalogue's words; run it to write the file anew."""

from __future__ import annotations

import json
import os
import typing
from pathlib import Path
from typing import Any

CATALOGUE = Path(__file__).parents[2] / "sqlorch" / "checks" / "catalogue.json"
# of every expectation, or set by us: the severity, the rows, the batch
_COMMON = {
    "batch_id",
    "catch_exceptions",
    "condition_parser",
    "description",
    "id",
    "library_metadata",
    "meta",
    "notes",
    "rendered_content",
    "result_format",
    "severity",
    "windows",
}
# Compares with another data source, of which there is none here.
_NOT_OURS = {"expect_query_results_to_match_comparison"}
_WORDS = [
    ("number", ("float", "ConstrainedFloatValue")),
    ("moment", ("datetime.date", "datetime.datetime")),
    ("integer", ("int",)),
    ("boolean", ("bool",)),
    ("text", ("str", "StrictStr")),
]


def installed() -> dict[str, Any]:
    """Expectation types that work on SQL, each with its arguments: ``type[!]``, the mark for required."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    from great_expectations import expectations as offered  # noqa: PLC0415 - takes seconds

    found = {}
    for name in dir(offered):
        kind = getattr(offered, name)
        if not name.startswith("Expect") or name == "Expectation" or kind.expectation_type in _NOT_OURS:
            continue
        if "[PostgreSQL]" in (kind.__doc__ or ""):
            found[kind.expectation_type] = {
                argument: _type(field.outer_type_) + ("!" if field.required else "")
                for argument, field in sorted(kind.__fields__.items())
                if argument not in _COMMON
            }
    return found


def _type(annotation: Any) -> str:
    return "|".join(sorted(_types(annotation))) or "any"


def _types(annotation: Any) -> set[str]:  # noqa: PLR0911 - one answer a kind of type
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return {f"'{value}'" for value in typing.get_args(annotation)}
    if origin is typing.Annotated:
        return _types(typing.get_args(annotation)[0])
    if origin is typing.Union:
        members = (a for a in typing.get_args(annotation) if a not in (dict, type(None)))
        return set().union(*(_types(member) for member in members))
    if origin in (list, tuple, set) or annotation in (list, tuple, set, typing.List):  # noqa: UP006 - GX's own
        return {"list"}
    if "Sequence" in str(annotation):
        return {"list"}
    said = getattr(annotation, "__name__", str(annotation))
    full = f"{getattr(annotation, '__module__', '')}.{said}"
    for word, names in _WORDS:
        if said in names or full in names:
            return {word}
    return {"mapping"} if annotation is dict or "QuantileRange" in said else set()


if __name__ == "__main__":
    CATALOGUE.write_text(json.dumps(installed(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
