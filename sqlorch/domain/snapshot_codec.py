"""A snapshot as JSON, the way it travels from the child process that read the project to the daemon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlorch.domain.catchup import CatchupPolicy
from sqlorch.domain.errors import StateError
from sqlorch.domain.group import Group, RunRules, ScheduleKeys
from sqlorch.domain.sensor import spec_from_json, spec_to_json
from sqlorch.domain.snapshot import Snapshot, SnapshotNode

FORMAT = 2
"""Raised with every change of this format; a daemon refuses what a newer installation prints."""


def encode_snapshot(snapshot: Snapshot) -> str:
    """One line of JSON. Retry policies and time limits are left out: the worker reads those itself."""
    document = {
        "format": FORMAT,
        "groups": [_group_out(group) for group in snapshot.groups.values()],
        "nodes": [_fields_out(node) for node in snapshot.nodes.values()],
        "warnings": list(snapshot.warnings),
    }
    return json.dumps(document, separators=(",", ":"))


def decode_snapshot(text: str) -> Snapshot:
    """The snapshot that :func:`encode_snapshot` wrote.

    Raises:
        StateError: the text is something else, or another version of sqlorch wrote it.
    """
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise StateError(_OTHER_VERSION)
        groups = [_group_in(data) for data in document["groups"]]
        nodes = [_node_in(data) for data in document["nodes"]]
        return Snapshot(
            groups={group.name: group for group in groups},
            nodes={node.unique_id: node for node in nodes},
            warnings=tuple(document["warnings"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"{_OTHER_VERSION} ({type(error).__name__}: {str(error)[:120]})") from error


_OTHER_VERSION = (
    "the description of the project cannot be read, because another version of sqlorch wrote it; "
    "restart the daemon"
)


def _fields_out(value: Any) -> dict[str, Any]:
    """Fields that differ from their defaults; a snapshot has thousands of nodes and few surprises."""
    return {
        field.name: _plain(said)
        for field in fields(value)
        if (said := getattr(value, field.name)) != field.default
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return sorted(value) if isinstance(value, frozenset) else value


def _group_out(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "keys": {**_fields_out(group.keys), "timezone": group.timezone},
        "rules": _fields_out(group.rules),
        "batch": group.batch,
        "select": group.select,
        "exclude": group.exclude,
        "description": group.description,
        "origin": group.origin,
        "owner": group.owner,
        "wait_for": [spec_to_json(sensor) for sensor in group.wait_for],
    }


def _group_in(data: Mapping[str, Any]) -> Group:
    keys = dict(data["keys"])
    if "schedule" in keys:
        keys["schedule"] = tuple(keys["schedule"])
    for bound in ("start", "end"):
        if bound in keys:
            keys[bound] = datetime.fromisoformat(keys[bound])
    rules = dict(data["rules"])
    if "after" in rules:
        rules["after"] = tuple(rules["after"])
    if "catchup" in rules:
        rules["catchup"] = CatchupPolicy(rules["catchup"])
    rest = {name: value for name, value in data.items() if name not in {"keys", "rules", "wait_for"}}
    sensors = tuple(spec_from_json(sensor) for sensor in data["wait_for"])
    schedule = ScheduleKeys(**keys)
    return Group(
        timetable=schedule.timetable(keys["timezone"]),
        keys=schedule,
        rules=RunRules(**rules),
        wait_for=sensors,
        **rest,
    )


def _node_in(data: Mapping[str, Any]) -> SnapshotNode:
    return SnapshotNode(**{**data, "parents": frozenset(data.get("parents", ()))})
