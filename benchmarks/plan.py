"""`sqlorch plan` over a thousand models and a year of daily intervals.

    python benchmarks/plan.py                       # 1,000 models, 20 daily groups, 365 days
    python benchmarks/plan.py --models 200 --days 30

Made beforehand: a project of that size, and a ledger in which every model is done on every day, with a gap, a
failure and some models made with other code. Measured: the whole process, started cold, and of it the part
after imports. Machines are noisy: the median of the rounds is printed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.scheduling import NewRun, RunKind
from sqlorch.lineage import load_project
from sqlorch.lineage.code.book import read_code
from sqlorch.state.store import SqlStore

START = datetime(2013, 1, 1, tzinfo=UTC)
PROFILE = "bench: {target: dev, outputs: {dev: {type: duckdb, path: bench.duckdb}}}\n"


def make_project(root: Path, models: int, groups: int) -> None:
    (root / "models").mkdir(parents=True)
    (root / "dbt_project.yml").write_text("name: bench\nversion: '1.0'\nprofile: bench\n")
    (root / "profiles.yml").write_text(PROFILE)
    lines = ["groups:"]
    for group in range(groups):
        lines += [
            f"  g{group:02}:",
            f"    select: 'g{group:02}_*'",
            "    schedule: '@daily'",
            "    start: 2013-01-01",
        ]
    (root / "sqlorch.yml").write_text("\n".join(lines) + "\n")
    size = models // groups
    for number in range(models):
        group, place = divmod(number, size)
        parent = f"{{{{ ref('g{group:02}_m{place // 2:03}') }}}}" if place else "(select 1 as a, 2 as b)"
        sql = f"select a, b + {place} as b from {parent} where a > {place % 7}"
        (root / "models" / f"g{group:02}_m{place:03}.sql").write_text(sql)


def fill(root: Path, days: int) -> None:
    """Every day of every model done; one day missing, one failed, an eighth of the models with other code."""
    book = read_code(load_project(root, profiles_dir=root, cache_dir=root / ".sqlorch"))
    former = {uid: f"former{place:04}" for place, uid in enumerate(book.documents) if place % 8 == 0}
    now = START + timedelta(days=days)
    slots = [Interval(START + timedelta(days=day), START + timedelta(days=day + 1)) for day in range(days)]
    with SqlStore.open(root / ".sqlorch" / "state.db") as store:
        store.ledger.remember_code(book.texts(book.documents))
        store.ledger.remember_code(
            {code: book.documents[uid].replace("where a >", "where a >=") for uid, code in former.items()}
        )
        for place, (uid, fingerprint) in enumerate(book.fingerprints.items()):
            made = [
                LedgerEntry(
                    unique_id=uid,
                    interval=slot,
                    mark=LedgerMark.FAILED if (place % 50, day) == (3, days // 2) else LedgerMark.DONE,
                    code=former.get(uid, fingerprint) if day < days // 2 else fingerprint,
                    run_id=f"sched-{slot.start:%Y%m%d}T000000Z-{uid[-7:-5]}",
                    gen=1,
                    at=slot.end + timedelta(minutes=5),
                )
                for day, slot in enumerate(slots[:-1])
                if (place % 40, day) != (7, days // 3)
            ]
            store.ledger.mark(made, who="benchmark", now=now)
        enrol(store, root, slots, now)


def enrol(store: SqlStore, root: Path, slots: list[Interval], now: datetime) -> None:
    for name in sorted({path.stem[:3] for path in (root / "models").iterdir()}):
        store.schedule.enrol(name, cursor=START, spec_hash="", watched_since=START, now=START)
        for some in (slots[first : first + 20] for first in range(0, len(slots) - 1, 20)):
            decided = [slot for slot in some if slot is not slots[-1]]
            runs = [
                NewRun(
                    run_id=f"sched-{slot.start:%Y%m%dT%H%M%SZ}-{name}",
                    group=name,
                    kind=RunKind.SCHEDULED,
                    interval=slot,
                    timezone="UTC",
                    slots=(slot,),
                    due_at=slot.end,
                )
                for slot in decided
            ]
            store.schedule.decide(
                name, expected=decided[0].start, cursor=decided[-1].end, runs=runs, now=slots[0].end
            )
    for run in store.queue.open_runs():
        store.queue.request_cancel(run.run_id, reason="benchmark", who="benchmark", now=now)


def measure(root: Path, days: int, rounds: int) -> None:
    at = (START + timedelta(days=days, hours=1)).isoformat()
    where = ["--project-dir", str(root), "--profiles-dir", str(root), "--at", at]
    for options in ([], ["--reprocess", "changed"], ["--json"]):
        command = [sys.executable, "-m", "sqlorch", "plan", *where, *options]
        took = []
        for _ in range(rounds):
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            took.append(time.perf_counter() - began)
        if not options:
            print(done.stdout)
        said = " ".join(["plan", *options])
        print(f"{said:<28} median {statistics.median(took):.2f} s, fastest {min(took):.2f} s of {rounds}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--groups", type=int, default=20)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        make_project(root, given.models, given.groups)
        began = time.perf_counter()
        fill(root, given.days)
        print(
            f"{given.models:,} models over {given.days} days written in {time.perf_counter() - began:.0f} s\n"
        )
        measure(root, given.days, given.rounds)


if __name__ == "__main__":
    main()
