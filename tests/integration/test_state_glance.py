"""The quick look at the state file agrees with the store, and never changes anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.shell_completion import ShellComplete

from sqlorch.cli.main import cli
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeSpec, RunSpec
from sqlorch.state.glance import known_groups, newest_runs
from sqlorch.state.store import SqlStore

NOW = datetime(2024, 1, 5, tzinfo=UTC)


def remember(file: Path, *runs: tuple[str, str]) -> None:
    with SqlStore.open(file) as store:
        for run_id, group in runs:
            spec = RunSpec(
                run_id=run_id,
                group=group,
                interval=Interval(NOW - timedelta(days=1), NOW),
                timezone="UTC",
                variables={},
                nodes=[NodeSpec(unique_id="model.shop.a", name="a", kind="model")],
            )
            store.create_run(spec, now=NOW)


def test_it_sees_what_the_store_wrote_even_while_the_store_is_open(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    remember(file, ("manual-1", "daily"), ("manual-2", "monthly"), ("manual-3", "daily"))
    with SqlStore.open(file) as store:
        assert [run_id for run_id, _, _ in newest_runs(file)] == [run.run_id for run in store.runs()]
        assert newest_runs(file, limit=1) == [("manual-3", "daily", "queued")]
        assert known_groups(file) == ["daily", "monthly"]


def test_what_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    missing, broken, other = tmp_path / "missing.db", tmp_path / "broken.db", tmp_path / "folder.db"
    broken.write_text("this is no database, only text that is long enough to be looked at as a header")
    other.mkdir()
    for file in (missing, broken, other):
        assert newest_runs(file) == []
        assert known_groups(file) == []
    assert not missing.exists()


def test_completion_offers_runs_newest_first(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    remember(tmp_path / ".sqlorch" / "state.db", ("manual-1", "daily"), ("manual-2", "from_sql"))
    complete = ShellComplete(cli, {}, "sqlorch", "X").get_completions
    where = ["--project-dir", str(tmp_path)]
    for command in (["retry"], ["runs", "show"], ["runs", "logs"]):
        items = complete([*command, *where], "manual-")
        assert [(item.value, item.help) for item in items] == [
            ("manual-2", "from_sql, queued"),
            ("manual-1", "daily, queued"),
        ]
    assert [item.value for item in complete(["run", *where, "--group"], "")] == ["daily", "from_sql"]
