"""kill -9, many times, at random points of daemon and worker, with real dbt on DuckDB; then an audit.

    python benchmarks/chaos.py --kills 1000 [--seed 7] [--keep]

A project of three groups has a backlog of intervals. The daemon is started again and again, and it, its
worker or both at once are killed: after a random while, or in the middle of a run. In the end it is left
alone until nothing is due, and everything is counted: intervals, runs, attempts, rows, processes. Exit code 0
means that nothing was lost, nothing was done twice, nothing is half-done and nobody is left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

REPOSITORY = Path(__file__).parents[1]
ROWS = 500  # of each interval, in each incremental table
HOURS_PER_KILL = 1

PROJECT = 'name: chaos\nversion: "1.0"\nprofile: chaos\nflags: {send_anonymous_usage_stats: false}\n'
PROFILE = 'chaos:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: "WAREHOUSE", threads: 2}\n'
INCREMENTAL = (
    "{{ config(materialized='incremental', unique_key='slot', incremental_strategy='delete+insert') }}\n"
)
SLOT = "select '{{ var('data_interval_start') }}' as slot, i from range(ROWS) as r(i)".replace(
    "ROWS", str(ROWS)
)
MODELS = {
    "hourly/events.sql": INCREMENTAL + SLOT,
    "hourly/checked.sql": INCREMENTAL
    + "select slot, i from {{ ref('events') }} where slot = '{{ var('data_interval_start') }}'",
    "hourly/totals.sql": "{{ config(materialized='table') }} "
    "select slot, count(*) as n from {{ ref('events') }} group by 1",
    "daily/days.sql": INCREMENTAL
    + "select '{{ var('data_interval_start') }}' as slot, i from range(500) as r(i)\n-- {{ ref('checked') }}",
    "alone/other.sql": INCREMENTAL + SLOT,
}
TESTS = "models:\n  - name: totals\n    columns: [{name: slot, data_tests: [unique, not_null]}]\n"


@dataclass
class Chaos:
    """One sitting."""

    root: Path
    kills: int
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    daemon: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> Path:
        return self.root / ".sqlorch" / "state.db"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    def make(self) -> None:
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        hours = start - timedelta(hours=HOURS_PER_KILL * self.kills)
        groups = {
            "hourly": ("path:models/hourly", "@hourly", hours),
            "daily": ("path:models/daily", "@daily", hours),
            "alone": ("path:models/alone", "every: 6h", hours),
        }
        lines = ["groups:"]
        for name, (select, schedule, begin) in groups.items():
            when = schedule if schedule.startswith("every") else f'schedule: "{schedule}"'
            lines += [
                f"  {name}:",
                f'    select: "{select}"',
                f"    {when}",
                f"    start: {begin:%Y-%m-%dT%H:%M:%SZ}",
            ]
            lines += ["    catchup_max: none"]
        files = {
            "dbt_project.yml": PROJECT,
            "profiles.yml": PROFILE.replace("WAREHOUSE", str(self.warehouse)),
            "sqlorch.yml": "\n".join(lines) + "\n",
            "models/schema.yml": TESTS,
            **{f"models/{name}": text for name, text in MODELS.items()},
        }
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def command(self, *more: str) -> list[str]:
        where = ["--project-dir", str(self.root), "--profiles-dir", str(self.root)]
        return [
            sys.executable,
            "-m",
            "sqlorch",
            "daemon",
            "--health",
            "off",
            "--log-format",
            "json",
            *where,
            *more,
        ]

    def start(self, *more: str) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        }
        log = (self.root / "daemon.log").open("ab")
        self.daemon = subprocess.Popen(self.command(*more), stderr=log, env=environment)
        log.close()
        self.counts["starts"] += 1

    def rampage(self) -> None:
        rng = random.Random(self.seed)
        self.start()
        while self.counts["kills"] < self.kills:
            if rng.random() < 0.3:
                time.sleep(rng.uniform(0.0, 6.0))
            else:
                self.wait_for("run_began", timeout=60.0)
                time.sleep(rng.uniform(0.0, 2.0))
            self.kill(rng.choice(["daemon", "worker", "worker", "both"]))
            if self.counts["kills"] % 10 == 0:
                print(f"{self.counts['kills']:>5} kills, {self.ended()} runs ended", flush=True)

    def kill(self, whom: str) -> None:
        assert self.daemon is not None
        workers = worker_pids(self.root)
        if whom in {"worker", "both"} and not workers:
            whom = "daemon"
        if whom in {"worker", "both"}:
            for pid in workers:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if whom in {"daemon", "both"}:
            self.daemon.kill()
            self.daemon.wait()
        self.counts["kills"] += 1
        self.counts[f"kills of {whom}"] += 1
        if self.daemon.poll() is not None:
            self.start()

    def wait_for(self, event: str, timeout: float) -> None:
        """Until the daemon tells of it, from now on."""
        log = self.root / "daemon.log"
        offset, deadline = log.stat().st_size, time.monotonic() + timeout
        while time.monotonic() < deadline:
            with log.open("rb") as file:
                file.seek(offset)
                if f'"{event}"'.encode() in file.read():
                    return
            time.sleep(0.02)

    def ended(self) -> int:
        return int(self.query("select count(*) from run where state = 'success'")[0][0])

    def settle(self) -> float:
        """Let it finish; returns seconds from the last kill until every run under way then had ended."""
        began = time.monotonic()
        open_then = [
            row[0] for row in self.query("select run_id from run where state in ('running', 'cancelling')")
        ]
        marks = ",".join("?" * len(open_then))
        left = f"select count(*) from run where run_id in ({marks}) and state in ('running', 'cancelling')"
        while self.query(left, *open_then)[0][0]:
            time.sleep(0.05)
        seconds = time.monotonic() - began
        assert self.daemon is not None
        self.wait_for("run_began", timeout=60.0)  # it is certainly up by then
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(timeout=120) == 0, "a drained daemon ends with 0"
        for _ in range(10):
            self.start("--once")
            if self.daemon.wait(timeout=7200) == 0:
                return seconds
            self.retry_failed()
        raise SystemExit("runs go on failing")

    def retry_failed(self) -> None:
        """A node that lost its process too often in one run fails, by design; a person tries it again."""
        lost = "select distinct run_id from node_run where state = 'failed' and reason like '%lost%times%'"
        where = ["--project-dir", str(self.root), "--profiles-dir", str(self.root)]
        for (run_id,) in self.query(lost):
            self.counts["runs that used up their losses, retried"] += 1
            subprocess.run([sys.executable, "-m", "sqlorch", "retry", run_id, "-q", *where], check=True)

    def query(self, sql: str, *values: Any) -> list[Any]:
        for _ in range(100):
            try:
                with closing(sqlite3.connect(self.state, timeout=30)) as connection:
                    return connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError:  # the schema is being made
                time.sleep(0.1)
        raise SystemExit(f"cannot read {self.state}")

    def audit(self) -> dict[str, int]:
        """What must be zero."""
        found: dict[str, int] = {}
        runs = self.query("select run_id, group_name, interval_start, interval_end, state from run")
        slots = self.query(
            "select group_name, interval_start, interval_end, status, run_id from slot order by 1, 2"
        )
        groups = {
            name: (origin, cursor)
            for name, origin, cursor in self.query("select name, origin, cursor from grp")
        }
        states = {run_id: state for run_id, *_, state in runs}
        found["runs not ended well"] = sum(state != "success" for state in states.values())
        found["intervals skipped"] = sum(status != "run" for _, _, _, status, _ in slots)
        found["intervals without a run"] = sum(run_id not in states for *_, run_id in slots)
        twice = Counter((group, begin) for _, group, begin, _, _ in runs)
        found["intervals with two runs"] = sum(count - 1 for count in twice.values())
        found["gaps or overlaps"] = self._gaps(slots, groups)
        found["attempts left open"] = self.query("select count(*) from attempt where state = 'running'")[0][0]
        done = "select count(*) from attempt where outcome in ('success', 'warn') "
        done += "group by run_id, unique_id, gen"
        found["nodes without one success"] = (
            sum(count != 1 for (count,) in self.query(done))
            + (self.query("select count(*) from node_run where state <> 'success'")[0][0])
        )
        numbers = "select n, row_number() over (partition by run_id, unique_id, gen order by n) from attempt"
        found["attempt numbers left out"] = sum(n != place for n, place in self.query(numbers))
        found |= self._rows(slots)
        found["processes left"] = len(worker_pids(self.root)) + len(daemon_pids(self.root))
        return found

    @staticmethod
    def _gaps(slots: list[Any], groups: dict[str, Any]) -> int:
        gaps = 0
        reached = {name: origin for name, (origin, _) in groups.items()}
        for name, begin, end, *_ in slots:
            gaps += begin != reached[name]
            reached[name] = end
        return gaps + sum(reached[name] != cursor for name, (_, cursor) in groups.items())

    def _rows(self, slots: list[Any]) -> dict[str, int]:
        wanted = Counter(name for name, *_ in slots)
        tables = {"events": "hourly", "checked": "hourly", "days": "daily", "other": "alone"}
        wrong = partial = 0
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            for table, group in tables.items():
                rows = connection.execute(
                    f"select slot, count(*), count(distinct i) from {table} group by 1"
                ).fetchall()
                wrong += abs(len(rows) - wanted[group])
                partial += sum((count, distinct) != (ROWS, ROWS) for _, count, distinct in rows)
            names = [
                row[0]
                for row in connection.execute("select table_name from information_schema.tables").fetchall()
            ]
        left = sum(name.endswith(("__dbt_tmp", "__dbt_backup", "__dbt_new")) for name in names)
        return {
            "intervals missing in tables": wrong,
            "partial or doubled intervals": partial,
            "tables left over": left,
        }


def worker_pids(root: Path) -> list[int]:
    return _pids(root, b"_worker")


def daemon_pids(root: Path) -> list[int]:
    return _pids(root, b"daemon")


def _pids(root: Path, word: bytes) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if word in words and str(root).encode() in words:
                found.append(int(path.parent.name))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the project for a look")
    given = parser.parse_args()
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    root = Path(tempfile.mkdtemp(prefix="sqlorch-chaos-"))
    chaos = Chaos(root=root, kills=given.kills, seed=seed)
    print(f"{given.kills} kills, seed {seed}, in {root}")
    began = time.monotonic()
    chaos.make()
    try:
        chaos.rampage()
        settled = chaos.settle()
        found = chaos.audit()
    finally:
        for pid in [*worker_pids(root), *daemon_pids(root)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    slots = dict(chaos.query("select group_name, count(*) from slot group by 1"))
    lost = chaos.query("select count(*) from attempt where outcome = 'lost'")[0][0]
    print(json.dumps(dict(chaos.counts), indent=2))
    print(f"intervals: {slots}, runs: {chaos.ended()}, attempts lost and repeated: {lost}")
    print(f"runs under way at the last kill had ended {settled:.1f} s later")
    print(f"all in {time.monotonic() - began:.0f} s")
    for what, count in found.items():
        print(f"{count:>6}  {what}")
    bad = any(found.values())
    if given.keep or bad:
        print(f"kept: {root}")
    else:
        shutil.rmtree(root)
    print("FAILED" if bad else "nothing lost, nothing twice, nothing half-done, nobody left behind")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
