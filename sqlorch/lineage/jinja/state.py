"""What the functions of a template need to know: who is rendered, and where to note what they see."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlorch.lineage.jinja.capture import Capture


def midnight() -> datetime:
    """Return the beginning of the day, UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The warehouse a project is read for, from profiles.yml.

    Attributes:
        adapter: dbt's adapter type: ``duckdb``, ``postgres``, ``snowflake``, ...
        database, schema: where relations go by default.
        values: all of ``target`` as a template sees it, without secrets.
        assumed: what was assumed for want of a profile, and why; "" when one was read.
        name: as the profile calls it; "" without one.
    """

    adapter: str
    database: str
    schema: str
    values: Mapping[str, Any]
    assumed: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The node whose file is rendered.

    Attributes:
        unique_id, kind, name, package, path, fqn: as in :class:`sqlorch.domain.dag.Node`.
        raw: its text.
    """

    unique_id: str
    kind: str
    name: str
    package: str
    path: str = ""
    fqn: tuple[str, ...] = ()
    raw: str = ""


NOBODY = Subject(unique_id="", kind="model", name="", package="")


@dataclass(slots=True, kw_only=True)
class State:
    """The render under way.

    Attributes:
        target: the warehouse.
        root: name of the root project.
        variables: ``vars`` of each package, already in the order dbt looks them up.
        capture: where this render's findings go.
        subject: whose render it is.
        environment: environment variables as they were when loading began.
        today: the only time there is while loading: midnight UTC, so that one day gives one result.
    """

    target: Target
    root: str
    variables: Mapping[str, Mapping[str, Any]]
    capture: Capture = field(default_factory=Capture)
    subject: Subject = NOBODY
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    today: datetime = field(default_factory=midnight)

    def read_variable(self, name: str) -> tuple[bool, Any]:
        """Look up a variable for the subject and note it.

        Returns:
            whether it exists, and a copy of its value.
        """
        scope = self.variables.get(self.subject.package) or self.variables.get(self.root, {})
        found = name in scope
        value = scope.get(name)
        self.capture.variables[name] = _canonical(value) if found else None
        return found, deepcopy(value) if isinstance(value, dict | list) else value

    def read_env(self, name: str) -> str | None:
        """Look up an environment variable and note it."""
        value = self.environment.get(name)
        self.capture.env[name] = value
        return value

    def clock(self) -> datetime:
        """Return the time and note that it was asked for."""
        self.capture.dated = True
        return self.today


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def variable_digest(scope: Mapping[str, Any], name: str) -> str | None:
    """Return what :meth:`State.read_variable` would note for a variable now."""
    return _canonical(scope[name]) if name in scope else None


Render = Callable[[str], str]
"""Renders a string in the context of the render under way."""
