from __future__ import annotations

import json
import string
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.fuzz import fuzz

from sqlorch.config.json_schema import settings_schema
from sqlorch.config.meta import read_options
from sqlorch.config.places import Document, Place
from sqlorch.config.settings import Settings, settings_from
from sqlorch.config.variables import parse_vars
from sqlorch.config.yaml_loader import load_yaml
from sqlorch.domain.condition import condition_values, parse_condition
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.interval import Interval

HOME = Path("/warehouse")
SCHEMA = Draft202012Validator(settings_schema())
FILE = """\
groups:
  daily: {select: "tag:daily", schedule: "@daily", start: 2013-01-01, timezone: Europe/Berlin, retries: 2}
  weather:
    select: ["path:models/weather", other]
    every: 6h  # from the start
    start: 2013-01-01T06:00
    retry_delay: 30s
exports: {select: "tag:metrics", to: [metrics.duckdb, metrics.sqlite]}
variables:
  skip: [ds]
"""
PIECES = st.sampled_from(
    [
        "\n",
        "  ",
        "- ",
        ": ",
        "[",
        "]",
        "{",
        "}",
        "*",
        "&a",
        "@",
        "!!x ",
        "'",
        '"',
        "# ",
        "|\n",
        "---\n",
        "\t",
        "? ",
        "null",
        "true",
        "1e9",
        ".inf",
        "0x",
        "-1",
        "groups",
        "schedule",
        "* * * * *",
        "�",
        "\x00",
        "\x85",
        "é",
    ]
)
YAML_TEXT = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="ab:-?[]{},&*!|>'\"%@`#\n \t~0.", max_size=60),
    st.lists(PIECES, max_size=30).map("".join),
    st.tuples(st.integers(0, len(FILE)), st.integers(0, 12), PIECES).map(
        lambda cut: FILE[: cut[0]] + cut[2] + FILE[cut[0] + cut[1] :]
    ),
)
WORDS = [
    "@daily",
    "@hourly",
    "@once",
    "0 6 * * *",
    "*/5 * * * *",
    "0 0 31 2 *",
    "2013-01-01",
    "2013-02-30",
    "9999-12-31",
]
WORDS += [
    "6h",
    "30s",
    "1h30m",
    "UTC",
    "Europe/Berlin",
    "../etc",
    "window",
    "point",
    "a.db",
    "b.csv",
    "ds",
    "group",
    "",
    " ",
]
WORDS += ["all", "latest", "coalesce", "none", "wait", "ignore", "all_done", "one_failed", "retry", "fail"]
WORDS += ["day == 1", "weekday in [6, 7] or ds < '2013-01-01'", "((((", "off", "127.0.0.1:8790", "90d"]
WORDS += ["forever", "a", "b-c"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-2, 3),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=12),
)
GROUP_KEYS = [
    "select",
    "exclude",
    "schedule",
    "every",
    "start",
    "end",
    "interval",
    "batch",
    "timezone",
    "retries",
]
GROUP_KEYS += ["retry_delay", "timeout", "description"]
RULE_KEYS = ["catchup", "catchup_max", "upstream", "upstream_timeout", "max_active_runs", "depends_on_past"]
RULE_KEYS += ["finish_within", "start_within", "run_timeout", "queue_timeout", "after", "owner"]
GROUP_KEYS += RULE_KEYS
NODE_KEYS = ["group", "export", "pool", "run_if", "trigger_rule", "expected_runtime", "on_lost"]
STATE_KEYS = ["path", "runs_keep", "runs_keep_last"]
DAEMON_KEYS = ["grace", "worker_idle", "worker_nodes", "worker_memory_mb", "runs", "health"]
SECTIONS = ["groups", "defaults", "exports", "variables", "state", "pools", "daemon"]
KEYS = st.one_of(
    st.sampled_from([*GROUP_KEYS, *NODE_KEYS, *STATE_KEYS, *DAEMON_KEYS, "to", "skip", "all", "any"]),
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
GROUP = st.one_of(st.dictionaries(st.sampled_from(GROUP_KEYS), VALUES, max_size=6), VALUES)
DATA = st.one_of(
    st.dictionaries(st.sampled_from(SECTIONS), VALUES, max_size=3),
    st.dictionaries(
        st.just("groups"), st.dictionaries(st.sampled_from(["a", "b-c", "default", "x y"]), GROUP, max_size=3)
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "state": st.dictionaries(st.sampled_from(STATE_KEYS), SCALARS, max_size=3),
            "daemon": st.dictionaries(st.sampled_from(DAEMON_KEYS), SCALARS, max_size=3),
            "pools": st.dictionaries(st.sampled_from(["warehouse", "x y", "a"]), SCALARS, max_size=2),
            "defaults": st.dictionaries(st.sampled_from(RULE_KEYS), VALUES, max_size=3),
        },
    ),
    st.dictionaries(st.text(max_size=6), VALUES, max_size=2),
)


def attempt(read: Callable[..., Any], *arguments: Any, places: tuple[str, ...], **options: Any) -> Any:
    """What is read, or None when it is refused as it should be: printable lines, each with a place."""
    try:
        return read(*arguments, **options)
    except ConfigError as error:
        message = str(error)
    for line in message.split("\n"):
        assert line.startswith(places)
        assert line.isprintable()
    return None


def read(document: Document, environ: dict[str, str] | None = None) -> Settings | None:
    places = ("f.yml:", "environment variable SQLORCH__", "... and ")
    made: Settings | None = attempt(settings_from, document, environ or {}, project_dir=HOME, places=places)
    return made


@fuzz("text")
@given(YAML_TEXT)
def test_any_text_is_read_or_refused_in_one_sentence_with_a_line(text: str) -> None:
    document = attempt(load_yaml, text, "f.yml", places=("f.yml:",))
    if document is not None:
        read(document)


@fuzz("text")
@given(DATA)
def test_any_structure_is_settings_or_refused(data: Any) -> None:
    read(Document(data=data, values={(): Place("f.yml", 1, 1)}))


@fuzz("text")
@given(DATA)
def test_what_the_file_accepts_an_editor_accepts(data: Any) -> None:
    # An empty section is accepted for the sake of lines commented out; an editor may well remark on it.
    data = {key: value for key, value in data.items() if value is not None}
    if isinstance(data.get("groups"), dict):
        data["groups"] = {name: value for name, value in data["groups"].items() if value is not None}
    if read(Document(data=data, values={(): Place("f.yml", 1, 1)})):
        SCHEMA.validate(data)


ENVIRON = st.dictionaries(
    st.lists(
        st.sampled_from([*SECTIONS, "A", "B_C", "BATCH", "SELECT", "PATH", "", "_", "é"]), max_size=4
    ).map(lambda parts: "SQLORCH__" + "__".join(parts).upper()),
    st.one_of(st.sampled_from([*WORDS, "[1]", "{a: b}", "{", '"x"']), YAML_TEXT),
    max_size=3,
)


@fuzz("text")
@given(ENVIRON)
def test_any_environment_is_settings_or_refused(environ: dict[str, str]) -> None:
    read(load_yaml("groups: {a: {}, b-c: {select: x}}\nstate:\n", "f.yml"), environ)


@fuzz("text")
@given(
    st.sampled_from(["model", "test", "source"]),
    st.one_of(VALUES, st.dictionaries(KEYS | st.integers(), VALUES)),
)
def test_any_meta_is_options_or_refused(kind: str, said: Any) -> None:
    node = Node(unique_id="x.y", kind=kind, name="y", path="models/y.sql", config={"meta": {"sqlorch": said}})
    attempt(read_options, Dag([node], []), "UTC", places=("models/y.sql: meta.sqlorch of x.y: ",))


CONDITION_PIECES = [
    "day",
    "ds",
    "weekday",
    "month",
    "1",
    "7",
    "'x'",
    "==",
    "<",
    "in",
    "not",
    "and",
    "or",
    "%",
]
CONDITION_PIECES += [
    "(",
    ")",
    "[",
    "]",
    ",",
    "-",
    "+",
    "*",
    "//",
    "**",
    ".",
    "lambda",
    ":",
    "if",
    "else",
    "=",
    "is",
]
CONDITION_PIECES += [
    "True",
    "None",
    "f'{ds}'",
    "~",
    "|",
    "10000000000",
    "0x1",
    "1e5",
    "@",
    "`",
    "\\",
    "é",
    "\n",
]
CONDITIONS = st.one_of(
    st.lists(st.sampled_from(CONDITION_PIECES), max_size=20).map(" ".join),
    st.text(max_size=40),
    st.tuples(st.sampled_from(["(", "not ", "-", "1==(", "["]), st.integers(0, 600)).map(
        lambda p: p[0] * p[1]
    ),
)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds


@fuzz("text")
@given(CONDITIONS, MOMENTS, st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]))
def test_any_condition_is_decided_or_refused(text: str, start: datetime, zone: str) -> None:
    # Refusals have no place yet: what reads the condition adds it.
    condition = attempt(parse_condition, text, places=("",))
    if condition is not None:
        values = condition_values(Interval(start, start), timezone=zone, group="g")
        assert condition.holds(values) is eval(text.replace("\n", " "), {"__builtins__": {}}, dict(values))  # noqa: S307 - what Python itself says of what was let through
        assert condition.reason(values).isprintable()


@fuzz("text")
@given(YAML_TEXT)
def test_any_vars_are_a_mapping_or_refused(text: str) -> None:
    read_vars = attempt(parse_vars, text, places=("--vars",))
    assert read_vars is None or isinstance(read_vars, dict)


SAFE_TEXT = st.text(alphabet=string.ascii_letters + string.digits + " éß日_-:*@#'\"\\\n", max_size=8)
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(allow_nan=False, allow_infinity=False),
    )
    | SAFE_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAFE_TEXT, inner, max_size=4),
    max_leaves=12,
)


@fuzz("text")
@given(JSON, st.sampled_from([None, 1, 3]))
def test_json_is_read_as_it_is_and_every_scalar_is_where_it_is_said_to_be(
    data: Any, indent: int | None
) -> None:
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    document = load_yaml(text, "f.yml")
    assert document.data == data
    lines = text.split("\n")
    for path, place in document.values.items():
        value = document.data
        for part in path:
            value = value[part]
        written = json.dumps(value, ensure_ascii=False)
        # Of a list or mapping, which may go on in other lines, the bracket is enough.
        begins = written[0] if isinstance(value, dict | list) else written
        assert lines[(place.line or 0) - 1][(place.column or 0) - 1 :].startswith(begins)
