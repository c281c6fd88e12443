"""Several daemons of one project on one PostgreSQL server, each with a clone of the folder of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.daemons import Daemon, running, until
from support.postgres import Postgres
from support.projects import Project, make_project

from sqlorch.config.references import STATE_URL


@dataclass
class Fleet:
    """The server, the files every clone has, and the daemons that were started."""

    server: Postgres
    root: Path
    files: Mapping[str, str]
    url: str
    warehouse: str
    daemons: list[Daemon] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def _schema(self) -> str:
        return self.url.rpartition("search_path%3D")[2]

    def clone(self, name: str) -> Project:
        """Another folder with the same project."""
        return make_project(
            self.root / name, {"profiles.yml": self.server.profile(self.warehouse), **self.files}
        )

    def start(self, name: str, *arguments: str) -> Daemon:
        """A daemon on a clone of its own."""
        self.daemons.append(self._stack.enter_context(running(self.clone(name), *arguments)))
        return self.daemons[-1]

    def close(self) -> None:
        self._stack.close()

    def state(self, sql: str) -> list[tuple[Any, ...]]:
        """Read what is remembered; nothing before the first daemon has made the tables."""
        if not self.server.query(f"SELECT 1 FROM pg_tables WHERE schemaname = '{self._schema}'"):
            return []
        return self.server.query(f"SET search_path TO {self._schema}; {sql}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the warehouse."""
        return self.server.query(f"SET search_path TO {self.warehouse}; {sql}")

    def leader(self) -> Daemon:
        """The daemon that leads."""

        def find() -> Daemon | None:
            pids = [pid for (pid,) in self.state("SELECT pid FROM lease ORDER BY lead_since, id LIMIT 1")]
            return next((one for one in self.daemons if [one.process.pid] == pids), None)

        found: Daemon = until(find, "a daemon that leads")
        return found


@contextmanager
def fleet(
    server: Postgres, root: Path, files: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleet]:
    """A state and a warehouse in schemas of their own; every daemon is gone at the end."""
    url = server.new_schema()
    monkeypatch.setenv(STATE_URL, url)
    made = Fleet(
        server=server, root=root, files=files, url=url, warehouse=f"w_{url.rpartition('search_path%3D')[2]}"
    )
    try:
        yield made
    finally:
        made.close()
