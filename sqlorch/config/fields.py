"""The kinds of values a setting may have, each with its check and its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from difflib import get_close_matches
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from sqlorch.config.lengths import parse_days, parse_seconds
from sqlorch.config.places import one_line, shown
from sqlorch.config.references import ENV, FILE
from sqlorch.domain.condition import parse_condition
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import ANY_NUMBER, DEFAULT_GROUP, GROUP_NAME
from sqlorch.domain.schedule import parse_length
from sqlorch.domain.timetable import make_timetable
from sqlorch.domain.variables import VARIABLES
from sqlorch.domain.zones import YEARS, find_zone

EXPORT_SUFFIXES = (".duckdb", ".db", ".sqlite", ".sqlite3")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?\s?(Z|[+-]\d\d:\d\d)?)?\Z", re.ASCII)
_ONCE = "@once"
_OFF = "off"
_MOST_SLOTS = 1_000_000
_ADDRESS = re.compile(
    r"(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(?P<port>[0-9]{1,5})\Z", re.ASCII
)
_LAST_PORT = 65_535
INJECTED = tuple(variable.name for variable in VARIABLES)


def refusal(sentence: str, *, key: str | None = None) -> PydanticCustomError:
    """An error whose message is ``sentence``; ``key`` says which key of a mapping it is about."""
    return PydanticCustomError("refused", "{sentence}", {"sentence": one_line(sentence), "key": key})


def _checked(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Let pydantic collect the ConfigErrors of ``check`` with all the others."""

    def run(value: Any) -> Any:
        try:
            return check(value)
        except ConfigError as error:
            raise refusal(str(error)) from error

    return run


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _filled(values: list[str]) -> list[str]:
    if not values or not all(value.strip() for value in values):
        raise refusal("must not be empty")
    return values


def _schedule(values: list[str]) -> list[str]:
    # What @once needs besides is judged where all keys of the group are known.
    if values and _ONCE not in values:
        make_timetable(schedule=values)
    return values


def _every(text: str) -> str:
    parse_length(text)
    return text


def _zone(name: str) -> str:
    find_zone(name)
    return name


def _moment(value: object) -> datetime:
    # dbt reads YAML by its version 1.1, which has already made dates of what looks like one.
    text = value.isoformat() if isinstance(value, date) else value
    if not isinstance(text, str) or not _MOMENT.match(text):
        raise ConfigError(f"must be a date like 2013-01-01 or 2013-01-01T06:00, not {shown(value)}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{shown(text)} is not a date that exists: {error}") from error
    if moment.year not in YEARS:
        raise ConfigError(f"must lie in the years {YEARS.start} to {YEARS.stop - 1}, not in {moment.year}")
    return moment


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ConfigError("must be longer than 0 seconds")
    return seconds


def _group_name(name: str) -> str:
    if not GROUP_NAME.match(name):
        raise ConfigError(f"a group's name is 1 to 64 letters, digits, '_' and '-', not {shown(name)}")
    return name


def _pool_name(name: str) -> str:
    if not GROUP_NAME.match(name):
        raise ConfigError(f"a pool's name is 1 to 64 letters, digits, '_' and '-', not {shown(name)}")
    return name


def _own_group_name(name: str) -> str:
    if name == DEFAULT_GROUP:
        raise ConfigError(
            f"the name {DEFAULT_GROUP!r} is kept for the models no group selects; choose another name, "
            "or set what holds for all groups under defaults:"
        )
    return _group_name(name)


def _catchup_max(value: object) -> int | str:
    if value == ANY_NUMBER:
        return ANY_NUMBER
    if type(value) is not int or not 0 <= value <= _MOST_SLOTS:
        raise ConfigError(f"must be a whole number from 0 to {_MOST_SLOTS:,}, or none, not {shown(value)}")
    return value


def _after(value: object) -> dict[str, list[str]]:
    """``[a, b]`` and ``{all: [a, b]}`` wait for both, ``{any: [a, b]}`` for either."""
    if isinstance(value, str | list):
        value = {"all": value}
    if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= {"all", "any"}:
        raise ConfigError(
            "must be a group or model, a list of them, or one of {all: [...]} and {any: [...]}, "
            f"not {shown(value)}"
        )
    ((how, names),) = value.items()
    names = _listed(names)
    if names == []:
        raise ConfigError("names nothing; name a group or a model, or leave it out")
    if not isinstance(names, list):
        raise ConfigError(f"must name at least one group or model, not {shown(names)}")
    for name in names:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise ConfigError(f"names of groups and models are text, not {shown(name)}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"names {shown(twice)} twice")
    return {how: names}


def _one_line_text(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ConfigError("must be a line of text")
    return text


def _condition(text: str) -> str:
    return parse_condition(text).text


def _health(value: object) -> str:
    if value is False or value == _OFF:
        return _OFF
    match = _ADDRESS.match(value) if isinstance(value, str) else None
    if match is None or not 0 < int(match["port"]) <= _LAST_PORT:
        raise ConfigError(f'must be "host:port" as in "127.0.0.1:8790", or off, not {shown(value)}')
    return str(value)


def _variable(name: str) -> str:
    if name not in INJECTED:
        near = get_close_matches(name[:64], INJECTED, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"they are: {', '.join(INJECTED)}"
        raise ConfigError(f"sqlorch sets no variable {shown(name)}; {hint}")
    return name


def _path(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ConfigError("must be a file path without control characters")
    return text


def _state_url(text: str) -> str:
    """A reference to a URL; the URL itself only where it holds no secret. No message repeats it."""
    for prefix in (ENV, FILE):
        if text.startswith(prefix) and text.removeprefix(prefix).strip() and text.isprintable():
            return text
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or "password=" in parts.query.lower()
    except ValueError:
        parts, secret = urlsplit(""), False
    if secret:
        raise ConfigError(
            "holds a password, which does not belong in a file that is shared; put the URL into an "
            "environment variable or a file only you can read, and write env:SQLORCH_STATE_URL or "
            "file:/run/secrets/state_url"
        )
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ConfigError("must be env:NAME, file:PATH or postgresql://user@host/database")
    return text


def _export_path(text: str) -> str:
    if not _path(text).endswith(EXPORT_SUFFIXES):
        raise ConfigError(f"must end in one of {', '.join(EXPORT_SUFFIXES)}, unlike {shown(text)}")
    return text


_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_LENGTH = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[0-9.dhms]+$"}]}

Selection = Annotated[
    list[StrictStr], AfterValidator(_filled), BeforeValidator(_listed), WithJsonSchema(_TEXTS)
]
Schedule = Annotated[
    list[StrictStr],
    AfterValidator(_checked(_schedule)),
    AfterValidator(_filled),
    BeforeValidator(_listed),
    WithJsonSchema(_TEXTS),
]
Every = Annotated[
    StrictStr,
    AfterValidator(_checked(_every)),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+[smhdw]$"}),
]
Zone = Annotated[StrictStr, AfterValidator(_checked(_zone)), WithJsonSchema({"type": "string"})]
Moment = Annotated[
    datetime,
    BeforeValidator(_checked(_moment)),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"}),
]
Delay = Annotated[float, BeforeValidator(_checked(parse_seconds)), WithJsonSchema(_LENGTH)]
Timeout = Annotated[
    float,
    AfterValidator(_checked(_positive)),
    BeforeValidator(_checked(parse_seconds)),
    WithJsonSchema(_LENGTH),
]
Batch = Annotated[StrictInt, Field(ge=1, le=100_000)]
Retries = Annotated[StrictInt, Field(ge=0, le=100)]
VariableName = Annotated[
    StrictStr, AfterValidator(_checked(_variable)), WithJsonSchema({"type": "string", "enum": list(INJECTED)})
]
GroupName = Annotated[StrictStr, AfterValidator(_checked(_own_group_name))]
AnyGroupName = Annotated[StrictStr, AfterValidator(_checked(_group_name))]
StateUrl = Annotated[StrictStr, AfterValidator(_checked(_state_url))]
StatePath = Annotated[StrictStr, AfterValidator(_checked(_path))]
ExportPath = Annotated[StrictStr, AfterValidator(_checked(_export_path))]
ExportPaths = Annotated[
    list[ExportPath],
    BeforeValidator(_listed),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\.(duckdb|db|sqlite|sqlite3)$"},
                {"type": "array", "items": {"type": "string", "pattern": r"\.(duckdb|db|sqlite|sqlite3)$"}},
            ]
        }
    ),
]

_NAMES = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}
CatchupMax = Annotated[
    int | str,
    BeforeValidator(_checked(_catchup_max)),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": _MOST_SLOTS}, {"const": ANY_NUMBER}]}
    ),
]
After = Annotated[
    dict[str, list[str]],
    BeforeValidator(_checked(_after)),
    WithJsonSchema(
        {
            "anyOf": [
                *_NAMES["anyOf"],
                {
                    "type": "object",
                    "properties": {"all": _NAMES, "any": _NAMES},
                    "additionalProperties": False,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        }
    ),
]
Condition = Annotated[StrictStr, AfterValidator(_checked(_condition)), WithJsonSchema({"type": "string"})]
Owner = Annotated[StrictStr, AfterValidator(_checked(_one_line_text)), WithJsonSchema({"type": "string"})]
OneLine = Owner
GroupNames = Annotated[list[AnyGroupName], BeforeValidator(_listed), WithJsonSchema(_TEXTS)]
ActiveRuns = Annotated[StrictInt, Field(ge=1, le=10_000)]
PoolName = Annotated[StrictStr, AfterValidator(_checked(_pool_name))]
PoolSize = Annotated[StrictInt, Field(ge=1, le=10_000)]
Days = Annotated[
    float | str,
    BeforeValidator(_checked(parse_days)),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[0-9]+[dw]$"}, {"const": "forever"}]}),
]
WorkerNodes = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
Processes = Annotated[StrictInt, Field(ge=1, le=256)]
RunsAtOnce = Annotated[StrictInt, Field(ge=1, le=64)]
Megabytes = Annotated[StrictInt, Field(ge=128, le=1_000_000)]
KeptRuns = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
Health = Annotated[
    str,
    BeforeValidator(_checked(_health)),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": ":[0-9]+$"}, {"enum": ["off", False]}]}),
]
