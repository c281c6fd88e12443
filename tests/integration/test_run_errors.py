"""What a user reads when something is wrong: one sentence, its place, the right exit code, no traceback."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from support.projects import Project, Said, make_project

GOOD = {"models/good.sql": "select 1 as id"}


def duckdb_profile(path: str) -> str:
    return f"shop:\n  target: dev\n  outputs:\n    dev: {{type: duckdb, path: {path}}}\n"


def project_file(more: str) -> str:
    return f'name: shop\nversion: "1.0"\nprofile: shop\n{more}\n'


UNANSWERED = """\
shop:
  target: dev
  outputs:
    dev: {type: postgres, host: 127.0.0.1, port: 1, user: u, password: hunter2, dbname: d, schema: s}
"""

# what the project holds, and what the one sentence must say; ROOT is the project's folder
UNUSABLE: dict[str, tuple[dict[str, str], str]] = {
    "broken sqlorch.yml": (
        {**GOOD, "sqlorch.yml": "groups:\n  a: [\n"},
        "ROOT/sqlorch.yml:3:1: .*not valid YAML",
    ),
    "unknown keys, all at once": (
        {**GOOD, "sqlorch.yml": "groups:\n  a: {selekt: x, schedule: 7x}\nexportz: 1\n"},
        (
            "ROOT/sqlorch.yml:2:7: unknown key 'selekt'.*did you mean 'select'.*\n"
            "ROOT/sqlorch.yml:2:28: .*schedule.*\n"
            "ROOT/sqlorch.yml:3:1: unknown key 'exportz'"
        ),
    ),
    "broken properties": (
        {**GOOD, "models/p.yml": "models:\n  - name: good\n    columns: [\n  - foo: {"},
        "models/p.yml:4: not valid YAML",
    ),
    "broken dbt_project.yml": (
        {**GOOD, "dbt_project.yml": "name: shop\nprofile: [\nversion: 1"},
        "ROOT/dbt_project.yml:4:1: .*not valid YAML",
    ),
    "broken profiles.yml": (
        {**GOOD, "profiles.yml": "shop:\n  target: [\n"},
        "ROOT/profiles.yml:3: not valid YAML",
    ),
    "broken Jinja": ({"models/a.sql": "select 1\n{% if %}\n"}, "models/a.sql:2: Expected an expression"),
    "unclosed macro": (
        {**GOOD, "macros/m.sql": "{% macro a() %}\nselect\n{% endmacr %}"},
        "macros/m.sql:1: .*without finding a close tag for macro",
    ),
    "a variable missing where dbt parses": (
        {"models/a.sql": "-- a model\n{{ config(tags=[var('nope')]) }}\nselect 1"},
        r"models/a.sql:2: .*tags.*not valid",
    ),
    "ref to nothing": (
        {**GOOD, "models/b.sql": "select *\nfrom {{ ref('god') }}"},
        "models/b.sql:2: ref to 'god', which was not found; did you mean good",
    ),
    "source of nothing": (
        {"models/b.sql": "select *\nfrom {{ source('raw', 'orders') }}"},
        "models/b.sql:2: source to 'raw.orders', which was not found",
    ),
    "ref to a disabled model": (
        {
            "models/a.sql": "{{ config(enabled=false) }} select 1 as x",
            "models/b.sql": "select *\nfrom {{ ref('a') }}",
        },
        "models/b.sql:2: ref to 'a', which is disabled",
    ),
    "a cycle": (
        {
            "models/a.sql": "select * from {{ ref('b') }}",
            "models/b.sql": "select * from {{ ref('c') }}",
            "models/c.sql": "select * from {{ ref('a') }}",
        },
        "cycle: models/a.sql reads models/b.sql reads models/c.sql reads models/a.sql",
    ),
    "a model that reads itself": (
        {"models/a.sql": "select * from {{ ref('a') }}"},
        "models/a.sql reads itself; refer to its own table with {{ this }}",
    ),
    "two models of one name": (
        {"models/x/a.sql": "select 1 as x", "models/y/a.sql": "select 1 as x"},
        "models/x/a.sql and models/y/a.sql: 2 nodes are called 'a'",
    ),
    "two models of one relation": (
        {
            "models/a.sql": "{{ config(alias='z') }} select 1 as x",
            "models/b.sql": "{{ config(alias='z') }} select 1 as x",
        },
        "models/a.sql and models/b.sql: .*same relation warehouse.main.z",
    ),
    "a model in two groups": (
        {**GOOD, "sqlorch.yml": "groups:\n  p: {select: good}\n  q: {select: good}\n"},
        r"model.shop.good belongs to two groups, 'p' \(ROOT/sqlorch.yml:2\) and 'q' \(ROOT/sqlorch.yml:3\)",
    ),
    "a missing profile": (
        {**GOOD, "profiles.yml": "other:\n  target: dev\n  outputs: {dev: {type: duckdb, path: x}}\n"},
        "ROOT/profiles.yml: there is no profile 'shop', which ROOT/dbt_project.yml:3 asks for; .* has: other",
    ),
    "an adapter that is not there": (
        {**GOOD, "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: nodb, path: x}\n"},
        "ROOT/profiles.yml:4: no adapter for the type 'nodb' .*pip install dbt-nodb",
    ),
    "a missing environment variable": (
        {**GOOD, "profiles.yml": duckdb_profile("\"{{ env_var('NOT_SET_ANYWHERE') }}\"")},
        "ROOT/profiles.yml:4: the environment variable NOT_SET_ANYWHERE is not set",
    ),
    "a DuckDB file in no folder": (
        {**GOOD, "profiles.yml": duckdb_profile("/nowhere/at/all.duckdb")},
        "the warehouse cannot be reached: .*/nowhere/at/all.duckdb.*profiles.yml",
    ),
    "a database that does not answer": (
        {**GOOD, "profiles.yml": UNANSWERED},
        "the warehouse cannot be reached: .*127.0.0.1.*profiles.yml",
    ),
    "a variable of the project that clashes": (
        {**GOOD, "dbt_project.yml": project_file("vars:\n  ds: today")},
        "ROOT/dbt_project.yml:5:3: the variable 'ds' is one that sqlorch sets",
    ),
    "a hook that fails": (
        {**GOOD, "dbt_project.yml": project_file("on-run-start: ['selec 1']")},
        'dbt_project.yml: on-run-start failed: .*syntax error at or near "selec"',
    ),
    "a snapshot without a key": (
        {"snapshots/s.sql": "{% snapshot s %}\nselect 1 as id\n{% endsnapshot %}"},
        "snapshots/s.sql: Snapshots must be configured with a 'strategy' and 'unique_key'",
    ),
    "a package that is not installed": (
        {**GOOD, "packages.yml": "packages: [{package: dbt-labs/dbt_utils, version: 1.0.0}]\n"},
        "packages.yml.*dbt deps",
    ),
    "no model at all": ({}, "the selection holds nothing that can be run"),
}

REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "no interval": ((), "say which interval to run"),
    "a day that does not exist": (("-i", "2013-02-30"), "2013-02-30 does not exist"),
    "garbage": (("-i", "last tuesday"), "'last tuesday' is not an interval"),
    "end before start": (("-i", "2013-01-05/2013-01-03"), "it ends before it starts"),
    "end before start by options": (
        ("--start", "2013-01-05", "--end", "2013-01-03"),
        "it ends before it starts",
    ),
    "empty": (("-i", "2013-01-03/2013-01-03"), "it is empty"),
    "a moment": (("-i", "2013-01-03T05:00"), "it is a moment"),
    "half of the bounds": (("--start", "2013-01-05"), "--start and --end go together"),
    "both ways": (
        ("-i", "2013-01-05", "--start", "2013-01-05", "--end", "2013-01-06"),
        "leave out --start and --end",
    ),
    "an unknown node": (("-i", "2013-01-03", "-s", "god"), "'god' finds nothing.*Did you mean good"),
    "an unknown method": (("-i", "2013-01-03", "-s", "tagg:x"), "'tagg:', which is not a selection method"),
    "an unknown group": (("-i", "2013-01-03", "-g", "daily"), "no group 'daily'; the groups are: default"),
    "an unknown target": (
        ("-i", "2013-01-03", "-t", "prod"),
        "profiles.yml:1: .*no target 'prod'; it has: dev",
    ),
    "a variable that clashes": (("-i", "2013-01-03", "--vars", "{ds: 1}"), "--vars: the variable 'ds'"),
    "variables that are no mapping": (("-i", "2013-01-03", "--vars", "[1]"), "--vars must be a mapping"),
    "no thread": (("-i", "2013-01-03", "--threads", "0"), "--threads must be at least 1"),
    "an unknown option": (("--intervall", "2013-01-03"), "No such option"),
}


def said_of(project: Project, said: Said) -> str:
    return said.told(2).replace(str(project.root), "ROOT")


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_unusable_project_is_told_in_one_sentence_with_its_place(tmp_path: Path, case: str) -> None:
    files, expected = UNUSABLE[case]
    project = make_project(tmp_path, files)
    said = project.run()
    message = said_of(project, said)
    assert re.match(f"Error: (.*?)({expected})", message), message
    assert said.out == ""
    assert "hunter2" not in message
    assert "Error Error" not in message.replace(":", "")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("good"), GOOD)


@pytest.mark.parametrize("case", REFUSED)
def test_a_command_line_that_cannot_be_meant_is_refused(good: Project, case: str) -> None:
    arguments, expected = REFUSED[case]
    message = said_of(good, good.sqlorch("run", "--json", *arguments))
    assert re.search(f"Error: .*{expected}", message), message


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    project = make_project(tmp_path, GOOD)
    (tmp_path / "models" / "b.sql").write_bytes(b"select 1,\n'\xff' as x")
    before = dict(os.environ)
    assert "models/b.sql: not UTF-8: the byte 0xff in line 2" in project.run().told(2)
    assert dict(os.environ) == before


def test_folders_without_a_project_or_profiles_are_named(tmp_path: Path) -> None:
    project = make_project(tmp_path / "there", GOOD)
    (project.root / "profiles.yml").unlink()
    assert re.search("there.*holds no profiles.yml", project.run().told(2))
    assert re.search("nowhere.*holds no dbt_project.yml", Project(tmp_path / "nowhere").run().told(2))


# models that fail one by one, the line of the file where each is wrong, and what is said
FAILING: dict[str, tuple[str, int | None, str]] = {
    "broken_sql": ("select 1 as x,\n  2 as y\nform nothing\n", 3, 'syntax error at or near "form"'),
    "jinja_between": (
        "{{ config(materialized='table') }}\n\nselect *\nfrm {{ ref('base') }}\n",
        4,
        "syntax error at or near",
    ),
    "unknown_column": ("select\n  id,\n  missing\nfrom {{ ref('base') }}\n", 3, 'column "missing" not found'),
    "missing_variable": (
        "select\n  '{{ var('nope') }}' as x",
        2,
        "the variable 'nope' has no value: .*--vars",
    ),
    "undefined_macro": ("select 1,\n{{ my_macro(1) }}\n", 2, "'my_macro' is undefined"),
    "refuses_itself": (
        "{% if execute %}{{ exceptions.raise_compiler_error('not like this') }}{% endif %}",
        None,
        "not like this",
    ),
    "unknown_materialization": (
        "{{ config(materialized='tabel') }} select 1 as x",
        1,
        "No materialization 'tabel'",
    ),
    "division": (
        "{{ config(materialized='table') }} select cast('x' as integer) as n",
        1,
        "Could not convert string 'x'",
    ),
}
PROPERTIES = """\
models:
  - name: good
    columns:
      - name: id
        data_tests:
          - not_null
          - accepted_values: {values: [2]}
unit_tests:
  - name: two_is_expected
    model: above_unit
    given: []
    expect:
      rows: [{x: 2}]
"""


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Said]:
    files = {f"models/{name}.sql": text for name, (text, _, _) in FAILING.items()}
    files |= {
        **GOOD,
        "models/base.sql": "select 1 as id",
        "models/p.yml": PROPERTIES,
        "models/above_unit.sql": "select 1 as x",
    }
    files |= {
        "seeds/ragged.csv": "a,b\n1,2\n3\n4,5,6\n",
        "tests/none.sql": "select *\nfrom {{ ref('good') }}",
    }
    project = make_project(tmp_path_factory.mktemp("failing"), files)
    return project, project.sqlorch("run", "--interval", "2013-01-03")


def test_failing_nodes_exit_with_1_and_no_traceback(failing: tuple[Project, Said]) -> None:
    _, said = failing
    assert said.code == 1
    assert "Traceback" not in said.out + said.err
    assert "sqlorch retry manual-20130103T000000Z-" in said.out


@pytest.mark.parametrize("name", FAILING)
def test_a_failing_model_is_told_with_its_line(failing: tuple[Project, Said], name: str) -> None:
    project, _ = failing
    _, line, expected = FAILING[name]
    (run_id,) = project.query_state("select run_id from run")[0]
    said = project.sqlorch("runs", "show", run_id, "--json")
    node = said.nodes[name]
    assert re.search(expected, node["message"]), node["message"]
    assert "\n" not in node["message"]
    assert "> in macro" not in node["message"]
    (place,) = project.query_state(
        f"select file, line from attempt join node_run using (run_id, unique_id) where name = '{name}'"
    )
    assert place == (f"models/{name}.sql", line)


def test_a_failing_test_is_told_with_the_line_that_declares_it(failing: tuple[Project, Said]) -> None:
    project, _ = failing
    places = dict(
        project.query_state(
            "select name, file || ':' || line from attempt join node_run using (run_id, unique_id)"
        )
    )
    assert places["accepted_values_good_id__2"] == "models/p.yml:7"
    assert places["two_is_expected"] == "models/p.yml:9"


def test_the_summary_shows_place_error_compiled_sql_and_log(tmp_path: Path) -> None:
    project = make_project(tmp_path, {"models/broken.sql": "select 1 as x\nform nothing"})
    said = project.sqlorch("run", "-i", "2013-01-03")
    assert "models/broken.sql:2" in said.out
    (compiled,) = re.findall(r"compiled: (\S+)", said.out)
    assert "form nothing" in Path(compiled).read_text()
    (run_id, node) = re.findall(r"sqlorch runs logs (\S+) (\S+)", said.out)[0]
    assert "syntax error" in project.sqlorch("runs", "logs", run_id, node).out
    assert "form nothing" in project.sqlorch("runs", "logs", run_id, node, "--sql").out
