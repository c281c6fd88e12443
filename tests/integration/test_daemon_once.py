"""``sqlorch daemon --once``: what it leaves behind is in its last words."""

from __future__ import annotations

from pathlib import Path

from support.projects import make_project

WAITS = "whose raw was never built; sqlorch trigger default"


def test_runs_that_wait_for_a_group_without_a_schedule_are_named_and_go_once_it_was_built(
    tmp_path: Path,
) -> None:
    daily = '{select: "path:models", schedule: "@daily", start: 2013-01-01, end: 2013-01-03}'
    files = {
        "sqlorch.yml": f"groups: {{daily: {daily}}}\n",
        "seeds/raw.csv": "id\n1\n",
        "models/a.sql": "select * from {{ ref('raw') }}",
    }
    project = make_project(tmp_path / "shop", files)

    def once() -> list[str]:
        return project.sqlorch("daemon", "--once", "--health", "off").told(0).splitlines()

    *_, stopped, waits = once()
    assert stopped.endswith("stopped; 2 runs still wait:")
    assert waits.strip().startswith("run sched-")
    assert waits.endswith(f" and 1 more wait for default, {WAITS}")
    assert WAITS in " ".join(project.sqlorch("why", "daily").out.split())
    project.sqlorch("trigger", "default").told(0)
    assert once()[-1].endswith("stopped")
    runs = project.sqlorch("runs", "list", "--json").document["runs"]
    assert [(run["group"], run["state"]) for run in runs].count(("daily", "success")) == 2
