from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType

import pytest

from sqlorch.domain.errors import ConfigError
from sqlorch.exporters import registry
from sqlorch.exporters.registry import exporter_for


class Recorder:
    def __init__(self, target: Path) -> None:
        self.target = target


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    module = ModuleType("a_stranger")
    module.Recorder = Recorder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_stranger", module)
    known = [
        EntryPoint("csv", "a_stranger:Recorder", registry.GROUP),
        EntryPoint("duckdb", "not_even_installed:X", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda **wanted: EntryPoints(known).select(**wanted))
    return known


@pytest.mark.parametrize("name", ["m.csv", "dir.duckdb/M.CSV"])
def test_the_suffix_finds_the_exporter_of_anyone(points: list[EntryPoint], name: str) -> None:
    exporter = exporter_for(Path(name))
    assert isinstance(exporter, Recorder)
    assert exporter.target == Path(name)


def test_an_unknown_suffix_lists_the_known(points: list[EntryPoint]) -> None:
    with pytest.raises(ConfigError) as refused:
        exporter_for(Path("out/metrics.parquet"))
    reason = "no exporter writes .parquet files; known suffixes: .csv, .duckdb"
    assert str(refused.value) == f"cannot export to out/metrics.parquet: {reason}"


def test_no_suffix(points: list[EntryPoint]) -> None:
    with pytest.raises(ConfigError, match="no exporter writes files without a suffix"):
        exporter_for(Path("metrics"))


def test_nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda **_: EntryPoints(()))
    with pytest.raises(ConfigError, match="is sqlorch installed"):
        exporter_for(Path("m.duckdb"))


def test_two_claims_are_refused(points: list[EntryPoint]) -> None:
    points.append(EntryPoint("csv", "another:X", registry.GROUP))
    with pytest.raises(ConfigError, match=r"a_stranger:Recorder and another:X both claim \.csv files"):
        exporter_for(Path("m.csv"))


def test_the_same_claim_seen_twice_is_one(points: list[EntryPoint]) -> None:
    points.append(EntryPoint("csv", "a_stranger:Recorder", registry.GROUP))
    assert isinstance(exporter_for(Path("m.csv")), Recorder)


def test_one_that_does_not_load_says_why(points: list[EntryPoint]) -> None:
    with pytest.raises(ConfigError, match=r"not_even_installed:X does not load \(No module named"):
        exporter_for(Path("m.duckdb"))
