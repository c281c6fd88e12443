"""What ``wait_for`` and ``sensors`` may say: every key of a sensor, and how hosts are allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictStr,
    WithJsonSchema,
    model_validator,
)

from sqlorch.config.fields import Timeout, refusal
from sqlorch.config.keys import Keys
from sqlorch.config.places import shown
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.sensor import EVERY, SensorSpec
from sqlorch.domain.template import check_template, fill
from sqlorch.domain.variables import VARIABLES

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?\Z", re.ASCII)
_SENSOR_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z", re.ASCII)
_SOURCE = re.compile(r"[^\s.]{1,100}(\.[^\s.]{1,100})?\Z")
# fsspec reads much more, and would connect to any host a URL names, past the rules for hosts
_STORES = ("file", "local", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss")
_SHORTEST = 1.0
_SAMPLE = {variable.name: variable.example for variable in VARIABLES}
_INDEX, _KEY = r"\[[0-9]{1,6}\]", r"[^.\[\]]+"
_PATH = re.compile(rf"(?:{_KEY}|{_INDEX})(?:\.{_KEY}|{_INDEX})*\Z")
_KINDS = ("file", "sql", "http", "freshness", "group", "model", "sensor")
_ONLY_WITH = {"status": "http", "json_": "http", "with_": "sensor"}


def _refused(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        try:
            return check(value)
        except ConfigError as error:
            raise refusal(str(error)) from error

    return run


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ConfigError("must be a line of text")
    return check_template(text)


def _file(text: str) -> str:
    protocol, found, _ = _line(text).partition("://")
    if not found:
        return text
    if "::" in text or protocol.lower().startswith("http"):
        raise ConfigError("an address is waited for with http:, and chained URLs are not supported")
    if "{{" in protocol or "${" in protocol:
        raise ConfigError("the kind of a URL is fixed; variables go into its path")
    if protocol not in _STORES:
        raise ConfigError(
            f"{shown(protocol + '://')} is not waited for; a URL begins with one of "
            f"{', '.join(f'{store}://' for store in _STORES)}"
        )
    return text


def _query(text: str) -> str:
    if not text.strip().rstrip(";").strip():
        raise ConfigError("must be a query, as in select count(*) > 0 from raw.flights")
    if "\x00" in text:
        raise ConfigError("must not hold a NUL character")
    return check_template(text)


def _name(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ConfigError("must be the name of a group or model")
    return text


def _source(text: str) -> str:
    if not _SOURCE.match(text) or not text.isprintable():
        raise ConfigError(
            f"must be a source or one of its tables, as in raw or raw.flights, not {shown(text)}"
        )
    return text


def _sensor_name(text: str) -> str:
    if not _SENSOR_NAME.match(text):
        raise ConfigError(f"a sensor's name is lower-case letters, digits and '_', not {shown(text)}")
    return text


def _url(text: str) -> str:
    address = fill(_line(text), _SAMPLE)
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"{shown(text)} is no URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise ConfigError(f"must be a URL that begins with https:// or http://, not {shown(text)}")
    if "@" in parts.netloc:
        raise ConfigError("a URL must not hold a user name or password, which would be shown in reasons")
    if not address.isascii() or " " in address:
        raise ConfigError(f"{shown(text)} must be ASCII without blanks; percent-encode other characters")
    if "{{" in text.partition("://")[2].partition("/")[0]:
        raise ConfigError("the host of a URL is fixed; variables go into its path or query")
    return text


def _status(value: object) -> list[int]:
    codes = value if isinstance(value, list) else [value]
    if not codes or not all(type(code) is int and 100 <= code <= 599 for code in codes):  # noqa: PLR2004 - HTTP's range
        raise ConfigError(f"must be a status from 100 to 599, or a list of them, not {shown(value)}")
    return codes


def _expected(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ConfigError(f"must map paths to values, as in {{status.ready: true}}, not {shown(value)}")
    for path, wanted in value.items():
        if not isinstance(path, str) or not path.strip() or not path.isprintable():
            raise ConfigError(f"a path is text as in status.ready, not {shown(path)}")
        if not _PATH.match(path):
            raise ConfigError(
                f"cannot read the path {shown(path)}; it is keys and places from 0 on, as in files[0].state"
            )
        if not isinstance(wanted, str | int | float | bool | None):
            raise ConfigError(f"{shown(path)} is text, a number, true, false or null, not {shown(wanted)}")
        if isinstance(wanted, str):
            check_template(wanted)
    return value


def _told(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"must be a mapping of keys to values, not {shown(value)}")
    try:
        # what travels to the process that looks, and comes back as it was
        if json.loads(json.dumps(value, allow_nan=False)) != value:
            raise ConfigError("keys must be text")
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError("must hold text, numbers, true, false, null, lists and mappings alone") from error
    return value


def _every(seconds: float) -> float:
    if seconds < _SHORTEST:
        raise ConfigError("must be at least 1s")
    return seconds


def _host(text: str) -> str:
    if _HOST.match(text):
        return text.lower().rstrip(".")
    try:
        return str(ip_network(text.strip("[]")))
    except ValueError as error:
        raise ConfigError(
            "must be a host, an address or a network, as in localhost, 10.1.2.3 or 10.0.0.0/8, "
            f"not {shown(text)}"
        ) from error


def _listed(value: object) -> object:
    return [value] if isinstance(value, Mapping) else value


def _texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _text(check: Callable[[str], str]) -> Any:
    return Annotated[
        StrictStr, AfterValidator(_refused(check)), WithJsonSchema({"type": "string", "minLength": 1})
    ]


_STATUS = {"type": "integer", "minimum": 100, "maximum": 599}
Status = Annotated[
    list[int],
    BeforeValidator(_refused(_status)),
    WithJsonSchema({"anyOf": [_STATUS, {"type": "array", "items": _STATUS, "minItems": 1}]}),
]
Expected = Annotated[
    dict[str, Any],
    BeforeValidator(_refused(_expected)),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            "minProperties": 1,
        }
    ),
]


Told = Annotated[dict[str, Any], BeforeValidator(_refused(_told)), WithJsonSchema({"type": "object"})]


class SensorKeys(Keys):
    """One thing that runs wait for. Variables of the interval go in as in s3://raw/{{ ds }}.csv."""

    file: _text(_file) | None = Field(  # type: ignore[valid-type]
        default=None,
        description="A file or pattern that must exist, from the project's folder, or a URL for fsspec.",
        examples=["incoming/{{ ds }}/*.csv", "s3://raw/flights/{{ ds_nodash }}.csv"],
    )
    sql: _text(_query) | None = Field(  # type: ignore[valid-type]
        default=None,
        description="A query on the warehouse; the wait is over when the first value of its first row is "
        "true, a number other than 0, or text that is not empty.",
        examples=["select count(*) > 0 from raw.flights where day = date '{{ ds }}'"],
    )
    http: _text(_url) | None = Field(  # type: ignore[valid-type]
        default=None,
        description="An address that must answer as expected.",
        examples=["https://example.org/exports/{{ ds }}/status"],
    )
    status: Status | None = Field(
        default=None,
        description="Statuses the address may answer with; 200 when not set.",
        examples=[200, [200, 204]],
    )
    json_: Expected | None = Field(
        default=None,
        alias="json",
        description="Values its JSON answer must hold, by path.",
        examples=[{"status.ready": True, "files[0].state": "complete"}],
    )
    freshness: _text(_source) | None = Field(  # type: ignore[valid-type]
        default=None,
        description="A source, or one of its tables, that must be as fresh as the project says (pass).",
        examples=["raw", "raw.flights"],
    )
    group: _text(_name) | None = Field(  # type: ignore[valid-type]
        default=None, description="A group that must have finished the interval.", examples=["weather_hourly"]
    )
    model: _text(_name) | None = Field(  # type: ignore[valid-type]
        default=None, description="A model that must be done for the interval.", examples=["stg_airports"]
    )
    sensor: _text(_sensor_name) | None = Field(  # type: ignore[valid-type]
        default=None,
        description="A sensor that another package provides, by name.",
        examples=["kafka_offset"],
    )
    with_: Told | None = Field(
        default=None, alias="with", description="What that sensor is told.", examples=[{"topic": "flights"}]
    )
    every: Annotated[Timeout, AfterValidator(_refused(_every))] | None = Field(
        default=None, description="Time between two looks; 1m when not set.", examples=["5m"]
    )
    timeout: Timeout | None = Field(
        default=None,
        description="Longest a run waits from the first look on; then it fails.",
        examples=["6h"],
    )
    soft_fail: StrictBool | None = Field(
        default=None, description="Skip the run at the timeout instead of failing it.", examples=[True]
    )
    description: _text(_line) | None = Field(  # type: ignore[valid-type]
        default=None, description="What reasons call it.", examples=["the airline's file of {{ ds }}"]
    )

    @property
    def kinds(self) -> list[str]:
        """What it names to look at; exactly one once it is checked."""
        return [name for name in _KINDS if getattr(self, name) is not None]

    @model_validator(mode="after")
    def _look_at_one_thing(self) -> SensorKeys:
        kinds = self.kinds
        if not kinds:
            raise refusal(f"says nothing to wait for; give it one of {', '.join(_KINDS)}")
        if len(kinds) > 1:
            raise refusal(
                f"waits for {' and '.join(kinds)} in one; make each of them an item of its own", key=kinds[1]
            )
        for name, owner in _ONLY_WITH.items():
            if getattr(self, name) is not None and kinds[0] != owner:
                key = name.rstrip("_")
                raise refusal(f"{key} belongs to {owner}:, not to {kinds[0]}:", key=key)
        if self.soft_fail and self.timeout is None:
            raise refusal("soft_fail is about a timeout; add one", key="soft_fail")
        return self

    def spec(self, origin: str) -> SensorSpec:
        """The sensor as the domain has it."""
        (kind,) = self.kinds
        target = getattr(self, kind)
        return SensorSpec(
            kind=target if kind == "sensor" else kind,
            target=target,
            options=self._options(),
            every=EVERY if self.every is None else self.every,
            timeout=self.timeout,
            soft_fail=bool(self.soft_fail),
            description=self.description or "",
            origin=origin,
        )

    def _options(self) -> dict[str, Any]:
        if self.with_ is not None:
            return dict(self.with_)
        said = {"status": self.status, "json": self.json_}
        return {name: value for name, value in said.items() if value is not None}


WaitFor = Annotated[
    list[SensorKeys],
    BeforeValidator(_listed),
    Field(max_length=50),
]


class SensorsKeys(Keys):
    """What sensors may do."""

    allow_hosts: Annotated[
        list[Annotated[StrictStr, AfterValidator(_refused(_host))]],
        BeforeValidator(_texts),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
    ] = Field(
        default_factory=list,
        description="Hosts, addresses and networks that http: may reach though they are private or local.",
        examples=[["localhost", "10.20.0.0/16", "intranet.example.org"]],
    )


def sensor_specs(
    sensors: Sequence[SensorKeys] | None, origin: Callable[[int], str]
) -> tuple[SensorSpec, ...]:
    """The sensors as the domain has them.

    Args:
        sensors: as checked, None where nothing is said.
        origin: where the one with this index is written.
    """
    return tuple(sensor.spec(origin(index)) for index, sensor in enumerate(sensors or ()))
