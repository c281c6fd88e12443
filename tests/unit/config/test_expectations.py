"""Reading suites of expectations: what they mean, and the sentence for each mistake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from sqlorch.checks import catalogue
from sqlorch.config.expectations import read_suites
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.expectations import Suite


def _dag(**config: object) -> Dag:
    def node(name: str, kind: str = "model", **more: object) -> Node:
        return Node(
            unique_id=f"{kind}.shop.{name}", kind=kind, name=name, package="shop", path=f"models/{name}.sql",
            config=more,
        )  # fmt: skip

    return Dag([node("orders", **config), node("customers"), node("countries", "seed")], [], project="shop")


def _read(folder: Path, text: str, dag: Dag | None = None, file: str = "orders.yml") -> list[Suite]:
    (folder / "expectations").mkdir(exist_ok=True)
    (folder / "expectations" / file).write_text(dedent(text))
    return read_suites(folder, dag or _dag())


def _refused(folder: Path, text: str, dag: Dag | None = None, file: str = "orders.yml") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _read(folder, text, dag, file)
    return [line.replace(f"{folder}/", "") for line in str(caught.value).splitlines()]


def test_a_suite_has_the_name_of_its_model_and_each_expectation_its_line(tmp_path: Path) -> None:
    (suite,) = _read(
        tmp_path,
        """\
        expectations:
          - expect_column_values_to_not_be_null:
              column: id
          - expect_table_row_count_to_be_between:
              min_value: 1
              severity: warn
        """,
    )
    assert (suite.model, suite.origin) == ("model.shop.orders", "expectations/orders.yml")
    first, second = suite.expectations
    assert (first.type, dict(first.arguments)) == ("expect_column_values_to_not_be_null", {"column": "id"})
    assert (second.severity, dict(second.arguments)) == ("warn", {"min_value": 1})
    places = [one.origin for one in suite.expectations]  # relative to the project, wherever we stand
    assert places == ["expectations/orders.yml:3", "expectations/orders.yml:5"]
    assert suite.unique_id == "expectations.shop.orders"


def test_a_project_without_any_has_none(tmp_path: Path) -> None:
    assert read_suites(tmp_path, _dag()) == []


def test_a_bare_list_and_a_seed_will_do(tmp_path: Path) -> None:
    (suite,) = _read(tmp_path, "- expect_column_to_exist: {column: code}\n", file="countries.yaml")
    assert suite.model == "seed.shop.countries"


def test_meta_is_read_like_a_file(tmp_path: Path) -> None:
    said = [{"expect_column_values_to_be_unique": {"column": "id"}}]
    (suite,) = read_suites(tmp_path, _dag(meta={"sqlorch": {"expectations": said}}))
    assert [one.type for one in suite.expectations] == ["expect_column_values_to_be_unique"]


def test_the_rows_are_the_intervals_where_the_model_has_an_event_time(tmp_path: Path) -> None:
    text = "expectations: [expect_table_row_count_to_equal: {value: 1}]\n"
    assert _read(tmp_path, text)[0].event_time == ""
    assert _read(tmp_path, text, _dag(event_time="ordered_at"))[0].event_time == "ordered_at"
    assert _read(tmp_path, "rows: table\n" + text, _dag(event_time="ordered_at"))[0].event_time == ""
    assert _read(tmp_path, "event_time: day\n" + text)[0].event_time == "day"
    where = _read(tmp_path, "where: day = '{{ ds }}'\n" + text, _dag(event_time="ordered_at"))[0]
    assert (where.event_time, where.where) == ("", "day = '{{ ds }}'")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "- expect_colum_to_exist: {column: a}",
            (
                "expectations/orders.yml:1:3: Great Expectations has no 'expect_colum_to_exist'; "
                "did you mean expect_column_to_exist"
            ),
        ),
        (
            "- expect_column_to_exist: {colum: a}",
            "expectations/orders.yml:1:28: expect_column_to_exist has no argument 'colum'; did you mean",
        ),
        ("- expect_column_to_exist:", "expectations/orders.yml:1:3: expect_column_to_exist needs column"),
        (
            "- expect_column_to_exist: {column: 1}",
            "expectations/orders.yml:1:28: column must be text, not 1",
        ),
        (
            "- expect_column_values_to_be_unique: {column: a, mostly: 90}",
            "expectations/orders.yml:1:50: mostly is a share from 0 to 1, not 90",
        ),
        (
            "- expect_column_to_exist: {column: a, severity: fatal}",
            "expectations/orders.yml:1:39: severity is error or warn, not 'fatal'",
        ),
        ("- 7", "expectations/orders.yml:1:3: an expectation is one name with its arguments below it, not 7"),
        (
            "expectations: []",
            (
                "expectations/orders.yml:1:1: expectations is a list such as "
                "'- expect_column_to_exist: ...', not nothing"
            ),
        ),
        (
            "rows: half\nexpectations: [expect_column_to_exist: {column: a}]",
            "expectations/orders.yml:1:1: rows is interval or table, not 'half'",
        ),
        (
            "rows: interval\nexpectations: [expect_column_to_exist: {column: a}]",
            "expectations/orders.yml:1:1: orders has no event_time; name the column here: event_time: ...",
        ),
        (
            "expectation: []",
            "expectations/orders.yml:1:1: there is no key 'expectation'; did you mean expectations?",
        ),
    ],
)
def test_a_mistake_gets_one_sentence_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    assert _refused(tmp_path, text)[0].startswith(sentence)


@pytest.mark.parametrize("name", catalogue._LEFT_OUT)
def test_each_of_those_left_out_says_why_and_where(tmp_path: Path, name: str) -> None:
    why = catalogue._LEFT_OUT[name]
    in_humps = "".join(word.capitalize() for word in name.split("_"))
    assert _refused(tmp_path, f"- {name}: {{}}\n- expect_column_to_exist: {{column: a}}\n- {in_humps}\n") == [
        f"expectations/orders.yml:1:3: {name} is not supported: it {why}",
        f"expectations/orders.yml:3:3: {name} is not supported: it {why}",
    ]


def test_the_name_of_a_class_is_answered_with_the_name_to_write(tmp_path: Path) -> None:
    (told,) = _refused(tmp_path, "- ExpectColumnValuesToMatchRegexList: {column: a, regex_list: [b]}\n")
    assert told == (
        "expectations/orders.yml:1:3: Great Expectations has no 'ExpectColumnValuesToMatchRegexList'; "
        "did you mean expect_column_values_to_match_regex_list?"
    )


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "expectations").mkdir()
    (tmp_path / "expectations" / "custmers.yml").write_text("[]")
    told = _refused(tmp_path, "- expect_a\n- expect_b\n")
    assert [line.partition(": ")[0] for line in told] == [
        "expectations/custmers.yml",
        "expectations/orders.yml:1:3",
        "expectations/orders.yml:2:3",
    ]
    assert "did you mean customers.yml?" in told[0]


def test_two_places_for_one_model_are_refused(tmp_path: Path) -> None:
    said = [{"expect_column_values_to_be_unique": {"column": "id"}}]
    (told,) = _refused(
        tmp_path,
        "- expect_column_to_exist: {column: a}\n",
        _dag(meta={"sqlorch": {"expectations": said}}),
    )
    assert "model.shop.orders has expectations in expectations/orders.yml already" in told


DESCRIBED = """\
version: 2
models:
  - &other
    name: customers
    meta: {sqlorch: {expectations: {where: "day = '{{ ds }}'", expectations: [expect_column_to_exist]}}}
  - name: orders
    description: "of {{ ds }}, which is not checked"
    config:
      meta:
        owner: "{{ ds }}"
        sqlorch:
          expectations:
            where: >
              day >= '{{ ds }}' and shop = '{{ env_var("SHOP") }}' and target = '{{ target }}'
            expectations:
              - expect_column_values_to_be_in_set:
                  column: year
                  value_set: ["${ds[:4]}", "{{ds[:4]}}"]
"""


def _described(folder: Path, text: str, **more: str) -> list[Suite]:
    """What dbt hands over of the file, in which nothing is left of the braces."""
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "shop.yml").write_text(text)
    said = {"where": "day >= ''", "expectations": [{"expect_column_to_exist": {"column": "day"}}]}
    (node,) = (one for one in _dag(meta={"sqlorch": {"expectations": said}}).nodes.values() if one.config)
    node = replace(node, **({"patch_path": "models/shop.yml"} | more))  # type: ignore[arg-type]
    return read_suites(folder, Dag([node], [], project="shop"))


def test_variables_that_dbt_empties_are_refused_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        _described(tmp_path, DESCRIBED)
    file = tmp_path / "models" / "shop.yml"
    instead = "before sqlorch does and leaves nothing of it; write"
    assert str(caught.value).splitlines() == [
        f"{file}:13: dbt reads {{{{ ds }}}} {instead} ${{ds}} instead",
        f"{file}:18: dbt reads {{{{ ds[:4] }}}} {instead} ${{ds[:4]}} instead",
    ]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (DESCRIBED.replace("{{ ds }}", "${ds}").replace("{{ds[:4]}}", "2013"), {}),
        (DESCRIBED.replace("name: orders", "name: others"), {}),
        (DESCRIBED, {"package": "other"}),  # whose files are elsewhere
        (DESCRIBED, {"patch_path": "models/gone.yml"}),
        ("models: [", {}),  # dbt says so
        ("models: &a [*a, {name: orders, meta: *a}]", {}),
        ("- " * 5000 + "x", {}),
    ],
)
def test_nothing_is_refused_of_what_dbt_fills_in_or_nobody_can_read(
    tmp_path: Path, text: str, more: dict[str, str]
) -> None:
    (suite,) = _described(tmp_path, text, **more)
    assert suite.where == "day >= ''"
