"""The image's command as a container runs it: bare environment, read-only project, another user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.projects import REPOSITORY, make_project, rows_of

NOBODY = 65534


def may_be_somebody_else() -> bool:
    """Whether another user can start this Python and read this checkout."""
    if os.getuid() != 0:
        return False
    code = f"import sqlorch, os; os.listdir({str(REPOSITORY)!r})"
    try:
        tried = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(REPOSITORY)}, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
            capture_output=True, check=False,
        )  # fmt: skip
    except PermissionError:  # the interpreter lies in somebody's home
        return False
    return tried.returncode == 0


def test_the_entrypoint_drives_a_read_only_project_in_a_bare_environment(tmp_path: Path) -> None:
    home = Path("/tmp") / f"sqlorch-container-{os.getpid()}"  # noqa: S108 - pytest's folders are closed to others
    home.mkdir()
    try:
        drive(home)
    finally:
        for folder in (home / "project", home / "project" / "models"):
            folder.chmod(0o755)
        shutil.rmtree(home)


def drive(home: Path) -> None:
    project = make_project(
        home / "project",
        {
            "models/a.sql": "select '{{ var('ds') }}' as ds",
            "profiles.yml": "shop: {target: dev, outputs: {dev: {type: duckdb, threads: 2, "
            "path: \"{{ env_var('DBT_ENV_SECRET_WAREHOUSE') }}\"}}}\n",
            "sqlorch.yml": "groups:\n"
            "  g: {select: a, schedule: '@yearly', start: 2023-01-01, end: 2025-01-01}\n",
        },
    )
    state, warehouse = home / "state", home / "warehouse"
    secret = home / "secret"
    secret.write_text(f"{warehouse}/warehouse.duckdb\n")
    for folder in (state, warehouse):
        folder.mkdir()
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if may_be_somebody_else() else {}
    for folder in (state, warehouse):
        os.chown(folder, other.get("user", os.getuid()), -1)
    for path in [*project.root.rglob("*"), project.root]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = sorted(project.root.rglob("*"))
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONDONTWRITEBYTECODE": "1",
        "DBT_PROJECT_DIR": str(project.root),
        "DBT_PROFILES_DIR": str(project.root),
        "SQLORCH__STATE__PATH": str(state),
        "DBT_ENV_SECRET_WAREHOUSE_FILE": str(secret),
    }
    command = [sys.executable, "-m", "sqlorch", "daemon", "--once", "--log-format", "json"]
    said = subprocess.run(
        ["sh", str(REPOSITORY / "docker" / "entrypoint.sh"), *command],
        env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=180, **other,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert said.stdout == ""
    assert rows_of(warehouse / "warehouse.duckdb", "from a") == [("2024-01-01",)]
    assert sorted(project.root.rglob("*")) == before  # nothing was written beside the models
    assert {path.name for path in state.iterdir()} >= {"state.db", "daemon.lock"}


def test_without_the_right_folders_it_says_so_and_ends_with_2(tmp_path: Path) -> None:
    said = subprocess.run(
        ["sh", str(REPOSITORY / "docker" / "entrypoint.sh"), sys.executable, "-m", "sqlorch", "daemon"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "DBT_PROJECT_DIR": str(tmp_path)},
        cwd="/", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert said.returncode == 2
    assert "dbt_project.yml" in said.stderr
    assert "Traceback" not in said.stderr
