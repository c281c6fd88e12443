"""Dashboards that read without a pause while 200 publications replace what they read.

    python benchmarks/publications.py [--publications 200] [--rows 20000]

A small project is built once. Then its two tables are changed and published, again and again, to a DuckDB
and an SQLite file, while a thread goes on adding runs to the state. Each file is read by two processes: one
opens it for every question, one keeps it open for good. Every answer has to be whole: both tables of one
publication with all their rows, and tables about runs that agree with each other. Exit code 0 means that no
reader met an error or half a publication.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

MODEL = "{{ config(materialized='table') }} select 0 as g, i, 'row ' || i as name from range(ROWS) as t(i)"
FILES = {
    "dbt_project.yml": 'name: shop\nversion: "1.0"\nprofile: shop\n',
    "profiles.yml": "shop: {target: dev, outputs: {dev: {type: duckdb, path: WAREHOUSE, threads: 2}}}\n",
    "sqlorch.yml": "exports: {select: '*', to: [metrics.duckdb, metrics.sqlite]}\n",
    "models/a.sql": MODEL,
    "models/b.sql": MODEL + " -- {{ ref('a') }}",
}
READER = """
import json, sys, time
from pathlib import Path

target, mode, stop, rows = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
if target.endswith(".duckdb"):
    import duckdb
    def connect(): return duckdb.connect(target, read_only=True)
else:
    import sqlite3
    def connect(): return sqlite3.connect(f"file:{target}?mode=ro", uri=True)
QUERY = '''
    select (select min(g) from a), (select max(g) from a), (select count(*) from a),
           (select min(g) from b), (select max(g) from b), (select count(*) from b),
           (select count(*) from node_runs where run_id not in (select run_id from runs)),
           (select sum(nodes) from runs) - (select count(*) from node_runs),
           (select sum(runs) from daily_runs)
               - (select count(*) from runs where state in ('success', 'failed'))
'''
asked, seen, errors, connection = 0, set(), [], connect()
print("ready", flush=True)
while not stop.exists():
    try:
        if mode == "fresh":
            connection.close()
            connection = connect()
        (g, high_a, rows_a, low_b, high_b, rows_b, *differences), = connection.execute(QUERY).fetchall()
        whole = g == high_a == low_b == high_b and rows_a == rows_b == rows and not any(differences)
        if not whole:
            errors.append(f"half: {g} {high_a} {rows_a} {low_b} {high_b} {rows_b} {differences}")
        asked += 1
        seen.add(g)
    except Exception as error:
        errors.append(f"{type(error).__name__}: {error}")
    time.sleep(0.05)
print(json.dumps({"asked": asked, "seen": len(seen), "errors": errors[:5], "failed": len(errors)}))
"""


def make(root: Path, rows: int) -> None:
    """The project, built once."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(
            text.replace("WAREHOUSE", f"'{root}/warehouse.duckdb'").replace("ROWS", str(rows))
        )
    command = [sys.executable, "-m", "sqlorch", "run", "--quiet", "--interval", "2013-01-01"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)


@contextmanager
def readers(root: Path, rows: int) -> Iterator[dict[str, dict[str, Any]]]:
    """Processes that read; what they saw is in the mapping afterwards."""
    stop, answers = root / "stop", {}
    started = {
        f"{kind}, {mode}": subprocess.Popen(
            [sys.executable, "-c", READER, str(root / f"metrics.{kind}"), mode, str(stop), str(rows)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for kind in ("duckdb", "sqlite")
        for mode in ("fresh", "held")
    }
    try:
        for process in started.values():
            process.stdout.readline()  # type: ignore[union-attr] # it is a pipe
        yield answers
    finally:
        stop.touch()
        for name, process in started.items():
            out, _ = process.communicate(timeout=60)
            answers[name] = json.loads(out) if process.returncode == 0 else {"failed": 1, "errors": [out]}


@contextmanager
def adding_runs(store: Any) -> Iterator[None]:
    """Somebody else makes runs all the while, as a daemon's scheduler does."""
    from sqlorch.domain.interval import Interval  # noqa: PLC0415 - after the environment is set
    from sqlorch.domain.run import NodeSpec, RunSpec  # noqa: PLC0415 - likewise

    over = threading.Event()
    day = datetime(2013, 1, 1, tzinfo=UTC)
    nodes = [NodeSpec(unique_id=f"model.shop.{name}", name=name, kind="model") for name in "ab"]

    def add() -> None:
        for number in count():
            if over.wait(0.3):
                return
            spec = RunSpec(
                run_id=f"beside-{number}",
                group="default",
                interval=Interval(day, day + timedelta(days=1)),
                timezone="UTC",
                variables={},
                nodes=nodes,
            )
            store.create_run(spec, now=datetime.now(UTC))

    thread = threading.Thread(target=add)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def publish_often(root: Path, times: int) -> list[float]:
    """Change both tables and publish, so many times; the seconds each publication took."""
    from sqlorch.app.publishing import publish  # noqa: PLC0415 - after the environment is set
    from sqlorch.app.workspace import Choices, open_workspace  # noqa: PLC0415 - likewise

    took = []
    workspace = open_workspace(Choices(project_dir=str(root)))
    session = workspace.session()
    try:
        with workspace.store() as store, adding_runs(store):
            for number in range(1, times + 1):
                with session.driver_connection() as connection:
                    for table in ("a", "b"):
                        connection.execute(f"update {table} set g = {number}")
                began = time.perf_counter()
                publish(workspace, session, store, workspace.settings.exports.to)
                took.append(time.perf_counter() - began)
                if number % 50 == 0:
                    print(f"{number} publications", flush=True)
    finally:
        session.close()
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publications", type=int, default=200)
    parser.add_argument("--rows", type=int, default=20_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ |= {"DBT_PROFILES_DIR": folder}
        os.environ.pop("DBT_PROJECT_DIR", None)
        make(root, given.rows)
        with readers(root, given.rows) as answers:
            took = publish_often(root, given.publications)
        left = sorted(path.name for path in root.glob(".sqlorch-export-*"))
    print(
        f"{given.publications} publications to two files, "
        f"{statistics.median(took):.2f} s each (longest {max(took):.2f} s)"
    )
    for name, answer in answers.items():
        print(f"{name:<16} {answer}")
    failed = sum(answer["failed"] for answer in answers.values())
    asked = sum(answer.get("asked", 0) for answer in answers.values())
    print(f"{asked} answers, {failed} errors or halves; left behind: {left or 'nothing'}")
    return 1 if failed or left else 0


if __name__ == "__main__":
    sys.exit(main())
