"""Reading a project needs no profile: its adapter is given, near by, or guessed, and the guess is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.lineage_files import PROFILE, write_files
from support.projects import call

from sqlorch.lineage import load_project
from sqlorch.lineage.adapter_guess import guess_adapter

TWO = {
    "models/a.sql": "select 1 as x, '{{ target.type }}' as t",
    "models/b.sql": "select * from {{ ref('a') }}",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a profile, in nobody's home."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("DBT_PROFILES_DIR", raising=False)
    folder = write_files(tmp_path / "repo" / "dbt", TWO)
    (folder / "profiles.yml").unlink()
    monkeypatch.chdir(folder)
    return folder


def test_nothing_speaks_for_an_adapter(root: Path) -> None:
    project = load_project(root)
    assert project.adapter == "unknown"
    assert project.sql["model.probe.a"] == "select 1 as x, 'unknown' as t"
    (warning,) = project.warnings
    assert str(warning) == (
        "profiles.yml: there is none with the profile 'probe'; read as plain SQL, macros for an adapter are "
        "not chosen; name it with --adapter"
    )


@pytest.mark.parametrize("command", [["check"], ["lineage"], ["impact", "a"], ["trace", "b.x"]])
def test_every_command_reads_it_and_says_what_it_assumed(root: Path, command: list[str]) -> None:
    (root / "requirements.txt").write_text("dbt-core~=1.10\ndbt-trino==1.9\ndbt-utils-helper\n")
    found = call(*command)
    assert found.code == 0
    told = "there is none with the profile 'probe'; read as trino SQL, as requirements.txt asks for dbt-trino"
    assert (found.out + found.err).count(told) == 1


@pytest.mark.parametrize("command", [["check", "--json"], ["lineage", "--columns"], ["trace", "b.x"]])
def test_an_adapter_that_is_given_is_not_assumed(root: Path, command: list[str]) -> None:
    found = call(*command, "--adapter", "snowflake")
    assert found.code == 0
    assert "profile" not in found.out + found.err


def test_an_adapter_wins_over_the_profile(root: Path) -> None:
    (root / "profiles.yml").write_text(PROFILE)
    assert load_project(root, adapter="duckdb").dag["model.probe.a"].relation == '"probe"."main"."a"'
    other = load_project(root, adapter="bigquery")
    assert other.adapter == "bigquery"
    assert other.dag["model.probe.a"].relation == "`public`.`a`"


def test_an_unknown_adapter_is_refused(root: Path) -> None:
    assert call("check", "--adapter", "postgre").told(2) == (
        "Error: no adapter is called 'postgre'; did you mean postgres?"
    )


@pytest.mark.parametrize("folder", ["profiles", "ci", "../profiles", ".."])
def test_a_profile_near_the_project_is_read(root: Path, folder: str) -> None:
    (root / folder).mkdir(exist_ok=True)
    file = (root / folder).resolve() / "profiles.yml"
    file.write_text(PROFILE)
    project = load_project(root)
    assert project.adapter == "duckdb"
    assert project.dag["model.probe.a"].relation == '"probe"."main"."a"'
    (warning,) = project.warnings
    assert "where dbt does not look; name its folder with --profiles-dir" in str(warning)


def test_a_profile_where_dbt_looks_is_nothing_to_tell(root: Path) -> None:
    (root / "profiles.yml").write_text(PROFILE)
    assert call("check").err == ""
    assert load_project(root).warnings == ()


def test_a_file_without_the_profile_is_passed_over(root: Path) -> None:
    (root / "profiles.yml").write_text(PROFILE.replace("probe:", "other:", 1))
    (root / "ci").mkdir()
    (root / "ci" / "profiles.yml").write_text(PROFILE.replace("duckdb", "postgres"))
    assert load_project(root).adapter == "postgres"


def test_what_is_named_must_be_there(root: Path) -> None:
    (root / "profiles.yml").write_text(PROFILE)
    assert "has no target 'nope'" in call("check", "--target", "nope").told(2)
    assert "holds no profiles.yml" in call("check", "--profiles-dir", "models").told(2)
    (root / "profiles.yml").write_text(PROFILE.replace("probe:", "other:", 1))
    assert "has no profile 'probe'" in call("check", "--profiles-dir", ".").told(2)


def test_what_connects_needs_a_profile(root: Path) -> None:
    assert call("lineage", "--verify", "--adapter", "duckdb").told(2).startswith("Error: no profiles.yml in ")
    assert call("run", "--interval", "2013-01-03").told(2).startswith("Error: no profiles.yml in ")


def test_a_changed_guess_is_not_remembered(root: Path, tmp_path: Path) -> None:
    def adapter() -> str:
        return load_project(root, cache_dir=tmp_path / "cache").adapter

    assert adapter() == "unknown"
    (root / "requirements.txt").write_text("dbt-trino\n")
    assert adapter() == "trino"
    (root / "requirements.txt").write_text("dbt-bigquery\n")
    assert adapter() == "bigquery"


@pytest.mark.parametrize(
    ("files", "adapter"),
    [
        ({"pyproject.toml": 'dependencies = ["dbt-snowflake>=1.8"]'}, "snowflake"),
        ({"../requirements.txt": "dbt_redshift dbt-redshift[x]"}, "redshift"),
        ({"requirements.txt": "dbt-core\ndbt-utils"}, None),
        ({"requirements.txt": "dbt-postgres\ndbt-duckdb", "models/m.sql": "select x::jsonb"}, "postgres"),
        ({"requirements.txt": "dbt-core", ".git/HEAD": "", "../requirements.txt": "dbt-trino"}, None),
        ({"models/m.sql": "select safe_cast(x as int64)"}, "bigquery"),
        ({"models/m.yml": "meta: {external_location: x}"}, "duckdb"),
        ({"models/m.sql": "select safe_cast(x as int64), y::variant"}, None),
        ({"models/m.sql": "y::variant", "models/n.sql": "y::variant, safe_cast(x)"}, "snowflake"),
        ({"other/m.sql": "y::variant"}, None),
    ],
)
def test_guesses(root: Path, files: dict[str, str], adapter: str | None) -> None:
    write = {name: text for name, text in files.items() if not name.startswith("../")}
    write_files(root, write)
    for name in files.keys() - write.keys():
        (root / name).resolve().write_text(files[name])
    found = guess_adapter(root)
    assert (found.adapter if found else None) == adapter
