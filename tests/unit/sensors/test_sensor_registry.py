from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, EntryPoints
from types import ModuleType

import pytest

from sqlorch.domain.errors import ConfigError
from sqlorch.sensors import registry
from sqlorch.sensors.registry import sensor_factory


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    module = ModuleType("a_stranger")
    module.Kafka = dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_stranger", module)
    known = [
        EntryPoint("kafka", "a_stranger:Kafka", registry.GROUP),
        EntryPoint("gone", "not_even_installed:X", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda **wanted: EntryPoints(known).select(**wanted))
    return known


def test_the_name_finds_the_sensor_of_anyone(points: list[EntryPoint]) -> None:
    points.append(points[0])  # seen twice on the path is one claim
    assert sensor_factory("kafka") is dict


def test_an_unknown_name_lists_the_known(points: list[EntryPoint]) -> None:
    with pytest.raises(ConfigError) as refused:
        sensor_factory("kafkaa")
    assert str(refused.value) == "there is no sensor 'kafkaa'; known are: gone, kafka"


def test_two_claims_and_one_that_does_not_load_are_refused(points: list[EntryPoint]) -> None:
    points.append(EntryPoint("kafka", "another:X", registry.GROUP))
    with pytest.raises(ConfigError, match="a_stranger:Kafka and another:X both provide the sensor 'kafka'"):
        sensor_factory("kafka")
    with pytest.raises(ConfigError, match=r"'gone' \(not_even_installed:X\) does not load"):
        sensor_factory("gone")
