"""Environment variables in what runs wait for."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlorch.config.settings import load_settings
from sqlorch.domain.errors import ConfigError

HUSH = "hush-hush"


def waited_for(folder: Path, text: str, **environ: str) -> list[str]:
    """The targets of what the group ``a`` waits for."""
    (folder / "sqlorch.yml").write_text(f"groups:\n  a:\n    select: a\n    wait_for:\n{text}")
    (group,) = load_settings(folder, environ).groups
    return [spec.target for spec in group.wait_for]


@pytest.mark.parametrize(
    ("written", "environ", "meant"),
    [
        ("{{ env_var('RAW', 'data') }}/a.csv", {}, "data/a.csv"),
        ("{{ env_var('RAW', 'data') }}/a.csv", {"RAW": "/srv/raw"}, "/srv/raw/a.csv"),
        ("{{env_var('RAW')}}/{{ ds }}.csv", {"RAW": "in"}, "in/{{ ds }}.csv"),
        ("x{{ env_var( 'A','' ) }}-{{ env_var('B', 'b') }}", {"A": ""}, "x-b"),
    ],
)
def test_their_value_is_put_in(tmp_path: Path, written: str, environ: dict[str, str], meant: str) -> None:
    assert waited_for(tmp_path, f'      file: "{written}"\n', **environ) == [meant]
    assert waited_for(tmp_path, f'      - {{file: "{written}", every: 5m}}\n', **environ) == [meant]


def test_double_quotes_are_as_good(tmp_path: Path) -> None:
    found = waited_for(tmp_path, """      file: '{{ env_var("RAW", "data") }}/a.csv'\n""")
    assert found == ["data/a.csv"]


def test_all_that_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    text = """\
      - file: "{{ env_var('RAW') }}/a.csv"
      - {sql: "select 1", description: "{{ env_var('DBT_ENV_SECRET_X', '1') }}"}
      - {http: "https://example.org/{{ env_var('API_TOKEN') }}"}
"""
    with pytest.raises(ConfigError) as refused:
        waited_for(tmp_path, text, API_TOKEN=HUSH)
    lines = str(refused.value).splitlines()
    assert [line.partition("sqlorch.yml:")[2].split(": ")[0] for line in lines] == ["5:15", "6:40", "7:16"]
    assert "the environment variable RAW is not set" in lines[0]
    assert "DBT_ENV_SECRET_X holds a secret by its name" in lines[1]
    assert HUSH not in str(refused.value)


@pytest.mark.parametrize(
    "written",
    ["{{ env_var(RAW) }}", "{{ env_var('RAW', 1) }}", "{{ env_var('RAW') | upper }}", "{{ env_var() }}"],
)
def test_anything_else_is_refused_as_before(tmp_path: Path, written: str) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        waited_for(tmp_path, f'      file: "{written}"\n', RAW="x")
