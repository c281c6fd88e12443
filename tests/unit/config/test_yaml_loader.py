from __future__ import annotations

import math

import pytest

from sqlorch.config.places import Place
from sqlorch.config.yaml_loader import MAX_DEPTH, MAX_NODES, load_yaml
from sqlorch.domain.errors import ConfigError

DEEP = MAX_DEPTH + 1
HINT = "YAML does not read a value that starts with {} unless it is quoted: "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# only a comment\n", None),
        ("a: 2013-01-01", {"a": "2013-01-01"}),
        ("a: 12:30:00", {"a": "12:30:00"}),
        ("a: off\nb: yes\nc: true", {"a": "off", "b": "yes", "c": True}),
        ("off: 1\n2013: 2\n~: 3\n2013-01-01: 4", {"off": 1, "2013": 2, "~": 3, "2013-01-01": 4}),
        ("a: [1, -2, 010, 0o10, 0x1f, 1_000]", {"a": [1, -2, 10, 8, 31, "1_000"]}),
        ("a: [1.5, .5, 1e3, -.inf]", {"a": [1.5, 0.5, 1000.0, float("-inf")]}),
        ("a: ['1', \"true\", '']", {"a": ["1", "true", ""]}),
        ("a: [~, null, Null]\nb:", {"a": [None, None, None], "b": None}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: " + "9" * 41, {"a": "9" * 41}),
        ("---\na: 1\n...\n", {"a": 1}),
    ],
)
def test_reads_plain_data_by_the_core_schema(text: str, expected: object) -> None:
    assert load_yaml(text, "f.yml").data == expected


def test_not_a_number_is_read() -> None:
    value = load_yaml("a: .nan", "f.yml").data["a"]
    assert math.isnan(value)


def test_every_value_and_key_knows_its_place() -> None:
    document = load_yaml("groups:\n  daily:\n    select: [a, 'b']\n    'x': {y: 1}\n", "f.yml")
    assert document.value_place(("groups", "daily", "select", 1)) == Place("f.yml", 3, 17)
    assert document.value_place(("groups", "daily", "x", "y")) == Place("f.yml", 4, 14)
    assert document.key_place(("groups", "daily")) == Place("f.yml", 2, 3)
    assert document.key_place(("groups", "daily", "x", "y")) == Place("f.yml", 4, 11)
    assert str(document.value_place(("groups", "daily", "nowhere", 3))) == "f.yml:3:5"
    assert document.value_place(()).file_line == "f.yml:1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1", "f.yml:1:4: anchors such as &x are not supported; repeat the value"),
        ("a: [&x b]", "f.yml:1:5: anchors such as &x"),
        ("a: {<<: *base}", "f.yml:1:9: aliases such as *base are not supported"),
        (
            "schedule: *foo",
            "f.yml:1:11: aliases such as *foo are not supported; repeat the value, or quote it",
        ),
        (
            "a: !!python/object/apply:os.system [ls]",
            "f.yml:1:4: tags such as tag:yaml.org,2002:python/object",
        ),
        ("a: !x 1", "f.yml:1:4: tags such as !x are not supported; remove it"),
        ("a: 1\nb: 2\na: 3", "f.yml:3:1: the key 'a' is written twice, first in line 1"),
        ("a:\n  b: 1\n  'b': 2", "f.yml:3:3: the key 'b' is written twice, first in line 2"),
        ("a: {? [b] : 1}", "f.yml:1:7: a key must be plain text"),
        ("a:\n  {{ x }}: 1", "f.yml:2:3: a key must be plain text, not a list or a mapping; braces of Jinja"),
        ("a: 1\n---\nb: 1", "f.yml:2:1: a second YAML document starts here"),
        ("a:\n  " + "[" * DEEP + "]" * DEEP, "f.yml:2:52: this is nested more than 50 levels deep"),
        ("a: [" + "x," * MAX_NODES + "]", "f.yml:1:19999: there are more than 10,000 values"),
        ("[" * 100_000, "f.yml:1:51: this is nested more than 50 levels deep"),
    ],
)
def test_refuses_what_settings_do_not_need(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml(text, "f.yml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "g:\n  schedule: */5 * * * *  # often",
            f'f.yml:2:13: {HINT.format("*")}quote the schedule, as in "*/5 * * * *"',
        ),
        (
            "schedule: @daily",
            f'f.yml:1:11: {HINT.format("@")}quote the schedule, as in "@daily"',
        ),
        (
            "schedule:\n  - @daily",
            f'f.yml:2:5: {HINT.format("@")}quote the schedule, as in "@daily"',
        ),
        (
            "g: {schedule: @daily, retries: 1}",
            f"f.yml:1:15: {HINT.format('@')}quote the schedule",
        ),
        (
            "exclude: @mart",
            f'f.yml:1:10: {HINT.format("@")}quote the value of exclude, as in "@mart"',
        ),
        ("a: `x`", "f.yml:1:4: a value cannot start with '`' in YAML; quote it"),
        ("\ta: 1", "f.yml:1:1: a tab stands where YAML wants spaces; indent with spaces"),
        (
            "a:\n  b: 1\n c: 2",
            "f.yml:3:2: this is not valid YAML: did not find expected key; check the indentation",
        ),
        (
            "a: b: c",
            "f.yml:1:5: this is not valid YAML: mapping values are not allowed in this context; check",
        ),
        ("a: 'open", "f.yml:1:9: this is not valid YAML: found unexpected end of stream"),
        ("a: [1, 2", "f.yml:2:1: this is not valid YAML: did not find expected ',' or ']'"),
        ("a: 1\nb: \x07", "f.yml:2:4: a character that YAML does not allow; remove it"),
        ("a: \ud800", "f.yml:1:4: a character that YAML does not allow; remove it"),
    ],
)
def test_says_what_is_wrong_with_broken_yaml_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml(text, "f.yml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_hostile_keys_cannot_break_the_line_of_a_message() -> None:
    with pytest.raises(ConfigError) as caught:
        load_yaml('"a\\n\\e[31mb": 1\n"a\\n\\e[31mb": 2', "f.yml")
    assert str(caught.value) == "f.yml:2:1: the key 'a??[31mb' is written twice, first in line 1"
