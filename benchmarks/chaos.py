"""kill -9, many times, at random points of daemons and workers, with real dbt; then an audit.

    python benchmarks/chaos.py --kills 1000 [--seed 7] [--keep]
    python benchmarks/chaos.py --kills 1000 --postgres --daemons 3 [--restarts SECONDS]

A project of three groups has a backlog of intervals. Daemons are started again and again, and one of them,
one of its workers, or all of them at once are killed: after a random while, or in the middle of a run. In
the end they are left alone until nothing is due, and everything is counted: intervals, runs, attempts, rows,
processes, sessions of the server. Exit code 0 means that nothing was lost, nothing was done twice, nothing
is half-done and nobody is left behind.

State and warehouse are a SQLite and a DuckDB file, which have one daemon, or with ``--postgres`` a server of
our own. Then each daemon has a folder of its own and, where root may pretend it, a host name of its own:
whether another one is there is told by leases alone. With ``--restarts`` the server is started anew in
between, by ``pg_ctl -m immediate restart``, about every so many seconds in the first half of the kills.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chaos_audit import ROWS, audit
from chaos_grounds import Files, Ground, Server, on_host

REPOSITORY = Path(__file__).parents[1]
HOURS_PER_KILL = 1  # of backlog, so that there is work at the last kill too
HOURS_PER_KILL_OF_MANY = 6  # of several daemons: while one is down the others work
RUNS = 2  # side by side in each of several daemons

PROJECT = 'name: chaos\nversion: "1.0"\nprofile: chaos\nflags: {send_anonymous_usage_stats: false}\n'
PROFILE = "chaos: {target: dev, outputs: {dev: OUTPUT}}\n"
INCREMENTAL = (
    "{{ config(materialized='incremental', unique_key='slot', incremental_strategy='delete+insert') }}\n"
)
SERIES = f"generate_series(1, {ROWS}) as r(i)"
SLOT = f"select '{{{{ var('data_interval_start') }}}}' as slot, i from {SERIES}"
MODELS = {
    "hourly/events.sql": INCREMENTAL + SLOT,
    "hourly/checked.sql": INCREMENTAL
    + "select slot, i from {{ ref('events') }} where slot = '{{ var('data_interval_start') }}'",
    "hourly/totals.sql": "{{ config(materialized='table') }} "
    "select slot, count(*) as n from {{ ref('events') }} group by 1",
    "daily/days.sql": f"{INCREMENTAL}{SLOT}\n-- {{{{ ref('checked') }}}}",
    "alone/other.sql": INCREMENTAL + SLOT,
}
TESTS = "models:\n  - name: totals\n    columns: [{name: slot, data_tests: [unique, not_null]}]\n"


@dataclass
class Host:
    """A daemon's folder, and the daemon while there is one."""

    root: Path
    name: str | None
    environment: dict[str, str]
    daemon: subprocess.Popen[bytes] | None = None

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def sqlorch(self, verb: str, *more: str) -> list[str]:
        where = ["--project-dir", str(self.root), "--profiles-dir", str(self.root)]
        return on_host(self.name, [sys.executable, "-m", "sqlorch", verb, *where, *more])

    def start(self, *more: str) -> None:
        log = (self.root / "daemon.log").open("ab")
        command = self.sqlorch("daemon", "--health", "off", "--log-format", "json", *more)
        self.daemon = subprocess.Popen(command, stderr=log, env=self.environment)
        log.close()

    @property
    def said(self) -> bytes:
        return (self.root / "daemon.log").read_bytes()

    def wait_until_up(self) -> None:
        """Until the daemon of now has said so; before that a signal finds no daemon yet."""
        assert self.daemon is not None
        while f'"pid": {self.daemon.pid},'.encode() not in self.said:
            assert self.daemon.poll() is None, "a daemon did not start"
            time.sleep(0.1)


@dataclass
class Chaos:
    """One sitting."""

    root: Path
    ground: Ground
    kills: int
    seed: int
    restarts: float
    hosts: list[Host] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    restarted: float = field(default_factory=time.monotonic)
    rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    def make(self, daemons: int) -> None:
        paths = f"{REPOSITORY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        environment = {**os.environ, "PYTHONPATH": paths, **self.ground.environment()}
        for number in range(daemons):
            root = self.root / f"host{number}" if daemons > 1 else self.root
            name = f"host{number}" if daemons > 1 else None
            self.hosts.append(Host(root=root, name=name, environment=environment))
        files = self.files()
        for host in self.hosts:
            host.write(files)

    def files(self) -> dict[str, str]:
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        each = HOURS_PER_KILL if len(self.hosts) == 1 else HOURS_PER_KILL_OF_MANY
        hours = start - timedelta(hours=max(48, each * self.kills))
        groups = {
            "hourly": ("path:models/hourly", "@hourly", hours),
            "daily": ("path:models/daily", "@daily", hours),
            "alone": ("path:models/alone", "every: 6h", hours),
        }
        lines = [f"daemon: {{runs: {RUNS}}}"] if len(self.hosts) > 1 else []
        # a server that is started anew under a query is an error of that node, as any other that may pass
        lines += ["defaults: {retries: 5, retry_delay: 1s}"] if self.restarts else []
        lines += ["groups:"]
        for name, (select, schedule, begin) in groups.items():
            when = schedule if schedule.startswith("every") else f'schedule: "{schedule}"'
            lines += [
                f"  {name}:",
                f'    select: "{select}"',
                f"    {when}",
                f"    start: {begin:%Y-%m-%dT%H:%M:%SZ}",
            ]
            lines += ["    catchup_max: none"]
        return {
            "dbt_project.yml": PROJECT,
            "profiles.yml": PROFILE.replace("OUTPUT", self.ground.profile()),
            "sqlorch.yml": "\n".join(lines) + "\n",
            "models/schema.yml": TESTS,
            **{f"models/{name}": text for name, text in MODELS.items()},
        }

    def start(self, host: Host, *more: str) -> None:
        host.start(*more)
        self.counts["starts"] += 1

    def rampage(self) -> None:
        rng = self.rng
        for host in self.hosts:
            self.start(host)
        while self.counts["kills"] < self.kills:
            host = rng.choice(self.hosts)
            if rng.random() < 0.3:
                time.sleep(rng.uniform(0.0, 6.0))
            else:
                self.wait_for("run_began", host, timeout=60.0 if len(self.hosts) == 1 else 15.0)
                time.sleep(rng.uniform(0.0, 2.0))
            if len(self.hosts) > 1 and rng.random() < 0.1:
                self.freeze(host, rng.uniform(5.0, 45.0))
            self.kill(host, rng.choice(["daemon", "worker", "worker", "both"]))
            if self.restarts and self.counts["kills"] < self.kills / 2:
                self.maybe_restart(rng)
            if self.counts["kills"] % 10 == 0:
                print(f"{self.counts['kills']:>5} kills, {self.ended()} runs ended", flush=True)

    def maybe_restart(self, rng: random.Random) -> None:
        if time.monotonic() - self.restarted > self.restarts * rng.uniform(0.5, 1.5):
            self.ground.restart()
            self.counts["restarts of the server"] += 1
            self.restarted = time.monotonic()

    def freeze(self, host: Host, seconds: float) -> None:
        """Stop daemon and worker for a while, as a machine does that pages or a virtual one that is moved."""
        assert host.daemon is not None
        pids = [host.daemon.pid, *worker_pids(host.root)]
        for number, after in ((signal.SIGSTOP, seconds), (signal.SIGCONT, 0.0)):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(after)
        self.counts["frozen for a while"] += 1

    def kill(self, host: Host, whom: str) -> None:
        assert host.daemon is not None
        workers = worker_pids(host.root)
        if whom in {"worker", "both"} and not workers:
            whom = "daemon"
        if whom in {"worker", "both"}:
            for pid in workers if whom == "both" else [self.rng.choice(workers)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if whom in {"daemon", "both"}:
            host.daemon.kill()
            host.daemon.wait()
        self.counts["kills"] += 1
        self.counts["kills with runs under way"] += bool(self.under_way())
        self.counts[f"kills of {whom}"] += 1
        for one in self.hosts:
            if one.daemon is not None and one.daemon.poll() is not None:
                self.counts["daemons that ended by themselves"] += one is not host
                self.start(one)

    def wait_for(self, event: str, host: Host, timeout: float) -> None:
        """Until the daemon tells of it, from now on."""
        offset, deadline = len(host.said), time.monotonic() + timeout
        while time.monotonic() < deadline and f'"{event}"'.encode() not in host.said[offset:]:
            time.sleep(0.05)

    def under_way(self) -> set[str]:
        """Runs that are driven, or were by who is dead."""
        under_way = "select run_id from run where state in ('running', 'cancelling')"
        return {row[0] for row in self.ground.query(under_way) if row[0]}

    def ended(self) -> int:
        return int(self.ground.query("select count(*) from run where state = 'success'")[0][0])

    def settle(self) -> float:
        """Let them finish; returns seconds from the last kill until every run under way then had ended."""
        began, open_then = time.monotonic(), self.under_way()
        while open_then & self.under_way():
            time.sleep(0.2)
        seconds = time.monotonic() - began
        for host in self.hosts:
            assert host.daemon is not None
            host.wait_until_up()
            host.daemon.send_signal(signal.SIGTERM)
        for host in self.hosts:
            assert host.daemon is not None
            assert host.daemon.wait(timeout=120) == 0, "a drained daemon ends with 0"
        for _ in range(10):
            for host in self.hosts:
                self.start(host, "--once")
            codes = {host.daemon.wait(timeout=7200) for host in self.hosts if host.daemon is not None}
            if not self.retry_failed() and codes == {0}:
                return seconds
        raise SystemExit("runs go on failing")

    def retry_failed(self) -> int:
        """What fails by design, a person tries again: nodes that lost their process too often in one run, and
        runs whose warehouse was started anew as they began. Nothing else may have failed.
        """
        host, again = self.hosts[0], 0
        for what, runs in _EXCUSED.items():
            for (run_id,) in self.ground.query(f"select distinct run_id from {runs}"):
                again += 1
                self.counts[what] += 1
                subprocess.run(host.sqlorch("retry", run_id, "-q"), check=True, env=host.environment)
        return again

    def audit(self) -> dict[str, int]:
        """What must be zero."""
        left = len(worker_pids(self.root)) + len(daemon_pids(self.root))
        return audit(self.ground) | {"processes left": left, "sessions left": self.ground.orphans()}


def worker_pids(root: Path) -> list[int]:
    return _pids(root, b"_worker")


def daemon_pids(root: Path) -> list[int]:
    return _pids(root, b"daemon")


def _pids(root: Path, word: bytes) -> list[int]:
    """Processes with this word and a folder in their command line: this one, or below it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            ours = any(Path(os.fsdecode(one)).is_relative_to(root) for one in words if one.startswith(b"/"))
            if word in words and ours:
                found.append(int(path.parent.name))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the project for a look")
    parser.add_argument("--postgres", action="store_true", help="state and warehouse on a server")
    parser.add_argument("--daemons", type=int, default=1, help="several need --postgres")
    parser.add_argument("--restarts", type=float, default=0.0, help="seconds between two of the server")
    given = parser.parse_args()
    if given.daemons > 1 and not given.postgres:
        parser.error("several daemons need --postgres")
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    root = Path(tempfile.mkdtemp(prefix="sqlorch-chaos-"))
    ground: Ground = Server() if given.postgres else Files(root)
    try:
        return sit(
            Chaos(root=root, ground=ground, kills=given.kills, seed=seed, restarts=given.restarts), given
        )
    finally:
        ground.close()


def sit(chaos: Chaos, given: argparse.Namespace) -> int:
    """From the first start to the verdict."""
    print(f"{given.kills} kills, {given.daemons} daemons, seed {chaos.seed}, in {chaos.root}")
    began = time.monotonic()
    chaos.make(given.daemons)
    try:
        chaos.rampage()
        settled = chaos.settle()
        found = chaos.audit()
    finally:
        for pid in [*worker_pids(chaos.root), *daemon_pids(chaos.root)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    slots = dict(map(tuple, chaos.ground.query(_SLOTS)))
    lost = chaos.ground.query("select count(*) from attempt where outcome = 'lost'")[0][0]
    print(json.dumps(dict(chaos.counts), indent=2))
    print(f"intervals: {slots}, runs: {chaos.ended()}, attempts lost and repeated: {lost}")
    print(f"runs under way at the last kill had ended {settled:.1f} s later")
    print(f"all in {time.monotonic() - began:.0f} s")
    for what, count in found.items():
        print(f"{count:>6}  {what}")
    bad = any(found.values())
    if given.keep or bad:
        print(f"kept: {chaos.root}")
    else:
        shutil.rmtree(chaos.root)
    print("FAILED" if bad else "nothing lost, nothing twice, nothing half-done, nobody left behind")
    return 1 if bad else 0


_EXCUSED = {
    "runs that used up their losses, retried": "node_run where state = 'failed' "
    "and reason like '%lost%times%'",
    "runs without a warehouse to begin in, retried": "run where state = 'failed' and (reason like "
    "'%cannot be reached%' or reason like '%closed the connection%' or reason like '%already closed%')",
}
_SLOTS = "select group_name, count(*) from slot group by 1"


if __name__ == "__main__":
    sys.exit(main())
