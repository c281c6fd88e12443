"""``plan``, ``intervals`` and ``mark`` as a user calls them, on real runs of a project on DuckDB."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.projects import Project, environment, make_project

NOW = "2013-01-06T12:00"
DAYS = [f"2013-01-0{day}T00:00:00+00:00" for day in range(1, 8)]
FILES = {
    "sqlorch.yml": """
        groups:
          raw:
            select: "codes"
          hourly:
            select: "ticks"
            schedule: "@hourly"
            start: 2013-01-01
            batch: 24
            catchup_max: 1000
          daily:
            select: "days totals"
            schedule: "@daily"
            start: 2013-01-01
    """,
    "seeds/codes.csv": "a,b\n1,2\n",
    "macros/money.sql": "{% macro halved(x) %} ({{ x }} / 2) {% endmacro %}",
    "models/ticks.sql": "select a from {{ ref('codes') }}",
    "models/days.sql": "select a, {{ halved('a') }} as h from {{ ref('ticks') }}",
    "models/totals.sql": "select a from {{ ref('days') }} {% if var('broken', false) %} where no {% endif %}",
    "models/schema.yml": """
        models:
          - name: days
            columns: [{name: a, data_tests: [not_null]}]
    """,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The third and the fourth were made; in the fourth, totals failed."""
    project = make_project(tmp_path_factory.mktemp("plan"), FILES)
    assert project.run("--group", "raw").code == 0
    assert project.run("--group", "hourly", interval="2013-01-03/2013-01-05").code == 0
    assert project.run("--group", "daily").code == 0
    assert project.run("--group", "daily", "--vars", "{broken: true}", interval="2013-01-04").code == 1
    return project


@pytest.fixture
def edited(made: Project) -> Any:
    """The project, put back after a test has edited it and marked intervals."""
    state = made.root / ".sqlorch" / "state.db"
    files = {name: (made.root / name).read_bytes() for name in FILES}
    before = state.read_bytes()
    yield made
    for name, content in files.items():
        (made.root / name).write_bytes(content)
    for more in state.parent.glob("state.db-*"):
        more.unlink()
    state.write_bytes(before)


def plan(project: Project, *options: str, at: str = NOW) -> dict[str, dict[str, Any]]:
    said = project.sqlorch("plan", "--json", "--at", at, *options)
    assert said.code == 0, said.err
    return {group["group"]: group for group in said.document["groups"]}


def work(pieces: list[dict[str, Any]]) -> list[tuple[list[str], dict[str, str]]]:
    """Days and, for each node, why: its standing, or the node because of which it is made."""
    return [
        (
            [interval["start"] for interval in piece["intervals"]],
            {
                node["unique_id"].split(".")[2]: (node["because_of"] or node["standing"]).rpartition(".")[2]
                for node in piece["nodes"]
            },
        )
        for piece in pieces
    ]


def test_what_is_due_is_what_nobody_has_made(made: Project) -> None:
    daily = plan(made)["daily"]
    whole = {"days": "missing", "not_null_days_a": "missing", "totals": "missing"}
    assert work(daily["due"]["work"]) == [
        (DAYS[:2], whole),
        (DAYS[3:4], {"totals": "failed"}),
        (DAYS[4:5], whole),
    ]
    assert [run["start"] for run in daily["due"]["runs"]] == [*DAYS[:2], *DAYS[3:5]]
    assert daily["due"]["intervals"] == 5
    assert daily["next_due"] == DAYS[6]
    assert daily["held"] is None
    assert not daily["enrolled"]


def test_runs_are_batched_and_wait_for_what_they_read(made: Project) -> None:
    groups = plan(made)
    hourly = groups["hourly"]["due"]
    assert [run["end"] for run in hourly["runs"]][:2] == DAYS[1:3]
    assert sum(len(piece["intervals"]) for piece in hourly["work"]) == 132 - 48
    assert groups["daily"]["waits"] == "waiting for hourly 2013-01-01 00:00 and 23 more"
    assert plan(made, "--interval", "2013-01-04")["daily"]["waits"] is None


def test_a_failure_names_its_run(made: Project) -> None:
    (piece,) = plan(made, "--interval", "2013-01-04")["daily"]["due"]["work"]
    (node,) = piece["nodes"]
    assert node["reason"].startswith("failed in manual-20130104T000000Z-")


def test_too_many_due_intervals_are_said_to_be_held(made: Project) -> None:
    assert (
        "31 intervals are due, more than catchup_max 24; decide with: sqlorch catchup daily"
        in (plan(made, at="2013-02-01T12:00")["daily"]["held"])
    )


def test_changed_code_is_told_by_what_has_changed_and_downstream_runs_too(edited: Project) -> None:
    edited.write({"macros/money.sql": "{% macro halved(x) %} ({{ x }} / 2.0) {% endmacro %}"})
    daily = plan(edited)["daily"]
    (changed,) = daily["changed"]
    assert (changed["unique_id"], changed["changed"], changed["intervals"]) == (
        "model.shop.days", "macro halved", 2,
    )  # fmt: skip
    assert daily["again"] == []
    again = plan(edited, "--reprocess", "changed", "--interval", "2013-01-03")["daily"]["again"]
    assert work(again) == [(DAYS[2:3], {"days": "changed", "not_null_days_a": "days", "totals": "days"})]


def test_formatting_is_no_change(edited: Project) -> None:
    edited.write(
        {
            "macros/money.sql": "{% macro halved(x) %}\n  ( {{x}} / 2 ) -- half of it\n{% endmacro %}",
            "models/days.sql": "SELECT a,\n  {{ halved( 'a' ) }} h\nFROM {{ ref('ticks') }}",
        }
    )
    groups = plan(edited, "--reprocess", "changed")
    assert all(group["changed"] == group["again"] == [] for group in groups.values())


def test_a_seed_whose_file_changed_is_to_be_loaded_and_groups_without_schedule_stand_by_their_newest_run(
    edited: Project,
) -> None:
    assert [node["standing"] for node in plan(edited)["raw"]["by_hand"]] == ["done"]
    edited.write({"seeds/codes.csv": "a,b\n1,3\n"})
    (node,) = plan(edited)["raw"]["by_hand"]
    assert (node["standing"], node["reason"]) == ("changed", "file")


def test_a_retry_writes_the_code_it_executed(edited: Project) -> None:
    edited.write({"models/totals.sql": "select a, 1 as one from {{ ref('days') }}"})
    failed = edited.query_state("select run_id from run where state = 'failed'")[0][0]
    assert edited.sqlorch("retry", failed, "--json").code == 0
    daily = plan(edited)["daily"]
    assert [(c["unique_id"], c["intervals"]) for c in daily["changed"]] == [("model.shop.totals", 1)]


def intervals(project: Project, *options: str) -> dict[str, list[tuple[Any, ...]]]:
    said = project.sqlorch("intervals", "--json", "--at", NOW, *options)
    assert said.code == 0, said.err
    return {
        node["unique_id"].split(".")[2]: [
            (each["standing"], each["start"], each["end"], each["count"]) for each in node["intervals"]
        ]
        for group in said.document["groups"]
        for node in group["nodes"]
    }


def test_intervals_are_compact_rows(made: Project) -> None:
    found = intervals(made, "totals", "days")
    assert found["totals"] == [
        ("missing", DAYS[0], DAYS[2], 2),
        ("done", DAYS[2], DAYS[3], 1),
        ("failed", DAYS[3], DAYS[4], 1),
        ("missing", DAYS[4], DAYS[5], 1),
    ]
    assert found["days"][1] == ("done", DAYS[2], DAYS[4], 2)
    assert intervals(made, "ticks", "--missing")["ticks"] == [
        ("missing", DAYS[0], DAYS[2], 48),
        ("missing", DAYS[4], "2013-01-06T12:00:00+00:00", 36),
    ]
    assert intervals(made, "totals", "--from", "2013-01-03", "--to", "2013-01-05", "--missing") == {
        "totals": [("failed", DAYS[3], DAYS[4], 1)]
    }


def test_people_read_rows(made: Project) -> None:
    said = made.sqlorch("intervals", "totals", "--at", NOW)
    assert [line.split()[0] for line in said.out.splitlines()[2:6]] == [
        "missing",
        "done",
        "failed",
        "missing",
    ]
    assert "2013-01-01 … 2013-01-02 (2)" in said.out
    told = made.sqlorch("plan", "--at", NOW).out
    assert "due       2013-01-01 … 2013-01-02 (2)  all 3 nodes" in told
    assert "totals (failed in manual-20130104T000000Z-" in told
    assert "nothing to do: raw" in told


def test_marks_are_written_audited_and_seen(edited: Project) -> None:
    said = edited.sqlorch("mark", "success", "--group", "hourly", "--interval", "2013-01-01/2013-01-03")
    assert said.out.startswith("hourly 2013-01-01 00:00 … 2013-01-02 23:00 (48): 1 node marked as done")
    groups = plan(edited)
    assert groups["daily"]["waits"] is None
    assert [run["start"] for run in groups["hourly"]["due"]["runs"]] == [DAYS[4], DAYS[5]]
    (who, action, subject) = edited.query_state("select who, action, subject from audit")[0]
    assert "@" in who
    assert (action, subject) == ("mark", "model.shop.ticks")


def test_a_run_is_marked_by_its_id_and_its_history_stays(edited: Project) -> None:
    failed = edited.query_state("select run_id from run where state = 'failed'")[0][0]
    document = edited.sqlorch("mark", "success", "--run", failed, "--json").document
    assert document["mark"] == "done"
    assert plan(edited, "--interval", "2013-01-04")["daily"]["due"]["work"] == []
    assert edited.query_state(f"select state from run where run_id = '{failed}'") == [("failed",)]


def test_a_mark_starts_nothing_and_names_what_would_have_followed_a_run(tmp_path: Path) -> None:
    shop = make_project(
        tmp_path,
        {
            "models/orders.sql": "select 1 as a",
            "models/card.sql": "select * from {{ ref('orders') }}",
            "sqlorch.yml": """\
                groups:
                  daily: {select: orders, schedule: "@daily", start: 2013-01-01}
                  card: {select: card, after: [orders]}
            """,
        },
    )
    where = ("--group", "daily", "--interval", "2013-01-01/2013-01-03")
    told = shop.sqlorch("mark", "success", *where).out.splitlines()
    assert told[1:] == [
        "card runs after it, and a mark starts nothing: sqlorch trigger card --interval 2013-01-01/2013-01-03"
    ]
    assert shop.sqlorch("mark", "success", *where, "--json").document["not_started"] == ["card"]
    assert len(shop.sqlorch("mark", "failed", *where).out.splitlines()) == 1
    assert shop.query_state("select count(*) from dataset_event") == [(0,)]


def test_missing_takes_back_and_failed_is_failed(edited: Project) -> None:
    where = ("--group", "daily", "--interval", "2013-01-03")
    assert edited.sqlorch("mark", "missing", *where, "--select", "days").code == 0
    assert work(plan(edited, "--interval", "2013-01-03")["daily"]["due"]["work"]) == [
        (DAYS[2:3], {"days": "missing", "not_null_days_a": "missing", "totals": "days"})
    ]
    assert edited.sqlorch("mark", "failed", *where).code == 0
    assert intervals(edited, "days")["days"][1] == ("failed", DAYS[2], DAYS[3], 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mark", "success", "--run", "nope"), "there is no run nope"),
        (("mark", "success", "--group", "daily"), "say what to mark"),
        (("mark", "success", "--run", "x", "--group", "daily"), "--run says group and interval"),
        (("mark", "success", "--group", "dayly", "--interval", "2013-01-03"), "there is no group 'dayly'"),
        (
            ("mark", "success", "--group", "daily", "--interval", "2013-01-03T01:00/2013-01-03T02:00"),
            "no interval of daily lies wholly inside",
        ),
        (
            ("mark", "success", "--group", "daily", "--interval", "2013-01-03", "--select", "codes"),
            "the selection holds none of these nodes",
        ),
        (("plan", "--interval", "2013-13"), "'2013-13' is not an interval"),
        (("plan", "--at", "soon"), "'soon' is not a time"),
        (("plan", "--group", "dayly"), "there is no group 'dayly'"),
        (("plan", "--select", "nothing_like_it"), "nothing_like_it"),
        (("intervals", "--from", "2013-01-03"), "--from and --to go together"),
    ],
)
def test_bad_input_is_one_sentence(made: Project, arguments: tuple[str, ...], message: str) -> None:
    assert message in made.sqlorch(*arguments).told(2)


def test_a_plan_before_the_first_run_writes_no_state(tmp_path: Path) -> None:
    project = make_project(tmp_path, FILES)
    daily = plan(project)["daily"]
    assert daily["due"]["intervals"] == 5
    assert not (tmp_path / ".sqlorch" / "state.db").exists()


def test_plan_imports_no_dbt_and_sqlglot_only_for_what_differs(made: Project) -> None:
    assert _imported(made) == ["sqlalchemy"]


def _imported(project: Project) -> list[str]:
    script = (
        "import sys; from sqlorch.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('dbt', 'sqlalchemy', 'sqlglot') if m in sys.modules])"
    )
    arguments = project.arguments("plan", "--at", NOW)
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment(**os.environ),
    )
    found: list[str] = eval(done.stdout.splitlines()[-1])  # noqa: S307 - our own print
    return found


def test_what_was_run_before_it_had_ended_is_due_when_it_has(tmp_path: Path) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first, after = today - timedelta(days=1), today + timedelta(days=2)
    settings = f"groups: {{daily: {{select: '*', schedule: '@daily', start: {first:%Y-%m-%d}}}}}\n"
    project = make_project(tmp_path, {"models/days.sql": "select 1 as a", "sqlorch.yml": settings})
    said = project.sqlorch("run", "--interval", f"{first:%Y-%m-%d}/{after:%Y-%m-%d}")
    said.told(0)
    note = f"{today:%Y-%m-%d} has not ended: it counts as missing and is made again when it has"
    assert note in " ".join(said.out.split())
    plan = project.sqlorch("plan", "--json", "--at", f"{after:%Y-%m-%d}T12:00").document
    assert plan["due_runs"] == 2
    shown = project.sqlorch("intervals", "days", "--at", f"{after:%Y-%m-%d}T12:00").out
    assert "before it had ended" in shown
    assert "has not ended" in project.sqlorch("trigger", "daily", "--interval", f"{today:%Y-%m-%d}").err


def test_what_a_condition_passes_over_is_settled_and_not_missing(tmp_path: Path) -> None:
    condition = "{{ config(meta={'sqlorch': {'run_if': 'day == 1'}}) }}"
    files = {
        "models/firsts.sql": f"{condition} select 1 as a",
        "models/below.sql": "select * from {{ ref('firsts') }}",
        "models/every_day.sql": "select 2 as a",
        "sqlorch.yml": "groups: {daily: {select: '*', schedule: '@daily', start: 2013-01-01}}\n",
    }
    project = make_project(tmp_path, files)
    for _ in range(2):
        project.run(interval="2013-01-01/2013-01-04").told(0)
        assert project.sqlorch("plan", "--json", "--at", "2013-01-04").document["due_runs"] == 0
        assert "nothing is missing" in project.sqlorch("intervals", "--missing", "--at", "2013-01-04").out
    shown = " ".join(project.sqlorch("intervals", "firsts", "--at", "2013-01-04").out.split())
    assert "done 2013-01-01 done" in shown
    assert "2013-01-02 … 2013-01-03 (2) passed over: its condition" in shown
    assert "passed over" in project.sqlorch("why", "below", "--interval", "2013-01-02").out
