"""``wait_for`` of any shape, and whatever is on the wire: a sentence at most, never a traceback."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.fuzz import fuzz

from sqlorch.app.poke_messages import decode_answer, decode_pokes, encode_answer, encode_pokes
from sqlorch.config.json_schema import settings_schema
from sqlorch.config.meta import read_options
from sqlorch.config.places import Document, Place
from sqlorch.config.settings import settings_from
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.sensor import Look, SensorSpec, say_waiting, waiting_since
from sqlorch.domain.template import fill
from sqlorch.domain.variables import SAMPLE_INTERVAL, VARIABLES
from sqlorch.engine.sensing import shown_target
from sqlorch.engine.sensor_ports import Poke

VALUES = {variable.name: variable.example for variable in VARIABLES}
SCHEMA = Draft202012Validator(settings_schema())
KEYS = st.sampled_from(
    [
        *("file", "sql", "http", "status", "json", "freshness", "group", "model", "sensor", "with"),
        *("every", "timeout", "soft_fail", "description", "evry"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "a",
            "{{ ds }}",
            "{{ ds[:4] }}",
            "{{ x }}",
            "{{",
            "http://h/",
            "https://[::1/",
            "https://a@b/",
            "5m",
            "s3://a/b",
        ]
    ),
)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SENSOR = st.one_of(st.dictionaries(KEYS, VALUE, max_size=4), VALUE)
WAIT_FOR = st.one_of(st.lists(SENSOR, max_size=3), SENSOR)


def read(data: Any) -> tuple[SensorSpec, ...] | None:
    """The sensors, or None when they are refused on lines of their own."""
    document = Document(data=data, values={(): Place("sqlorch.yml", 1, 1)})
    try:
        return settings_from(document, {}, project_dir=Path("/warehouse")).groups[0].wait_for
    except ConfigError as error:
        _check_refusal(error, "sqlorch.yml")
        return None


def _check_refusal(error: ConfigError, place: str) -> None:
    """It is lines of print, each with its place."""
    lines = str(error).splitlines()
    assert lines
    assert all(line.startswith(place) and line.isprintable() for line in lines)


@fuzz("sensors")
@given(WAIT_FOR)
def test_any_wait_for_is_read_or_refused(said: Any) -> None:
    found = read({"groups": {"a": {"wait_for": said}}})
    for spec in found or ():
        shown_target(spec, VALUES)
        poke = Poke(key="k", spec=spec, interval=SAMPLE_INTERVAL, timezone="UTC", variables=VALUES)
        assert decode_pokes(encode_pokes([poke])) == [poke]


@fuzz("sensors")
@given(WAIT_FOR)
def test_what_the_schema_refuses_is_refused(said: Any) -> None:
    data = {"groups": {"a": {"wait_for": said}}}
    if read(data) is not None and isinstance(said, list):
        SCHEMA.validate(data)


@fuzz("sensors")
@given(WAIT_FOR)
def test_models_may_say_anything_too(said: Any) -> None:
    node = Node(
        unique_id="model.p.a",
        kind="model",
        name="a",
        path="a.sql",
        config={"meta": {"sqlorch": {"wait_for": said}}},
    )
    try:
        options = read_options(Dag([node], []), "UTC")
    except ConfigError as error:
        _check_refusal(error, "a.sql: meta.sqlorch of model.p.a")
    else:
        assert all(spec.origin == "a.sql" for spec in options["model.p.a"].wait_for)


@fuzz("sensors")
@given(st.text(alphabet="{}% ds[]:-0123456789_x", max_size=30))
def test_templates_are_filled_in_or_refused(text: str) -> None:
    try:
        filled = fill(text, VALUES)
    except ConfigError as error:
        _check_refusal(error, "")
    else:
        assert "{{" not in filled


@fuzz("sensors")
@given(st.binary(max_size=60))
def test_any_line_of_a_child_is_an_answer_or_nothing(line: bytes) -> None:
    found = decode_answer(line)
    assert found is None or isinstance(found[1], Look)


@fuzz("sensors")
@given(st.text(max_size=600), st.booleans(), st.booleans())
def test_answers_come_back_printable(said: str, met: bool, failed: bool) -> None:
    line = encode_answer("k", Look(met=met, said=said, failed=failed))
    assert line.count(b"\n") == 1
    key, look = decode_answer(line) or ("", Look(met=not met, said="\0"))
    assert (key, look.met, look.failed) == ("k", met, failed)
    assert look.said.isprintable()


@fuzz("sensors")
@given(st.text(max_size=80), st.datetimes().filter(lambda moment: moment.year >= 1000))
def test_the_beginning_of_a_wait_is_read_back_whatever_is_waited_for(what: str, begun: Any) -> None:
    since = begun.replace(tzinfo=UTC, microsecond=0)
    for next_look in (None, since):
        assert waiting_since(say_waiting(what, since=since, next_look=next_look)) == since
    waiting_since(what)
