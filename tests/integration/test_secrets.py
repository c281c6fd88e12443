"""What a profile keeps secret is in no message, no record and no log."""

from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from support.postgres import running_postgres
from support.projects import make_project

# what models are rendered to, for sqlorch itself alone
_CACHES = {"partial_parse.msgpack", "lineage.db"}
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


def test_secrets_of_the_environment_are_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "hunter2/and&more"  # noqa: S105 - of nothing
    monkeypatch.setenv("SHOP_API_TOKEN", secret)
    leak, coded = "{{ env_var('SHOP_API_TOKEN') }}", quote(secret, safe="")
    project = make_project(
        tmp_path / "shop",
        {
            "sqlorch.yml": """\
                groups: {shop: {select: "*"}}
                exports: {to: [metrics.sqlite]}
                """,
            "models/leaky.sql": f"select error('{'x' * 250} https://u:{leak}@h/ ' || '{coded}')",
            "models/rows.sql": f"{{{{ config(materialized='table') }}}} select '{leak}' as word",
            "expectations/rows.yml": """\
                - expect_column_values_to_be_in_set: {column: word, value_set: [other]}
                """,
        },
    )
    said = project.run()
    assert said.code == 1
    assert "expect_column_values_to_be_in_set(word): 1 of 1 rows, such as '*****'" in said.out
    written = [project.root / "metrics.sqlite", *(project.root / ".sqlorch").rglob("*")]
    for path in written:
        if path.is_file() and "target" not in path.parts and path.name not in _CACHES:
            content = path.read_bytes()
            for form in (secret, coded):
                assert form.encode() not in content, path
    assert secret not in said.out + said.err
    page = project.root / "page.html"
    assert project.sqlorch("lineage", "--html", str(page)).code == 0
    documents = re.findall(r'id="(?:graph|detail)">([^<]*)<', page.read_text())
    shown = b"".join(zlib.decompress(base64.b64decode(each), wbits=-15) for each in documents)
    assert b"as word" in shown
    assert secret.encode() not in shown
    assert secret not in project.sqlorch("lineage", "--format", "openlineage").out


def test_a_sensor_that_fails_tells_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_API_TOKEN", PASSWORD)
    # were it cut first, it would be in the middle of the secret
    query = f"select error('{'x' * (290 - len('Invalid Input Error: '))}{PASSWORD}')"
    project = make_project(
        tmp_path / "shop",
        {
            "sqlorch.yml": f"""\
                groups:
                  shop:
                    select: "*"
                    wait_for: [{{sql: "{query}"}}]
                """,
            "models/a.sql": "select 1 as x",
        },
    )
    said = project.sqlorch("sensors", "check", "shop", "--interval", "2013-01-03")
    assert said.code == 1
    assert "xxxx*****" in said.out
    assert PASSWORD[:6] not in said.out + said.err
