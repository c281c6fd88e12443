from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from sqlorch.cli.schema import schema
from sqlorch.config.model import File
from sqlorch.config.yaml_loader import load_yaml


@pytest.fixture(scope="module")
def printed() -> dict[str, Any]:
    result = CliRunner().invoke(schema)
    assert result.exit_code == 0
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def valid(printed: dict[str, Any], text: str) -> bool:
    return Draft202012Validator(printed).is_valid(load_yaml(text, "f.yml").data)


def test_it_is_a_schema_of_draft_2020_12(printed: dict[str, Any]) -> None:
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(printed)


def test_it_accepts_its_own_example_and_so_does_the_file(printed: dict[str, Any]) -> None:
    (example,) = printed["examples"]
    Draft202012Validator(printed).validate(example)
    assert set(File.model_validate(example).groups) == {"flights_daily", "weather_hourly"}


def test_every_key_has_a_description_and_every_example_is_valid(printed: dict[str, Any]) -> None:
    parts = [printed, *printed["$defs"].values()]
    assert len(parts) == 13
    for part in parts:
        assert part["description"]
        assert part["additionalProperties"] is False
        for key, value in part["properties"].items():
            assert value["description"], key
            checker = Draft202012Validator({**value, "$defs": printed["$defs"]})
            for example in value.get("examples", []):
                checker.validate(example)


def test_every_example_is_one_the_file_accepts(printed: dict[str, Any]) -> None:
    for key, value in printed["$defs"]["GroupKeys"]["properties"].items():
        assert value["examples"], key
        for example in value["examples"]:
            keys = {key: example} | ({"start": "2013-01-01"} if key == "every" else {})
            keys |= {"select": "x"} if key == "exclude" else {}
            File.model_validate({"groups": {"a": keys}})


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        'groups: {a: {select: "tag:x", schedule: "@daily", start: 2013-01-01, retries: 2, retry_delay: 30s}}',
        'groups: {a: {select: [a, b], schedule: ["0 6 * * *"], batch: 24, timeout: 5, interval: point}}',
        "exports: {to: metrics.duckdb}",
        "exports: {to: [a.db, b.sqlite3], select: x}",
        "variables: {skip: [ds, group]}",
        "groups: {a: {every: 6h, start: 2013-01-01, timezone: null}}",
    ],
)
def test_it_accepts_what_the_file_accepts(printed: dict[str, Any], text: str) -> None:
    assert valid(printed, text)
    File.model_validate(load_yaml(text, "f.yml").data)


@pytest.mark.parametrize(
    "text",
    [
        "grups: {}",
        "groups: {a: {shedule: x}}",
        "groups: {a: {batch: 0}}",
        "groups: {default: {}}",
        "groups: {'a b': {}}",
        "groups: {a: {interval: x}}",
        "groups: {a: {select: 5}}",
        "groups: {a: {every: 1mo}}",
        "defaults: {retries: -1}",
        "defaults: {retries: '2'}",
        "defaults: {retry_delay: soon}",
        "exports: {to: a.csv}",
        "variables: {skip: [dss]}",
        "state: {path: 5}",
    ],
)
def test_it_refuses_what_the_file_refuses(printed: dict[str, Any], text: str) -> None:
    assert not valid(printed, text)
    with pytest.raises(ValueError, match="validation error"):
        File.model_validate(load_yaml(text, "f.yml").data)
