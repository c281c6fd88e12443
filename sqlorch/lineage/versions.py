"""Versioned models: which versions an entry declares, and what each of them says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlorch.lineage.properties import entries, tests_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a model.

    Attributes:
        label: as text: ``1``, ``2a``.
        data: its own entry.
        latest: whether it is what an unversioned reference means.
        latest_label: which one is, as text.
        latest_value: the same as written in YAML.
    """

    label: str
    data: Mapping[str, Any]
    latest: bool
    latest_label: str
    latest_value: Any


def versions_of(data: Mapping[str, Any]) -> list[Version]:
    """Return the versions an entry declares, in its order; none for an unversioned model."""
    found = [item for item in entries(data.get("versions")) if item.get("v") is not None]
    if not found:
        return []
    declared = data.get("latest_version")
    latest_value = max((item["v"] for item in found), key=_Rank) if declared is None else declared
    latest = str(latest_value)
    return [
        Version(
            label=str(item["v"]),
            data=item,
            latest=str(item["v"]) == latest,
            latest_label=latest,
            latest_value=latest_value,
        )
        for item in found
    ]


def columns_for(data: Mapping[str, Any], version: Version) -> list[Mapping[str, Any]]:
    """Return the columns of a version: the model's, included or excluded, then its own."""
    rule: Mapping[str, Any] = {}
    own: list[Mapping[str, Any]] = []
    for item in entries(version.data.get("columns")):
        if "include" in item or "exclude" in item:
            rule = item
        else:
            own.append(item)
    return [column for column in entries(data.get("columns")) if _included(rule, column.get("name"))] + own


def tests_for(data: Mapping[str, Any], version: Version) -> list[Any]:
    """Return the tests of a version: its own where it lists any, even none, else the model's."""
    if version.data.get("data_tests") is not None or version.data.get("tests"):
        return tests_of(version.data)
    return tests_of(data)


def _included(rule: Mapping[str, Any], name: Any) -> bool:
    include = rule.get("include", "*")
    exclude = rule.get("exclude") or []
    return (include in ("*", "all") or name in include) and name not in exclude


class _Rank:
    """Orders versions as dbt does: as numbers where both are numbers, else as text."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __lt__(self, other: _Rank) -> bool:
        try:
            return float(self._value) < float(other._value)
        except ValueError:
            return str(self._value) < str(other._value)
