"""Several worker processes on a real server: the same SQL and the same tables as one, whoever is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.postgres import Postgres, running_postgres
from support.projects import Project, Said, make_project
from support.promises import within

pytestmark = pytest.mark.postgres

SHOP = {
    "dbt_project.yml": """\
        name: shop
        version: "1.0"
        profile: shop
        flags: {send_anonymous_usage_stats: false}
        on-run-start: create table if not exists {{ target.schema }}.hooks (what text, ds text, n int)
        on-run-end:
          - >
            insert into {{ target.schema }}.hooks values
            {% for r in results | sort(attribute='node.unique_id') %}
            ('{{ r.node.name }} {{ r.status }} {{ r.adapter_response.get("rows_affected") }}
            {{ r.node.relation_name }} {{ r.node.compiled_code | length }}', '{{ var("ds") }}',
            {{ results | length }}){{ "," if not loop.last }}
            {% endfor %}
        """,
    "seeds/amounts.csv": "id,day,amount\n" + "".join(f"{n},2013-01-0{n % 4 + 1},{n}\n" for n in range(1, 20)),
    "models/a_view.sql": "select * from {{ ref('amounts') }}",
    "models/b_view.sql": "select id, day, amount * 2 as amount from {{ ref('a_view') }}",
    "models/c_table.sql": "{{ config(materialized='table') }} select * from {{ ref('b_view') }}",
    # each day replaces c_table, which takes this view along, and that the next one
    "models/d_view.sql": "select day, sum(amount) as amount from {{ ref('c_table') }} group by 1",
    "models/e_view.sql": "select max(amount) as most, '{{ invocation_id }}' as i from {{ ref('d_view') }}",
    "models/inline.sql": "{{ config(materialized='ephemeral') }} select * from {{ ref('c_table') }}",
    "models/days.sql": """\
        {{ config(materialized='incremental', unique_key='ds') }}
        select '{{ var("ds") }}' as ds, sum(amount) as amount from {{ ref('inline') }}
        {% if is_incremental() %} where '{{ var("ds") }}' > (select max(ds) from {{ this }}) {% endif %}
        """,
    "models/appended.sql": """\
        {{ config(materialized='incremental',
                  post_hook="comment on table {{ this }} is '{{ var(\\"ds\\") }}'") }}
        select '{{ var("ds") }}' as ds {% if is_incremental() %}, (select count(*) from {{ this }}) as n
        {% else %}, 0::bigint as n {% endif %}
        """,
    "snapshots/history.sql": """\
        {% snapshot history %}
        {{ config(unique_key='day', strategy='check', check_cols='all', target_schema=target.schema) }}
        select day, amount from {{ ref('d_view') }}{% endsnapshot %}
        """,
    "models/schema.yml": """\
        models:
          - name: c_table
            columns: [{name: id, data_tests: [unique, not_null]}]
          - name: d_view
            columns: [{name: day, data_tests: [unique, not_null]}]
          - name: days
            columns: [{name: ds, data_tests: [unique]}]
        """,
    "sqlorch.yml": "groups:\n  shop: {select: '*', schedule: '@daily', start: 2013-01-01}\n",
    **{
        f"models/wide/w{n}.sql": f"""\
        {{{{ config(materialized='{"table" if n % 2 else "view"}') }}}}
        select {n} as n, count(*) as rows from {{{{ ref('{f"w{n - 4}" if n >= 4 else "c_table"}') }}}}
        """
        for n in range(12)
    },
}
SLEEPY = {
    "sqlorch.yml": "defaults: {timezone: UTC}\n",
    **{f"models/quick{n}.sql": f"select {n} as n" for n in range(8)},
    **{
        f"models/slow{n}.sql": "{{ config(materialized='table') }} select pg_sleep(SECONDS)::text as slept"
        for n in range(4)
    },
}
_CHANGING = re.compile(
    r"^\d\d:\d\d:\d\d\.\d+ |in [\d.]+s?( seconds)?\b|\d+ of \d+ |(?<=__dbt_tmp)\d+"
    r"|\.{3,} (?=\[)|[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+",
    re.MULTILINE,
)
# Which connection there was already, and whether an ephemeral model was compiled before, is by process.
_BY_PROCESS = re.compile(
    r"^.*(an available connection|Opening a new connection|new postgres connection|Writing injected SQL).*\n",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False) as running:
        yield running


def project_on(server: Postgres, root: Path, schema: str, files: dict[str, str] = SHOP) -> Project:
    profile = server.profile(schema, application_name=f"tested-{schema}")
    return make_project(root, {**files, "profiles.yml": profile})


def days(project: Project, processes: int) -> Said:
    arguments = ("--interval", "2013-01-01/2013-01-04", "--processes", str(processes))
    return project.spawn("run", "--json", *arguments)


def conversations(project: Project, schema: str) -> dict[str, str]:
    """What each attempt has said to the server and heard from it, by node and day."""
    found = {}
    for day, folder in enumerate(sorted((project.root / ".sqlorch" / "runs").iterdir())):
        for path in sorted((folder / "logs").glob("*.log")):
            text = _BY_PROCESS.sub("", path.read_text())
            found[f"{day} {path.name}"] = _CHANGING.sub("*", text.replace(schema, "SCHEMA"))
    return found


def contents(server: Postgres, schema: str) -> dict[str, list[str]]:
    names = server.query(
        f"select table_name, table_type from information_schema.tables where table_schema = '{schema}'"
    )
    return {
        f"{kind} {name}": sorted(
            _CHANGING.sub("*", str(row).replace(schema, "SCHEMA"))
            for row in server.query(f'select {columns(server, schema, name)} from {schema}."{name}"')
        )
        for name, kind in names
    }


def columns(server: Postgres, schema: str, name: str) -> str:
    """All but those in which a snapshot says when it was taken."""
    found = server.query(
        "select column_name from information_schema.columns "
        f"where table_schema = '{schema}' and table_name = '{name}' order by ordinal_position"
    )
    return ", ".join(f'"{column}"' for (column,) in found if not column.startswith("dbt_"))


def test_it_is_as_if_one_process_had_done_it(server: Postgres, tmp_path: Path) -> None:
    one, several = (project_on(server, tmp_path / name, name) for name in ("qqone", "qqtwo"))
    alone, together = days(one, 1), days(several, 2)
    assert alone.code == together.code == 0, together.out + together.err
    assert len(together.document["runs"]) == 3
    assert not (one.root / ".sqlorch" / "pool.log").exists()
    assert (several.root / ".sqlorch" / "pool.log").read_text() == ""
    said_alone, said_together = conversations(one, "qqone"), conversations(several, "qqtwo")
    assert said_alone.keys() == said_together.keys()
    for attempt, said in said_alone.items():
        assert said_together[attempt] == said, attempt
    assert len(said_alone) == 3 * 27
    tables = contents(server, "qqtwo")
    assert tables == contents(server, "qqone")
    assert {"VIEW e_view", "BASE TABLE days", "BASE TABLE history", "VIEW w10"} <= tables.keys()
    assert len(tables["BASE TABLE hooks"]) == 3 * 27
    assert len(tables["BASE TABLE appended"]) == 3


def test_nodes_go_by_the_same_invocation_and_expectations_run_beside_them(
    server: Postgres, tmp_path: Path
) -> None:
    files = {
        "expectations/m3.yml": "expectations: [{expect_column_values_to_not_be_null: {column: id}}]\n",
        **{
            f"models/m{n}.sql": "{{ config(materialized='table') }} select '{{ invocation_id }}' as id"
            for n in range(12)
        },
    }
    project = project_on(server, tmp_path / "shop", "named", files)
    said = project.spawn("run", "--json", "--interval", "2013-01-01", "--processes", "2")
    assert said.code == 0, said.err
    assert {node["state"] for node in said.document["runs"][0]["nodes"]} == {"success"}
    assert len(said.document["runs"][0]["nodes"]) == 13
    assert (project.root / ".sqlorch" / "pool.log").read_text() == ""
    union = " union ".join(f"select id from named.m{n}" for n in range(12))
    assert len(server.query(union)) == 1


def sleepy(server: Postgres, root: Path, schema: str, seconds: float) -> Project:
    files = {name: text.replace("SECONDS", str(seconds)) for name, text in SLEEPY.items()}
    return project_on(server, root, schema, files)


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def asleep(server: Postgres, schema: str) -> int:
    return len(
        server.query(
            "select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep%' "
            "and datname = current_database() "
            f"and application_name like '%tested-{schema}%'"
        )
    )


def forks_of(pid: int) -> list[int]:
    """The worker processes below a driving process: the children of its child."""

    def children(of: int) -> list[int]:
        path = Path(f"/proc/{of}/task/{of}/children")
        return [int(word) for word in path.read_text().split()] if path.exists() else []

    return [worker for zygote in children(pid) for worker in children(zygote)]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=60)


def start(project: Project, started: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    process = project.process("run", "--json", "--interval", "2013-01-01", "--processes", "2")
    started.append(process)
    return process


def test_a_killed_worker_costs_nothing_but_time(
    server: Postgres, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    project = sleepy(server, tmp_path / "shop", "killed", 3)
    process = start(project, started)
    until(lambda: asleep(server, "killed") == 4)
    workers = forks_of(process.pid)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, out + err
    found = project.query_state("select unique_id, outcome, message from attempt where outcome = 'lost'")
    assert len(found) == 2
    assert all(uid.startswith("model.shop.slow") for uid, _, _ in found)
    assert {message for _, _, message in found} == {"its worker process was lost (signal 9)"}
    assert server.query("select count(*) from killed.slow0, killed.slow1, killed.slow2, killed.slow3") == [
        (1,)
    ]


def test_workers_do_not_outlive_who_drives(
    server: Postgres, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    project = sleepy(server, tmp_path / "shop", "orphans", 600)
    process = start(project, started)
    until(lambda: asleep(server, "orphans") == 4)
    workers = forks_of(process.pid)
    process.kill()
    began = time.monotonic()
    until(lambda: asleep(server, "orphans") == 0)
    until(lambda: all(map(gone, workers)))
    assert time.monotonic() - began < within(10)
    after = project.spawn("run", "--json", "--interval", "2013-01-02", "--select", "quick0")
    assert after.code == 0, after.err


def test_an_interrupted_run_leaves_nothing_behind(
    server: Postgres, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    project = sleepy(server, tmp_path / "shop", "stopped", 600)
    process = start(project, started)
    until(lambda: asleep(server, "stopped") == 4)
    workers = forks_of(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert asleep(server, "stopped") == 0
    assert all(map(gone, workers))
    assert "lost" not in {outcome for (outcome,) in project.query_state("select outcome from attempt")}
