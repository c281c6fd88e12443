"""A project whose files are broken is steered all the same: by what is remembered of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.projects import DAY, Project, make_project

STATE = "state:\n  path: elsewhere\n"
GOOD = f"{STATE}groups:\n  g:\n    select: '*'\n    schedule: '@daily'\n    start: 2013-01-01\n"
BROKEN = {
    "yaml": {"sqlorch.yml": GOOD.replace("'@daily'", "@daily")},
    "a setting": {"sqlorch.yml": GOOD.replace("'@daily'", "'@dayly'")},
    "a model": {"models/a.sql": "{{ config(meta={'sqlorch': {'group': 'nowhere'}}) }} select 1 as n"},
}


@pytest.fixture(params=BROKEN)
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    """A run is queued, then a file is broken."""
    project = make_project(tmp_path / "shop", {"sqlorch.yml": GOOD, "models/a.sql": "select 1 as n"})
    project.sqlorch("trigger", "g", "--interval", DAY).told(0)
    project.write(BROKEN[request.param])
    assert project.sqlorch("trigger", "g", "--interval", DAY).code == 2
    return project


def test_groups_are_paused_and_resumed_and_runs_cancelled(project: Project) -> None:
    paused = project.sqlorch("pause", "g")
    assert (paused.code, paused.out) == (0, "g is paused\n")
    assert paused.err.startswith("Warning: ")
    assert paused.err.count("\n") == 1
    assert project.sqlorch("resume", "g").out == "g is active\n"
    assert "the groups it knows are: g" in project.sqlorch("pause", "other").told(2)
    assert "is cancelled" in project.sqlorch("cancel", "--group", "g").out
    (run,) = project.sqlorch("runs", "list", "--json").document["runs"]
    assert run["state"] == "cancelled"
    assert project.sqlorch("runs", "show", run["run_id"]).code == 0
    assert "0 runs queued" in project.sqlorch("daemon", "--status").out
    assert not (project.root / ".sqlorch").exists()


def test_one_unknown_run_among_several_leaves_the_others_alone(tmp_path: Path) -> None:
    project = make_project(tmp_path / "shop", {"sqlorch.yml": GOOD, "models/a.sql": "select 1 as n"})
    for day in ("2013-01-03", "2013-01-04"):
        project.sqlorch("trigger", "g", "--interval", day).told(0)
    first, second = (run["run_id"] for run in project.sqlorch("runs", "list", "--json").document["runs"])
    said = project.sqlorch("cancel", first, "manual-nosuch", second)
    assert said.told(2).startswith("Error: there is no run manual-nosuch")
    assert (said.out, said.err.count("\n")) == ("", 1)
    runs = project.sqlorch("runs", "list", "--json").document["runs"]
    assert [run["state"] for run in runs] == ["queued", "queued"]
    assert project.sqlorch("cancel", first, first, second).out.count("is cancelled") == 2


def test_why_tells_what_the_state_knows_and_what_is_wrong_with_the_files(project: Project) -> None:
    (run,) = project.sqlorch("runs", "list", "--json").document["runs"]
    project.sqlorch("pause", "g", "--reason", "tea").told(0)
    said = project.sqlorch("why", "g")
    assert said.code == 0
    assert said.err.startswith("Warning: ")
    assert any(place in said.err for place in ("sqlorch.yml:", "models/a.sql"))
    paused, queued, *_ = said.out.splitlines()
    assert paused.startswith("g is paused: tea (")
    assert queued == f"{DAY} ({run['run_id']}) is queued: it is its turn next"
    assert "what falls due next is in the project's files, which cannot be read" in said.out
    of_run = project.sqlorch("why", run["run_id"])
    assert of_run.out.startswith(f"{run['run_id']} (g {DAY}) is queued")
    assert "the groups it knows are: g" in project.sqlorch("why", "other").told(2)
    assert "the zone of the group" in project.sqlorch("why", "g", "--interval", DAY).told(2)


@pytest.mark.parametrize(
    "text", ["state: {path: [1\ngroups: @x\n", "{state: {path: a}, groups: @x}\n"], ids=["broken", "inline"]
)
def test_another_state_than_the_one_meant_is_not_guessed(tmp_path: Path, text: str) -> None:
    project = make_project(tmp_path / "shop", {"sqlorch.yml": text})
    project.sqlorch("runs", "list").told(2)
    assert not (project.root / ".sqlorch").exists()
