"""What pydantic found wrong, said in our words, at the place where it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from sqlorch.config.places import Document, Path, Place, dotted, shown

_KEY_MARK = "[key]"  # how pydantic ends the path of a fault in a key instead of its value
_MOST = 100
_SENTENCES: Mapping[str, str] = {
    "string_type": "must be text, not {input}{quote}",
    "int_type": "must be a whole number, not {input}",
    "greater_than_equal": "must be at least {ge}, not {input}",
    "less_than_equal": "must be at most {le}, not {input}",
    "bool_type": "must be true or false, not {input}",
    "list_type": "must be text or a list of texts, not {input}",
    "dict_type": "must be a mapping of keys to values, not {input}",
    "model_type": "must be a mapping of keys to values, not {input}",
    "model_attributes_type": "must be a mapping of keys to values, not {input}",
    "literal_error": "must be {expected}, not {input}",
    "invalid_key": "keys must be text",
    "missing": "is missing",
    "refused": "{sentence}",
}


def explain(error: ValidationError, document: Document, known: type[BaseModel]) -> str:
    """One line for each fault, in the order they are written; at most a hundred.

    Args:
        error: what pydantic found.
        document: the data that was checked, with its places.
        known: the model it was checked against, for offering the nearest key.
    """
    found = [_explain_one(fault, document, known) for fault in error.errors(include_url=False)]
    lines = [f"{place}: {sentence}" for place, sentence in sorted(found, key=_by_place)]
    if len(lines) > _MOST:
        lines[_MOST:] = [f"... and {len(lines) - _MOST} more"]
    return "\n".join(lines)


def _by_place(fault: tuple[Place, str]) -> tuple[str, int, int, str]:
    place, sentence = fault
    return place.source, place.line or 0, place.column or 0, sentence


def _explain_one(fault: Any, document: Document, known: type[BaseModel]) -> tuple[Place, str]:
    path: Path = fault["loc"]
    context: Mapping[str, Any] = fault.get("ctx", {})
    if fault["type"] == "extra_forbidden":
        return document.key_place(path), _unknown_key(path, known)
    of_key = path[-1:] == (_KEY_MARK,)
    path = path[:-1] if of_key else path
    if context.get("key"):
        path = (*path, context["key"])
    place = document.key_place(path) if of_key else document.value_place(path)
    template = _SENTENCES.get(fault["type"], str(fault["msg"]).replace("{", "{{").replace("}", "}}"))
    value = fault.get("input")
    quote = "" if isinstance(value, dict | list) else "; put it in quotes if it is meant as text"
    sentence = template.format(**{"input": shown(value), "quote": quote, **context})
    where = dotted(_as_written(path, document.data))
    return place, f"{where}: {sentence}" if where else sentence


def _as_written(path: Path, data: object) -> Path:
    """Leave out the index that a single value got when it was read as a list of one."""
    kept: list[str | int] = []
    for part in path:
        if isinstance(part, int) and not isinstance(data, Sequence):
            break
        if isinstance(data, str):
            break
        kept.append(part)
        data = _inside(data, part)
    return tuple(kept)


def _inside(data: Any, part: str | int) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _unknown_key(path: Path, known: type[BaseModel]) -> str:
    key, where = path[-1], dotted(path[:-1])
    names = sorted(keys_at(path[:-1], known))
    near = get_close_matches(str(key)[:64], names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(names)}"
    return f"unknown key {shown(key)}{f' in {where}' if where else ''}; {hint}"


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def keys_at(path: Path, model: type[BaseModel]) -> list[str]:
    """The keys a model knows at a path of the data it describes."""
    schema = _schema(model)
    part: dict[str, Any] = schema
    for step in path:
        inner = part.get("items") if isinstance(step, int) else part.get("properties", {}).get(step)
        part = _followed(inner or part.get("additionalProperties") or {}, schema)
    return list(part.get("properties", {}))


def _followed(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = part.get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[-1]] if reference else part
