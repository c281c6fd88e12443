"""Random small projects, and edits of them."""

from __future__ import annotations

from random import Random

from support.scheduling import HOUR, T0, group, model, project

from sqlorch.domain.group import Group
from sqlorch.domain.snapshot import Snapshot, SnapshotNode

SCHEDULES = ["@hourly", "0 */2 * * *", "0 */3 * * *", "30 */2 * * *", "0 1-23/4 * * *", "@daily"]


def make(rng: Random) -> Snapshot:
    """Two to four groups, each reading from some before it; the last may be started by events."""
    count = rng.randint(2, 4)
    names = [f"g{number}" for number in range(count)]
    groups = [_group(rng, name) for name in names]
    if count > 2 and rng.random() < 0.5:
        groups[-1] = group(
            names[-1],
            None,
            after=tuple(rng.sample(names[:-1], rng.randint(1, 2))),
            after_all=rng.random() < 0.5,
        )
    return project(*groups, *_nodes(rng, names))


def edit(rng: Random, snapshot: Snapshot) -> Snapshot:
    """One scheduled group gets another schedule, or other rules."""
    scheduled = [one.name for one in snapshot.groups.values() if one.timetable.scheduled]
    name = rng.choice(scheduled)
    points = snapshot.groups[name].timetable.mode == "point"
    groups = {**snapshot.groups, name: _group(rng, name, points=points)}
    return Snapshot(groups=groups, nodes=snapshot.nodes)


def _group(rng: Random, name: str, *, points: bool | None = None) -> Group:
    point = rng.random() < 0.15 if points is None else points
    return group(
        name,
        rng.choice(SCHEDULES),
        start=None if rng.random() < 0.25 else T0 - rng.randint(0, 6) * HOUR,
        batch=rng.choice([1, 1, 1, 3]),
        interval="point" if point else "window",
        catchup=rng.choice(["all", "all", "latest", "coalesce", "none"]),
        catchup_max=rng.choice([4, 24, 24, None]),
        upstream=rng.choice(["wait", "wait", "latest", "ignore"]),
        max_active_runs=rng.choice([1, 1, 2, 3]),
        depends_on_past=rng.random() < 0.3,
        upstream_timeout=rng.choice([None, None, 6 * 3600.0]),
        run_timeout=rng.choice([None, None, 3600.0]),
        finish_within=rng.choice([None, 1800.0]),
    )


def _nodes(rng: Random, names: list[str]) -> list[SnapshotNode]:
    nodes = []
    for place, name in enumerate(names):
        above = [f"{other}b" for other in names[:place] if rng.random() < 0.6]
        nodes.append(model(f"{name}a", name, *above))
        nodes.append(model(f"{name}b", name, f"{name}a", repeatable=rng.random() < 0.9))
    return nodes
