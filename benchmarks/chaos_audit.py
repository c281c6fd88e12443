"""What must be zero after the chaos of ``chaos.py``."""

from __future__ import annotations

from collections import Counter
from typing import Any

from chaos_grounds import Ground

ROWS = 500  # of each interval, in each incremental table


def audit(ground: Ground) -> dict[str, int]:
    """Count what was lost, done twice or left half done."""
    found: dict[str, int] = {}
    runs = ground.query("select run_id, group_name, interval_start, interval_end, state from run")
    slots = ground.query(
        "select group_name, interval_start, interval_end, status, run_id from slot order by 1, 2"
    )
    groups = {name: (origin, cursor) for name, origin, cursor in ground.query(_GROUPS)}
    states = {run_id: state for run_id, *_, state in runs}
    found["runs not ended well"] = sum(state != "success" for state in states.values())
    found["intervals skipped"] = sum(status != "run" for _, _, _, status, _ in slots)
    found["intervals without a run"] = sum(run_id not in states for *_, run_id in slots)
    twice = Counter((group, begin) for _, group, begin, _, _ in runs)
    found["intervals with two runs"] = sum(count - 1 for count in twice.values())
    found["gaps or overlaps"] = _gaps(slots, groups)
    found["attempts left open"] = ground.query("select count(*) from attempt where state = 'running'")[0][0]
    found["nodes without one success"] = (
        sum(count != 1 for (count,) in ground.query(_DONE))
        + ground.query("select count(*) from node_run where state <> 'success'")[0][0]
    )
    found["attempt numbers left out"] = sum(n != place for n, place in ground.query(_NUMBERS))
    found["leases left"] = ground.query("select count(*) from lease")[0][0]
    return found | _rows(ground, slots)


_GROUPS = "select name, origin, cursor from grp where origin is not null"
_DONE = (
    "select count(*) from attempt where outcome in ('success', 'warn') and state = 'done' "
    "group by run_id, unique_id, gen"
)
_NUMBERS = "select n, row_number() over (partition by run_id, unique_id, gen order by n) from attempt"


def _gaps(slots: list[Any], groups: dict[str, Any]) -> int:
    gaps = 0
    reached = {name: origin for name, (origin, _) in groups.items()}
    for name, begin, end, *_ in slots:
        gaps += begin != reached[name]
        reached[name] = end
    return gaps + sum(reached[name] != cursor for name, (_, cursor) in groups.items())


def _rows(ground: Ground, slots: list[Any]) -> dict[str, int]:
    wanted = Counter(name for name, *_ in slots)
    tables = {"events": "hourly", "checked": "hourly", "days": "daily", "other": "alone"}
    wrong = partial = 0
    for table, group in tables.items():
        rows = ground.warehouse(f"select slot, count(*), count(distinct i) from {table} group by 1")
        wrong += abs(len(rows) - wanted[group])
        partial += sum((count, distinct) != (ROWS, ROWS) for _, count, distinct in rows)
    names = [row[0] for row in ground.warehouse("select table_name from information_schema.tables")]
    left = sum(name.endswith(("__dbt_tmp", "__dbt_backup", "__dbt_new")) for name in names)
    return {
        "intervals missing in tables": wrong,
        "partial or doubled intervals": partial,
        "tables left over": left,
    }
