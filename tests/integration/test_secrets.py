"""What a profile keeps secret is in no message, no record and no log."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.postgres import running_postgres
from support.projects import make_project

PASSWORD = "hunter2-and-more"  # noqa: S105 - it is one, for a server that asks for none


@pytest.mark.postgres
def test_the_password_of_the_profile_is_written_nowhere(tmp_path: Path) -> None:
    with running_postgres() as server:
        project = make_project(
            tmp_path / "shop",
            {
                "profiles.yml": server.profile("shop", password=PASSWORD),
                "models/leaky.sql": f"select cast('{PASSWORD}' as integer) as n",
            },
        )
        said = project.run()
    assert said.code == 1
    (node,) = said.nodes.values()
    assert "invalid input syntax" in node["message"]
    assert "*****" in node["message"]
    assert PASSWORD not in said.out + said.err
    kept = list((project.root / ".sqlorch" / "runs").rglob("*.log"))
    assert kept
    assert all(PASSWORD not in path.read_text() for path in kept)
    assert project.query_state(f"select count(*) from attempt where message like '%{PASSWORD}%'") == [(0,)]
