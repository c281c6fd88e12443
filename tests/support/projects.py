"""A small dbt project written from a dictionary, and sqlorch started on it as a user starts it."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb

from sqlorch.cli.main import main

REPOSITORY = Path(__file__).parents[2]
DAY = "2013-01-03"

_PROJECT = """\
name: shop
version: "1.0"
profile: shop
flags: {send_anonymous_usage_stats: false}
"""
_PROFILE = """\
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: "{{ env_var('SHOP_WAREHOUSE', 'DEFAULT') }}", threads: 4}
"""


@dataclass(frozen=True)
class Said:
    """What a command left behind: exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as the single JSON document that ``--json`` promises."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """The nodes of the only run of the document, by name."""
        document = self.document
        (run,) = document.get("runs", [document])
        return {name_of(node["unique_id"]): node for node in run["nodes"]}

    @property
    def states(self) -> dict[str, str]:
        """State by node name of the only run of the document."""
        return {name: node["state"] for name, node in self.nodes.items()}

    def told(self, code: int) -> str:
        """The error message, after checking that it is the only thing said and no traceback."""
        assert self.code == code, (self.code, self.out, self.err)
        assert "Traceback" not in self.out + self.err
        assert "defect of sqlorch" not in self.err
        return self.err.strip()


@dataclass(frozen=True)
class Project:
    """A dbt project in a folder of its own, with its profile and DuckDB warehouse."""

    root: Path

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")

    def arguments(self, *arguments: str) -> list[str]:
        """A command line that names this project."""
        verb, *rest = arguments
        where = ["--project-dir", str(self.root), "--profiles-dir", str(self.root)]
        split = 2 if verb in {"runs", "db", "sensors", "backfill"} else 1
        words = [verb, *rest]
        return [*words[:split], *where, *words[split:]]

    def sqlorch(self, *arguments: str) -> Said:
        """Run a command in this process, which has paid for importing dbt already."""
        return call(*self.arguments(*arguments))

    def run(self, *arguments: str, interval: str = DAY) -> Said:
        """``sqlorch run --json`` over a day."""
        return self.sqlorch("run", "--json", "--interval", interval, *arguments)

    def process(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """Start ``python -m sqlorch`` as a process of its own."""
        command = [sys.executable, "-m", "sqlorch", *self.arguments(*arguments)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=environment(), **(pipes | more))

    def spawn(self, *arguments: str, **more: Any) -> Said:
        """Run ``python -m sqlorch`` to its end."""
        process = self.process(*arguments, **more)
        out, err = process.communicate(timeout=120)
        return Said(code=process.returncode, out=out, err=err)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the warehouse; it must not be held by anybody."""
        return rows_of(self.warehouse, sql)

    def query_state(self, sql: str) -> list[tuple[Any, ...]]:
        """Read what sqlorch remembers of the project."""
        with closing(sqlite3.connect(self.root / ".sqlorch" / "state.db")) as connection:
            return connection.execute(sql).fetchall()


def call(*arguments: str) -> Said:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(list(arguments))
        except SystemExit as done:
            code = done.code
    return Said(code=int(code or 0), out=out.getvalue(), err=err.getvalue())


def make_project(root: Path, files: Mapping[str, str]) -> Project:
    """Write a project; ``dbt_project.yml`` and ``profiles.yml`` are the usual ones unless they are given."""
    root.mkdir(parents=True, exist_ok=True)
    project = Project(root)
    usual = {
        "dbt_project.yml": _PROJECT,
        "profiles.yml": _PROFILE.replace("DEFAULT", f"{root}/warehouse.duckdb"),
    }
    project.write({**usual, **files})
    return project


def environment(**more: str) -> dict[str, str]:
    """This process's environment, in which a child finds this checkout's sqlorch."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, **more}


def rows_of(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def name_of(unique_id: str) -> str:
    """``orders`` of ``model.shop.orders``; a test's own name of ``test.shop.not_null_a_b.0123456789``."""
    parts = unique_id.split(".")
    return parts[3] if parts[0] == "unit_test" else parts[2]
