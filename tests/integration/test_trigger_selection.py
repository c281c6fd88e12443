"""A run of a selection: refused where it holds nothing, failed where it no longer does."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.daemons import running
from support.projects import DAY, Project, make_project

GROUPS = "groups: {g: {select: [a, b]}, other: {select: c}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    models = {f"models/{name}.sql": f"select '{name}' as name" for name in "abc"}
    return make_project(tmp_path / "shop", {"sqlorch.yml": GROUPS, **models})


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ("nothing", "the selection 'nothing' finds nothing"),
        ("c", "the selection 'c' holds nothing of the group g"),
    ],
)
def test_a_selection_without_a_node_of_the_group_is_refused(
    project: Project, selection: str, said: str
) -> None:
    refused = project.sqlorch("trigger", "g", "--interval", DAY, "--select", selection)
    assert said in refused.told(2)
    assert project.sqlorch("runs", "list", "--json").document["runs"] == []


@pytest.mark.parametrize("files", [("models/b.sql",), ()], ids=["gone", "moved to another group"])
def test_a_run_whose_selection_finds_nothing_any_more_fails_and_holds_up_nobody(
    project: Project, files: tuple[str, ...]
) -> None:
    project.sqlorch("trigger", "g", "--interval", DAY, "--select", "b").told(0)
    project.sqlorch("trigger", "g", "--interval", DAY).told(0)
    for file in files:
        (project.root / file).unlink()
    project.write({"sqlorch.yml": "groups: {g: {select: a}, other: {select: c}}\n"})
    project.sqlorch("daemon", "--once", "--health", "off").told(1)
    whole, chosen = project.sqlorch("runs", "list", "--json").document["runs"]
    assert (whole["state"], chosen["state"]) == ("success", "failed")
    assert "the selection 'b'" in chosen["reason"]


def test_a_run_of_what_was_written_a_moment_ago_waits_until_it_is_read(project: Project) -> None:
    with running(project) as daemon:
        project.sqlorch("trigger", "g", "--interval", DAY, "--select", "a").told(0)
        daemon.until("run_ended")
        project.write(
            {"models/new.sql": "select 1 as n", "sqlorch.yml": GROUPS.replace("[a, b]", "[a, b, new]")}
        )
        project.sqlorch("trigger", "g", "--interval", DAY, "--select", "new").told(0)
        daemon.until("run_ended", 2)
    newest = project.sqlorch("runs", "list", "--json").document["runs"][0]
    assert (newest["state"], newest["reason"]) == ("success", "")
