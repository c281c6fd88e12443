"""Whose sensors (``wait_for``) are whose, and what the groups and models they name are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlorch.domain.dag import EXECUTABLE_KINDS, TEST_KINDS, Dag
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.sensor import GROUP, LEDGER_KINDS, MODEL, SensorSpec

if TYPE_CHECKING:
    from sqlorch.domain.group import Group, NodeOptions

_PRODUCING = EXECUTABLE_KINDS - TEST_KINDS


def resolve_waits(
    dag: Dag, groups: Sequence[Group], owners: Mapping[str, str], options: Mapping[str, NodeOptions]
) -> list[Group]:
    """The groups with all their sensors: their own, then those of their nodes, each once.

    A model that is waited for is named by its unique id afterwards.

    Args:
        dag: the project.
        groups: every group.
        owners: the group's name of each node.
        options: what nodes say for themselves.

    Raises:
        ConfigError: names that mean nothing, several nodes, or the group itself; all at once.
    """
    said: dict[str, list[SensorSpec]] = {group.name: list(group.wait_for) for group in groups}
    for uid in sorted(options):
        if uid in owners:
            said[owners[uid]] += options[uid].wait_for
    if not any(said.values()):
        return list(groups)
    names = _Names(dag, said, owners)
    made = [replace(group, wait_for=_distinct(said[group.name], names, group.name)) for group in groups]
    if names.faults:
        raise ConfigError("\n".join(names.faults))
    return made


def awaited(group: Group, owners: Mapping[str, str]) -> dict[str, str]:
    """The groups this one waits for, each with the place that says so."""
    return {
        owners.get(sensor.target, sensor.target): sensor.origin
        for sensor in group.wait_for
        if sensor.kind in LEDGER_KINDS
    }


def _distinct(sensors: Sequence[SensorSpec], names: _Names, group: str) -> tuple[SensorSpec, ...]:
    found: list[SensorSpec] = []
    for sensor in sensors:
        meant = names.meaning(sensor, group)
        if not any(replace(meant, origin=other.origin) == other for other in found):
            found.append(meant)
    return tuple(found)


class _Names:
    """What the names in ``wait_for`` mean."""

    def __init__(self, dag: Dag, groups: Mapping[str, object], owners: Mapping[str, str]) -> None:
        self.faults: list[str] = []
        self._groups = sorted(groups)
        self._owners = owners
        self._nodes: dict[str, list[str]] = defaultdict(list)
        for uid in dag.order:
            if dag[uid].kind in _PRODUCING:
                self._nodes[uid].append(uid)
                self._nodes[dag[uid].name].append(uid)

    def meaning(self, sensor: SensorSpec, group: str) -> SensorSpec:
        """The sensor as it is meant; itself, and a fault, where that is not clear."""
        if sensor.kind == GROUP:
            return self._group(sensor, group)
        return self._model(sensor, group) if sensor.kind == MODEL else sensor

    def _group(self, sensor: SensorSpec, group: str) -> SensorSpec:
        if sensor.target not in self._groups:
            self._unknown(sensor, group, self._groups)
        elif sensor.target == group:
            self._fault(sensor, group, "which is itself; depends_on_past waits for the interval before")
        return sensor

    def _model(self, sensor: SensorSpec, group: str) -> SensorSpec:
        found = self._nodes.get(sensor.target, [])
        if not found:
            self._unknown(sensor, group, sorted(self._nodes))
        elif len(found) > 1:
            many = f"which means several nodes: {', '.join(found)}; write one of these ids"
            self._fault(sensor, group, many)
        elif self._owners.get(found[0]) == group:
            self._fault(sensor, group, "which runs with the same group; leave it out")
        else:
            return replace(
                sensor, target=found[0], description=sensor.description or sensor.named(sensor.target)
            )
        return sensor

    def _unknown(self, sensor: SensorSpec, group: str, known: Sequence[str]) -> None:
        near = get_close_matches(sensor.target[:80], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the groups are: {', '.join(self._groups)}"
        self._fault(sensor, group, f"which the project does not have; {hint}")

    def _fault(self, sensor: SensorSpec, group: str, what: str) -> None:
        place = f"{sensor.origin}: " if sensor.origin else ""
        self.faults.append(
            f"{place}the group {group!r} waits for the {sensor.kind} {sensor.target[:80]!r}, {what}"
        )
