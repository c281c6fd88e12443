"""sqlorch run against dbt build, in turn, in one sitting.

    python benchmarks/against_dbt.py                  # everything, about half an hour
    python benchmarks/against_dbt.py --only cold --models 100 --rounds 5
    python benchmarks/against_dbt.py --only intervals --days 30

What is compared: whole processes, started cold, on the same machine, the same threads, the same nodes. Each
pair runs A B A B ...; medians and the median of the ratios pair by pair are printed. Machines are noisy:
quote ratios, not seconds, and let nothing else run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
THREADS = "4"
NEW_YORK = ZoneInfo("America/New_York")
# Python keeps compiled code unless it is told not to, which makes every start a second longer.
USUAL = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Took:
    """One process: wall seconds, CPU seconds, peak memory in MB."""

    wall: float
    cpu: float
    memory: float


def timed(command: Sequence[str | Path], cwd: Path, environment: dict[str, str] | None = None) -> Took:
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env={**USUAL, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            said = output.read().decode()[-3000:]
            sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{said}")
    return Took(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def compare(name: str, ours: Callable[[], Took], theirs: Callable[[], Took], rounds: int) -> None:
    pairs = []
    for number in range(rounds):
        pairs.append((ours(), theirs()))
        print(
            f"  round {number + 1}: sqlorch {pairs[-1][0].wall:.2f} s, dbt {pairs[-1][1].wall:.2f} s",
            flush=True,
        )
    for what in ("wall", "cpu", "memory"):
        a = [getattr(one, what) for one, _ in pairs]
        b = [getattr(other, what) for _, other in pairs]
        ratio = statistics.median(x / y for x, y in zip(a, b, strict=True))
        tell(name, what, statistics.median(a), statistics.median(b), ratio)


def tell(name: str, what: str, ours: float, theirs: float, ratio: float) -> None:
    unit = "MB" if what == "memory" else "s"
    figures = f"sqlorch {ours:8.2f} {unit:<2}  dbt {theirs:8.2f} {unit:<2}  ratio {ratio:.3f}"
    print(f"{name:<34} {what:<7} {figures}", flush=True)


def synthetic(root: Path, models: int) -> Path:
    """Table models in layers of ten, each joining two before it, each with one test."""
    (root / "models").mkdir(parents=True)
    (root / "dbt_project.yml").write_text(
        "name: synthetic\nversion: '1.0'\nprofile: synthetic\nmodels: {+materialized: table}\n"
    )
    (root / "profiles.yml").write_text(
        "synthetic:\n  target: dev\n  outputs:\n"
        f"    dev: {{type: duckdb, path: {root}/w.duckdb, threads: {THREADS}}}\n"
    )
    properties = ["models:"]
    for i in range(models):
        sql = f"select {i} as id, date '2013-01-01' as day"
        if i >= 10:
            sql = (
                f"select a.id + 1 as id, a.day from {{{{ ref('m{i - 10}') }}}} a "
                f"join {{{{ ref('m{(i * 7) % (i - i % 10)}') }}}} b on a.day = b.day"
            )
        (root / "models" / f"m{i}.sql").write_text(sql)
        properties.append(f"  - name: m{i}\n    columns: [{{name: id, data_tests: [not_null]}}]")
    (root / "models" / "schema.yml").write_text("\n".join(properties))
    return root


def forget(root: Path) -> None:
    """Back to a fresh checkout: no warehouse, no parse cache, no state."""
    for name in ("target", ".sqlorch", "logs"):
        shutil.rmtree(root / name, ignore_errors=True)
    for path in (*root.glob("*.duckdb*"), *root.glob("metrics.*")):
        path.unlink()


def cold(folder: Path, models: int, rounds: int) -> None:
    root = synthetic(folder / f"synthetic{models}", models)
    where = ["--project-dir", root, "--profiles-dir", root]

    def ours() -> Took:
        forget(root)
        return timed([BIN / "sqlorch", "run", "--interval", "2013-01-01", "--quiet", *where], root)

    def theirs() -> Took:
        forget(root)
        return timed([BIN / "dbt", "build", "--quiet", *where], root)

    compare(f"cold, {models} models + {models} tests", ours, theirs, rounds)
    print(f"{'overhead beyond the nodes':<34} {overhead(root):.2f} ms a node (one thread)")


def overhead(root: Path) -> float:
    """Milliseconds a node that one thread spends between nodes: run time less the nodes' own time."""
    forget(root)
    command = [BIN / "sqlorch", "run", "--interval", "2013-01-01", "--json", "--threads", "1"]
    found = subprocess.run(
        [*map(str, command), "--project-dir", str(root), "--profiles-dir", str(root)],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    (run,) = json.loads(found.stdout)["runs"]
    spent = sum(node["seconds"] or 0 for node in run["nodes"])
    return (run["seconds"] - spent) / len(run["nodes"]) * 1000


def demo_copy(folder: Path, name: str) -> Path:
    """The demo warehouse without a trace of earlier runs, its reference tables built."""
    root = folder / name
    shutil.copytree(
        REPOSITORY / "project",
        root,
        ignore=shutil.ignore_patterns(".sqlorch", "target", "logs", "*.duckdb*", "metrics.*"),
    )
    (root / "sqlorch.yml").write_text(
        (root / "sqlorch.yml").read_text().split("exports:")[0].split("# What dashboards")[0]
    )
    return root


def day(number: int) -> tuple[datetime, datetime]:
    begin = datetime(2013, 1, 1, tzinfo=NEW_YORK) + timedelta(days=number)
    return begin.astimezone(UTC), (begin + timedelta(days=1)).astimezone(UTC)


def dbt_day(root: Path, number: int, environment: dict[str, str], select: str) -> Took:
    begin, end = day(number)
    variables = {
        "data_interval_start": begin.isoformat(),
        "data_interval_end": end.isoformat(),
        "ds": f"{begin.astimezone(NEW_YORK):%Y-%m-%d}",
    }
    window = [
        "--event-time-start",
        f"{begin:%Y-%m-%dT%H:%M:%S}",
        "--event-time-end",
        f"{end:%Y-%m-%dT%H:%M:%S}",
    ]
    return timed(
        [
            BIN / "dbt",
            "build",
            "--quiet",
            "--select",
            *select.split(),
            "--vars",
            json.dumps(variables),
            *window,
        ],
        root,
        environment,
    )


def intervals(folder: Path, days: int) -> None:
    """Thirty days of the daily group: one sqlorch process against one dbt process a day."""
    environment = {
        "DBT_PROFILES_DIR": str(REPOSITORY / "profiles"),
        "FLIGHTS_DUCKDB_PATH": "warehouse.duckdb",
    }
    last = f"{datetime(2013, 1, 1, tzinfo=NEW_YORK) + timedelta(days=days):%Y-%m-%d}"
    ours, theirs = demo_copy(folder, "demo_ours"), demo_copy(folder, "demo_theirs")
    run = [BIN / "sqlorch", "run", "--interval", f"2013-01-01/{last}", "--quiet"]
    for root in (ours, theirs):
        timed([*run, "--group", "reference", "--group", "weather_hourly"], root, environment)
    mine = timed([*run, "--group", "flights_daily"], ours, environment)
    print(f"  sqlorch: {days} days in {mine.wall:.1f} s", flush=True)
    total, cpu, memory = 0.0, 0.0, 0.0
    for number in range(days):
        one = dbt_day(theirs, number, environment, "tag:daily")
        total, cpu, memory = total + one.wall, cpu + one.cpu, max(memory, one.memory)
    print(f"  dbt: {days} processes in {total:.1f} s", flush=True)
    name = f"{days} daily intervals of the demo"
    for what, a, b in (("wall", mine.wall, total), ("cpu", mine.cpu, cpu), ("memory", mine.memory, memory)):
        tell(name, what, a, b, a / b)


def help_time(rounds: int) -> None:
    compare(
        "sqlorch --help, dbt --version",
        lambda: timed([BIN / "sqlorch", "--help"], REPOSITORY),
        lambda: timed([BIN / "dbt", "--version"], REPOSITORY),
        rounds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["help", "cold", "intervals"])
    parser.add_argument("--models", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.only in {None, "help"}:
            help_time(options.rounds)
        if options.only in {None, "cold"}:
            for models in options.models:
                cold(folder, models, options.rounds)
        if options.only in {None, "intervals"}:
            intervals(folder, options.days)


if __name__ == "__main__":
    main()
