"""What the daemon is made of, each part on real files, sockets and processes, without dbt."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from support.daemons import until
from support.projects import environment, make_project
from support.stores import A, do, manual, slot

from sqlorch.app.health import Health
from sqlorch.app.journal import Journal
from sqlorch.app.project_reader import ProjectReader
from sqlorch.app.pruning import Pruner
from sqlorch.app.watching import Watch
from sqlorch.domain.errors import ConfigError, ProjectError, SqlorchError
from sqlorch.state.lock import LockedError
from sqlorch.state.store import SqlStore
from sqlorch.state.turn import RunTurn, own_turn

HEAVY = {
    "alembic", "dbt", "dbt_common", "duckdb", "jinja2", "numpy",
    "pathspec", "pyarrow", "pydantic", "pydantic_core", "rich", "sqlglot", "yaml",
}  # fmt: skip


def test_the_daemon_imports_nothing_heavy() -> None:
    code = "import sys, sqlorch.cli.daemon, sqlorch.app.daemon_start; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    roots = {name.partition(".")[0] for name in said.stdout.split()}
    assert roots >= {"sqlorch", "sqlalchemy", "click"}
    assert not roots & HEAVY


def test_an_edit_is_noticed_once_and_only_when_it_has_come_to_rest(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "a.sql").write_text("select 1")
    state = tmp_path / ".sqlorch"
    state.mkdir()
    profiles = tmp_path.parent / f"{tmp_path.name}.yml"
    watch = Watch(tmp_path, [profiles], apart=state)
    assert not watch.edited()
    (models / "a.sql").write_text("select 2222")
    assert not watch.edited()  # somebody may still be writing
    assert watch.edited()
    assert not watch.edited()
    for path in (models / "new" / "b.sql", profiles, models / "schema.yml"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("x: 1")
        assert [watch.edited(), watch.edited()] == [False, True], path
    (models / "a.sql").unlink()
    assert [watch.edited(), watch.edited()] == [False, True]


def test_what_is_not_the_project_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path)
    state = tmp_path / "state"
    watch = Watch(tmp_path, apart=state)
    for name in ("target/a.sql", "logs/x.md", ".git/x.yml", "state/x.yml", "models/data.parquet"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    venv = tmp_path / "env" / "lib"
    venv.mkdir(parents=True)
    (venv.parent / "pyvenv.cfg").write_text("")
    (venv / "x.py").write_text("x")
    assert [watch.edited(), watch.edited()] == [False, False]
    assert watch.next_at >= time.monotonic() + 0.5


def test_health_answers_what_the_status_says() -> None:
    status = {"alive": True, "ready": False, "stage": "draining"}
    health = Health("127.0.0.1:0", lambda: status)
    try:
        base = f"http://127.0.0.1:{health.port}"
        with urlopen(f"{base}/healthz") as answer:  # noqa: S310 - our own server
            assert (answer.status, json.load(answer)) == (200, status)
        for path, code in (("/readyz", 503), ("/", 404)):
            with pytest.raises(HTTPError) as refused:
                urlopen(base + path)  # noqa: S310 - likewise
            assert refused.value.code == code
        with pytest.raises(ConfigError, match="cannot listen on"):
            Health(f"127.0.0.1:{health.port}", lambda: status)
    finally:
        health.close()
    with pytest.raises(ConfigError, match="give an address and a port"):
        Health("localhost", lambda: status)


def test_the_journal_writes_text_or_json_and_never_fails() -> None:
    text, lines = io.StringIO(), io.StringIO()
    Journal(as_json=False, stream=text).error("broken", "first\nsecond")
    stamp, second = text.getvalue().splitlines()
    assert stamp.endswith("FAIL first")
    assert second == f"{'':26}second"
    Journal(as_json=True, stream=lines).info("run_began", "run r began", run_id="r")
    document = json.loads(lines.getvalue())
    assert (document["level"], document["event"], document["run_id"]) == ("info", "run_began", "r")
    lines.close()
    Journal(as_json=True, stream=lines).info("x", "nobody can hear this")


def test_a_project_is_read_in_a_child_and_a_broken_one_is_told(tmp_path: Path) -> None:
    project = make_project(
        tmp_path / "p",
        {
            "models/a.sql": "select 1 as x",
            "models/b.sql": "{{ config(materialized='incremental') }} select * from {{ ref('a') }}",
            "sqlorch.yml": "groups:\n  g: {select: a, schedule: '@daily', start: 2026-01-01}\n",
        },
    )
    reader = ProjectReader(["--project-dir", str(project.root), "--profiles-dir", str(project.root)])
    found = reader.read()
    assert set(found.snapshot.groups) == {"g", "default"}
    assert found.state_dir == project.root / ".sqlorch"
    nodes = found.snapshot.nodes
    assert nodes["model.shop.b"].parents == {"model.shop.a"}
    assert (nodes["model.shop.a"].repeatable, nodes["model.shop.b"].repeatable) == (True, False)
    assert nodes["model.shop.a"].code
    project.write({"sqlorch.yml": "groups: [\n"})
    with pytest.raises(ProjectError, match=r"sqlorch\.yml"):
        reader.read()
    reader.start()
    assert reader.busy
    reader.close()
    assert not reader.busy
    with pytest.raises(SqlorchError):
        ProjectReader(["--project-dir", str(tmp_path / "none")]).read()


def test_old_runs_are_forgotten_by_themselves(tmp_path: Path) -> None:
    project = make_project(tmp_path, {"sqlorch.yml": "state: {runs_keep: 30d, runs_keep_last: 1}"})
    long_ago = datetime.now(UTC) - timedelta(days=31)
    with SqlStore.open(tmp_path / ".sqlorch" / "state.db") as store:
        for number in range(3):
            manual(store, f"run-{number}", slot(number), A)
            do(store, f"run-{number}", A, now=long_ago)
    said = io.StringIO()
    pruner = Pruner(project.root, project.root, Journal(as_json=True, detailed=False, stream=said), first=0.0)
    pruner.follow()
    until(lambda: pruner.follow() or "pruned" in said.getvalue(), "two runs are forgotten")
    assert "forgot 2 runs" in said.getvalue()
    with SqlStore.open(tmp_path / ".sqlorch" / "state.db") as store:
        assert [run.run_id for run in store.runs()] == ["run-2"]
    before = said.getvalue()
    pruner.follow()
    assert said.getvalue() == before, "the next time is tomorrow"


def test_the_turn_goes_to_who_waits(tmp_path: Path) -> None:
    turn = RunTurn(tmp_path, command="sqlorch daemon")
    assert turn.take() == ""
    assert not turn.wanted()
    with (
        pytest.raises(LockedError, match="sqlorch daemon"),
        own_turn(tmp_path, command="sqlorch run", wait=False, waiting=print),
    ):
        pass
    code = (
        "import sys; from pathlib import Path; from sqlorch.state.turn import own_turn\n"
        "say = lambda line: print(line, flush=True)\n"
        "with own_turn(Path(sys.argv[1]), command='sqlorch run', wait=True, waiting=say):\n"
        "    print('mine', flush=True); sys.stdin.read()"
    )
    waiter = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert waiter.stdout is not None
        assert f"process {os.getpid()} on " in waiter.stdout.readline()
        deadline = time.monotonic() + 60
        while not turn.wanted():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        turn.release()
        assert waiter.stdout.readline() == "mine\n"
        assert "sqlorch run" in turn.take()
        assert not turn.wanted()
    finally:
        waiter.communicate(timeout=60)
    assert turn.take() == ""
    turn.close()


def test_a_child_that_inherits_the_turn_keeps_it_when_we_are_gone(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; from pathlib import Path; from sqlorch.state.turn import RunTurn\n"
        "turn = RunTurn(Path(sys.argv[1]), command='sqlorch daemon'); assert turn.take() == ''\n"
        "child = subprocess.Popen(['sleep', '60'], pass_fds=turn.filenos(), stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate(timeout=60)
    turn = RunTurn(tmp_path, command="another")
    assert "sqlorch daemon" in turn.take()
    os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while turn.take():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    turn.close()
