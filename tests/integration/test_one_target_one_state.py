"""What is done in dev is not done in prod: whoever would take it so is refused, and told what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.projects import DAY, Project, make_project

PROFILE = "shop: {target: TARGET, outputs: {dev: DEV, prod: PROD}}\n"
GROUP = 'groups: {daily: {select: "*", schedule: "@daily", start: 2013-01-01, end: 2013-01-06}}\n'


def profile(root: Path, target: str = "dev") -> str:
    text = PROFILE.replace("TARGET", target)
    for name in ("dev", "prod"):
        text = text.replace(name.upper(), f"{{type: duckdb, path: '{root}/{name}.duckdb'}}")
    return text


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Made in dev."""
    root = tmp_path_factory.mktemp("targets") / "shop"
    files = {"models/orders.sql": "select 1 as id", "sqlorch.yml": GROUP, "profiles.yml": profile(root)}
    project = make_project(root, files)
    project.run().told(0)
    return project


COMMANDS = {
    "run": ("run", "--interval", DAY),
    "plan": ("plan",),
    "intervals": ("intervals", "--missing"),
    "groups": ("groups",),
    "why": ("why", "daily"),
    "backfill": ("backfill", "daily", "--from", "2013-01-01", "--to", "2013-01-03"),
    "trigger": ("trigger", "daily", "--interval", DAY),
    "mark": ("mark", "success", "--group", "daily", "--interval", DAY),
    "export": ("export", "--to", "metrics.sqlite"),
    "daemon": ("daemon", "--once", "--health", "off"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_another_target_is_refused_and_nothing_is_done(made: Project, command: str) -> None:
    said = made.sqlorch(*COMMANDS[command], "--target", "prod")
    message = said.told(2)
    assert "is that of target dev, and this is target prod" in message
    assert "SQLORCH__STATE__PATH=.sqlorch-prod" in message
    assert "sqlorch db target prod" in message
    assert not (made.root / "prod.duckdb").exists()
    assert len(made.sqlorch("runs", "list", "--json").document["runs"]) == 1


def test_a_profile_that_points_elsewhere_now_is_another_target(made: Project) -> None:
    made.write({"profiles.yml": profile(made.root, "prod")})
    try:
        assert "this is target prod" in made.sqlorch("plan").told(2)
        assert "this is target prod" in made.run().told(2)
        made.run("--target", "dev").told(0)
    finally:
        made.write({"profiles.yml": profile(made.root)})


def test_the_environment_names_the_target_as_for_dbt(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_TARGET", "prod")
    assert "this is target prod" in made.sqlorch("plan").told(2)
    assert "this is target prod" in made.run().told(2)
    monkeypatch.setenv("DBT_ENGINE_TARGET", "dev")
    made.sqlorch("plan").told(0)
    made.run().told(0)
    monkeypatch.delenv("DBT_TARGET")
    made.run("--target", "dev").told(0)


def test_it_names_the_profile_too(made: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    other = profile(made.root).replace("shop:", "other:").replace("prod:", "live:")
    made.write({"profiles.yml": profile(made.root) + other})
    monkeypatch.setenv("DBT_PROFILE", "other")
    made.sqlorch("plan").told(0)
    assert "no target 'prod'; it has: dev, live" in made.sqlorch("plan", "--target", "prod").told(2)


def test_with_a_state_of_its_own_the_other_target_begins_at_the_beginning(
    made: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLORCH__STATE__PATH", ".sqlorch-prod")
    plan = made.sqlorch("plan", "--json", "--target", "prod").document
    assert plan["due_runs"] == 5
    made.run("--target", "prod").told(0)
    assert (made.root / "prod.duckdb").exists()
    assert made.sqlorch("db", "target").out == "prod\n"


def test_a_new_name_of_the_same_warehouse_is_told(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    project = make_project(root, {"models/orders.sql": "select 1 as id", "profiles.yml": profile(root)})
    assert "there is no state" in project.sqlorch("db", "target", "prod").told(2)
    assert project.sqlorch("db", "target").out == "nothing was run on any target yet\n"
    project.run().told(0)
    assert project.sqlorch("db", "target").out == "dev\n"
    said = project.sqlorch("db", "target", "prod")
    assert said.out == "the state is that of target prod now; it was dev's\n"
    project.run("--target", "prod").told(0)
    assert "this is target dev" in project.run().told(2)
