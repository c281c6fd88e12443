from __future__ import annotations

from pathlib import Path

import pytest
from dbt.cli.resolvers import default_profiles_dir, default_project_dir
from dbt.config.utils import parse_cli_vars

from sqlorch.config.locate import find_profiles, find_project, locate
from sqlorch.config.settings import load_settings
from sqlorch.config.variables import check_clashes, parse_vars
from sqlorch.config.yaml_loader import MAX_BYTES
from sqlorch.domain.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one; messages name files from here."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestSettingsFile:
    def test_no_file_gives_the_defaults(self, home: Path) -> None:
        settings = load_settings(home, {"SQLORCH__DEFAULTS__RETRIES": "2"})
        assert settings.file is None
        assert settings.groups == ()
        assert settings.default.retry.retries == 2
        assert settings.state_path == home / ".sqlorch"

    def test_a_file_is_read(self, home: Path) -> None:
        (home / "sqlorch.yml").write_text("groups: {a: {select: x}}\nstate: {path: ~/state}\n")
        settings = load_settings(home, {})
        assert settings.file == home / "sqlorch.yml"
        assert settings.groups[0].origin == "sqlorch.yml:1"
        assert settings.state_path == Path.home() / "state"

    def test_an_error_of_the_environment_needs_no_file(self, home: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            load_settings(home, {"SQLORCH__STATE__PATH": "[1]"})
        assert str(caught.value) == (
            "environment variable SQLORCH__STATE__PATH: state.path: must be text, not a list"
        )

    def test_a_file_elsewhere_is_named_in_full(self, home: Path) -> None:
        project = home / "project"
        here = home / "here"
        for folder in (project, here):
            folder.mkdir()
        (project / "sqlorch.yml").write_text("a: 1")
        with pytest.raises(ConfigError, match=r"^project/sqlorch.yml:1:1: unknown key 'a'"):
            load_settings(project, {})
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(here)
            with pytest.raises(ConfigError, match=rf"^{project}/sqlorch.yml:1:1: unknown key 'a'"):
                load_settings(project, {})

    def test_the_other_suffix_is_not_silently_ignored(self, home: Path) -> None:
        (home / "sqlorch.yaml").write_text("")
        with pytest.raises(ConfigError, match=r"^sqlorch.yaml: sqlorch reads sqlorch.yml; rename the file$"):
            load_settings(home, {})

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"a: 1\nb: \xff\n", "sqlorch.yml:2: the file is not UTF-8; save it in UTF-8"),
            (
                b"#" * (MAX_BYTES + 1),
                "sqlorch.yml is larger than 1,000,000 bytes, too large for a settings file",
            ),
        ],
    )
    def test_what_is_not_text_of_a_usual_size_is_refused(
        self, home: Path, content: bytes, message: str
    ) -> None:
        (home / "sqlorch.yml").write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load_settings(home, {})
        assert str(caught.value) == message

    def test_a_folder_or_a_broken_link_of_that_name_is_refused(self, home: Path) -> None:
        (home / "sqlorch.yml").mkdir()
        with pytest.raises(ConfigError, match=r"^sqlorch.yml cannot be read: Is a directory$"):
            load_settings(home, {})
        (home / "sqlorch.yml").rmdir()
        (home / "sqlorch.yml").symlink_to("nowhere")
        with pytest.raises(ConfigError, match=r"^sqlorch.yml cannot be read: No such file or directory$"):
            load_settings(home, {})


class TestLocate:
    @pytest.fixture
    def tree(self, home: Path) -> Path:
        for name in ("a", "b", "c", "a/models/deep", "user/.dbt", "profiles"):
            (home / name).mkdir(parents=True)
        for name in ("a", "b", "c"):
            (home / name / "dbt_project.yml").touch()
        for name in ("b", "c", "user/.dbt", "profiles"):
            (home / name / "profiles.yml").touch()
        return home

    def test_option_then_environment_then_current_folder_and_those_above(self, tree: Path) -> None:
        both = {"DBT_ENGINE_PROJECT_DIR": "b", "DBT_PROJECT_DIR": str(tree / "c")}
        assert find_project("a", both, tree) == tree / "a"
        assert find_project(None, both, tree) == tree / "b"
        assert find_project("", {"DBT_ENGINE_PROJECT_DIR": "", "DBT_PROJECT_DIR": "c"}, tree) == tree / "c"
        assert find_project(None, {}, tree / "a") == tree / "a"
        assert find_project(None, {}, tree / "a/models/deep") == tree / "a"

    def test_profiles_are_looked_for_in_the_current_folder_and_the_home_folder(self, tree: Path) -> None:
        env = {"HOME": str(tree / "user")}
        a = tree / "a"
        assert find_profiles("profiles", env | {"DBT_PROFILES_DIR": "b"}, tree, a) == tree / "profiles"
        assert find_profiles(None, env | {"DBT_PROFILES_DIR": "b"}, tree, a) == tree / "b"
        assert (
            find_profiles(None, env | {"DBT_PROFILES_DIR": "b", "DBT_ENGINE_PROFILES_DIR": "c"}, tree, a)
            == tree / "c"
        )
        assert find_profiles(None, env, tree / "b", a) == tree / "b"
        assert find_profiles(None, env, a, a) == tree / "user/.dbt"

    def test_both_at_once(self, tree: Path) -> None:
        found = locate(project_dir="a", profiles_dir=None, environ={"DBT_PROFILES_DIR": "b"}, cwd=tree)
        assert (found.project_dir, found.profiles_dir) == (tree / "a", tree / "b")

    def test_the_rule_is_dbts_own(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tree / "user"))
        for folder in ("a", "b", "a/models/deep"):
            monkeypatch.chdir(tree / folder)
            assert find_project(None, {}, tree / folder) == default_project_dir()
            found = find_profiles(None, {"HOME": str(tree / "user")}, tree / folder, tree)
            assert found == default_profiles_dir()

    @pytest.mark.parametrize(
        ("option", "environ", "message"),
        [
            (
                "nowhere",
                {},
                "{home}/nowhere, named by --project-dir, is no folder, so it holds no dbt_project.yml",
            ),
            (
                None,
                {"DBT_PROJECT_DIR": "profiles"},
                "{home}/profiles, named by DBT_PROJECT_DIR, holds no dbt_project.yml",
            ),
            (
                None,
                {},
                "no dbt_project.yml in {home} or a folder above it; go to a dbt project, name it with",
            ),
            ("a\0b", {}, "{home}/a\0b, named by --project-dir, is no folder, so it holds no dbt_project.yml"),
        ],
    )
    def test_a_missing_project_is_told_with_where_it_was_looked_for(
        self, tree: Path, option: str | None, environ: dict[str, str], message: str
    ) -> None:
        with pytest.raises(ConfigError) as caught:
            find_project(option, environ, tree)
        assert str(caught.value).startswith(message.format(home=tree))

    def test_missing_profiles_are_told_with_where_they_were_looked_for(self, tree: Path) -> None:
        a = tree / "a"
        with pytest.raises(ConfigError) as caught:
            find_profiles(None, {"HOME": str(tree)}, a, a)
        assert str(caught.value) == (
            f"no profiles.yml in {a} or {tree}/.dbt; there is one in {tree}/profiles: use --profiles-dir "
            f"{tree}/profiles"
        )
        (tree / "profiles/profiles.yml").unlink()
        with pytest.raises(ConfigError, match=r"name its folder with --profiles-dir or DBT_PROFILES_DIR$"):
            find_profiles(None, {"HOME": str(tree)}, a, a)
        with pytest.raises(ConfigError, match=r"/a, named by DBT_PROFILES_DIR, holds no profiles.yml$"):
            find_profiles(None, {"DBT_PROFILES_DIR": "a"}, tree, a)


PROJECT = """\
name: shop
vars:
  ds: "2013-01-01"
  mine: 1
  shop:
    group: x
    also_mine: 2
  dbt_dates:
    run_id: 7
  settings:
    ts: a var that is a mapping, not a package
"""


class TestClashes:
    @pytest.fixture
    def project(self, home: Path) -> Path:
        (home / "dbt_project.yml").write_text(PROJECT)
        package = home / "dbt_packages/dbt_dates"
        package.mkdir(parents=True)
        (package / "dbt_project.yml").write_text("name: dbt_dates\nvars: {next_ds: 1, dbt_dates: {ts: 2}}\n")
        return home

    def test_every_clash_is_refused_with_its_place_and_the_way_out(self, project: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            check_clashes(project, {"ts": 1, "fine": 2})
        lines = str(caught.value).splitlines()
        assert lines[1] == (
            "dbt_project.yml:3:3: the variable 'ds' is one that sqlorch sets for every run; rename it, or "
            "keep yours by adding 'variables: {skip: [ds]}' to sqlorch.yml"
        )
        assert [line.split(" is one")[0] for line in lines] == [
            "--vars: the variable 'ts'",
            "dbt_project.yml:3:3: the variable 'ds'",
            "dbt_project.yml:6:5: the variable 'group' of shop",
            "dbt_project.yml:9:5: the variable 'run_id' of dbt_dates",
            "dbt_packages/dbt_dates/dbt_project.yml:2:8: the variable 'next_ds'",
            "dbt_packages/dbt_dates/dbt_project.yml:2:32: the variable 'ts' of dbt_dates",
        ]

    def test_variables_that_are_not_set_clash_with_nothing(self, project: Path) -> None:
        check_clashes(project, {"ds": 1}, skip={"ds", "group", "run_id", "next_ds", "ts"})

    def test_packages_elsewhere_and_what_yaml_allows_dbt(self, home: Path) -> None:
        (home / "dbt_project.yml").write_text(
            "name: shop\npackages-install-path: pkgs\nx: &own {prev_ds: 1}\nvars:\n  <<: *own\n  p: {ds: 1}\n"
        )
        (home / "pkgs/p").mkdir(parents=True)
        (home / "pkgs/p/dbt_project.yml").write_text("name: p\n")
        with pytest.raises(ConfigError) as caught:
            check_clashes(home, {})
        assert [line.split(" is one")[0] for line in str(caught.value).splitlines()] == [
            "dbt_project.yml:3:10: the variable 'prev_ds'",
            "dbt_project.yml:6:7: the variable 'ds' of p",
        ]

    @pytest.mark.parametrize(
        "text", ["", "name: x", "vars:", "vars: 5", "- a", "vars: [ds]", "vars: {[a]: 1}"]
    )
    def test_a_project_without_clashing_variables_passes(self, home: Path, text: str) -> None:
        (home / "dbt_project.yml").write_text(text)
        check_clashes(home, {})

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "name: x\nvars:\n  a: 'open",
                "dbt_project.yml:3:11: this is not valid YAML: found unexpected end",
            ),
            ("name: *x", "dbt_project.yml:1:7: this is not valid YAML: found undefined alias"),
            ("vars: " + "[" * 100_000, "dbt_project.yml:1:206: this is nested more than 200 levels deep"),
            (
                "vars: {<<: [1]}",
                "dbt_project.yml:1:13: this is not valid YAML: expected a mapping for merging",
            ),
        ],
    )
    def test_a_broken_project_file_is_told_with_its_place(self, home: Path, text: str, message: str) -> None:
        (home / "dbt_project.yml").write_text(text)
        with pytest.raises(ConfigError) as caught:
            check_clashes(home, {})
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)


class TestVarsOption:
    def test_it_is_read_as_dbt_reads_it(self) -> None:
        for text in ("{a: 1, b: [x, off], c: 2013-01-01}", "a: 1", '{"k": "v", n: null, 1: 2}', "{}"):
            assert parse_vars(text) == parse_cli_vars(text)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "--vars must be a mapping like '{name: value}', not ''"),
            ("[1]", "--vars must be a mapping like '{name: value}', not '[1]'"),
            ("a=1", "--vars must be a mapping like '{name: value}', not 'a=1'"),
            ("{a: 1", "--vars:2:1: this is not valid YAML: did not find expected ',' or '}'"),
            ("{a: 1, a: 2}", "--vars:1:8: the key 'a' is written twice, first in line 1"),
            ("{a: 2013-02-30}", "--vars cannot be read: day is out of range for month"),
            ("[" * 100_000, "--vars:1:51: this is nested more than 50 levels deep"),
        ],
    )
    def test_what_is_no_mapping_is_refused(self, text: str, message: str) -> None:
        with pytest.raises(ConfigError) as caught:
            parse_vars(text)
        assert str(caught.value).startswith(message)
