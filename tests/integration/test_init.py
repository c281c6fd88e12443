"""``sqlorch init``: what it makes runs at once; what it cannot make is said in one sentence."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.projects import environment, rows_of

from sqlorch.app.new_project import make_project, suggested_name
from sqlorch.cli.main import cli
from sqlorch.config.settings import load_settings
from sqlorch.domain.errors import ConfigError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project made and run by the installed commands, as its last words say."""
    parent = tmp_path_factory.mktemp("init")
    clean = {name: "" for name in os.environ if name.startswith(("DBT_", "SQLORCH__"))}

    def sqlorch(*arguments: str, cwd: Path) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sqlorch", *arguments],
            cwd=cwd,
            env={name: value for name, value in environment().items() if name not in clean},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = sqlorch("init", "my_warehouse", cwd=parent)
    follow = re.findall(r"^  (?:cd|sqlorch) (.+)$", said, re.MULTILINE)
    assert follow == ["my_warehouse", "run --interval 2024-01-01/2024-01-04"]
    sqlorch(*follow[1].split(), "--quiet", cwd=parent / follow[0])
    return parent / "my_warehouse"


def test_it_runs_at_once_one_run_a_day(made: Path) -> None:
    runs = rows_of(
        made / "metrics.duckdb", "select group_name, state, nodes_success = nodes from runs order by all"
    )
    assert runs == [("daily", "success", True)] * 3


def test_a_daemon_runs_all_of_it(tmp_path: Path) -> None:
    project = tmp_path / "shop"
    make_project(project)
    settings = (project / "sqlorch.yml").read_text()
    (project / "sqlorch.yml").write_text(
        settings.replace("start: 2024-01-01", "start: 2024-01-01\n    end: 2024-01-03")
    )
    done = subprocess.run(
        [sys.executable, "-m", "sqlorch", "daemon", "--once", "--health", "off"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr.count("ended: success")) == (0, 2), done.stderr


def test_the_interval_cuts_the_facts(made: Path) -> None:
    sales = rows_of(
        made / "metrics.duckdb",
        "select order_date::text, orders, cancelled_orders, revenue::text from daily_sales order by 1",
    )
    assert sales == [
        ("2024-01-01", 3, 1, "60.50"),
        ("2024-01-02", 2, 0, "76.75"),
        ("2024-01-03", 3, 0, "209.05"),
    ]


def test_git_leaves_out_what_a_run_makes(made: Path, tmp_path: Path) -> None:
    git = ["git", f"--git-dir={tmp_path / 'git'}", f"--work-tree={made}"]
    subprocess.run([*git, "init", "-q"], check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})
    subprocess.run([*git, "add", "-A"], check=True)
    listed = subprocess.run([*git, "ls-files"], check=True, capture_output=True, text=True).stdout.split()
    fresh = tmp_path / "my_warehouse"
    assert sorted(listed) == make_project(fresh)


def test_editors_find_the_schema(made: Path) -> None:
    first = (made / "sqlorch.yml").read_text().splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    printed = json.loads(CliRunner().invoke(cli, ["schema"]).stdout)
    assert json.loads((made / named).read_text()) == printed


def test_the_name_is_everywhere_and_the_placeholder_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "Shop_2"
    written = make_project(folder)
    text = "".join((folder / file).read_text() for file in written)
    assert "PROJECT_NAME" not in text
    assert "name: Shop_2\n" in (folder / "dbt_project.yml").read_text()
    assert [group.name for group in load_settings(folder, {}).groups] == ["daily"]


def test_an_empty_folder_is_used_even_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    result = CliRunner().invoke(cli, ["init", "."])
    assert result.exit_code == 0
    assert "cd " not in result.stdout
    assert (here / "dbt_project.yml").is_file()


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        make_project(folder)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    assert "is not empty" in refusal(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (tmp_path / "file").write_text("mine")
    assert "is no folder" in refusal(tmp_path / "file")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "at_all.txt")
    assert "at_all_txt" in refusal(tmp_path / "link")


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("my-warehouse", "my_warehouse"),
        ("2024 sales", "my_2024_sales"),
        ("Été", "ete"),
        ("dbt", "my_dbt"),
        ("dbt_duckdb", "my_dbt_duckdb"),
        ("---", "my_warehouse"),
        ("数据", "my_warehouse"),
        ("a" * 64, "a" * 63),
        ("a\nb", "a_b"),
    ],
)
def test_a_name_dbt_would_refuse_is_refused_with_a_better_one(tmp_path: Path, name: str, better: str) -> None:
    assert suggested_name(name) == better
    assert refusal(tmp_path / name).endswith(f"try: sqlorch init {better}")
    assert list(tmp_path.iterdir()) == []
    make_project(tmp_path / better)


@pytest.mark.parametrize("existed", [False, True])
def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, existed: bool
) -> None:
    folder = tmp_path / "shop"
    if existed:
        folder.mkdir()
    write = Path.write_text

    def full(self: Path, *arguments: object, **more: object) -> int:
        if self.name == "sqlorch.yml":
            raise OSError(28, "No space left on device", str(self))
        return write(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        make_project(folder)
    assert folder.exists() is existed
    assert not existed or list(folder.iterdir()) == []


def test_files_are_the_users_to_change(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    for file in make_project(folder):
        assert (folder / file).stat().st_mode & stat.S_IWUSR
