"""What a dbt session is opened with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlorch.engine.ports import Check

_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """Everything that stays the same over all runs of a session.

    Attributes:
        project_dir: folder that holds ``dbt_project.yml``.
        profiles_dir: folder that holds ``profiles.yml``.
        state_dir: sqlorch's own folder; dbt's parse cache and logs go below it, never into ``target/``.
        target: profile target, None for the profile's default.
        threads: nodes executed at once, None for the profile's own number.
        variables: the user's ``--vars``.
        sample_variables: a value for each interval variable, used where dbt parses without an interval.
        check: nodes beside dbt's own, None when the project has none.
        tag: what the names of the warehouse's connections begin with, ``""`` to leave them as they are.
        beside_others: runs of other processes may build relations meanwhile, in a warehouse that is a server.
    """

    project_dir: Path
    profiles_dir: Path
    state_dir: Path
    target: str | None = None
    threads: int | None = None
    variables: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    sample_variables: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    check: Check | None = None
    tag: str = ""
    beside_others: bool = False
