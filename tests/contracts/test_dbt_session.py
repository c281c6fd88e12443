"""What we rely on in dbt's internals, on a real project; run against every supported minor of dbt-core."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from sqlorch.dbt.macro_names import FlatNamespace, build_namespace
from sqlorch.dbt.options import SessionOptions
from sqlorch.dbt.run_context import DbtRunContext
from sqlorch.dbt.session import WarmSession
from sqlorch.domain.errors import ExecutionError, ProjectError
from sqlorch.domain.gating import execution_edges
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import ErrorClass, NodeResult, Outcome

FILES = {
    "dbt_project.yml": """
name: shop
version: "1.0"
profile: shop
flags: {send_anonymous_usage_stats: false}
vars: {greeting: hello}
on-run-start:
  - create table if not exists hooks (moment varchar, ds varchar)
  - insert into hooks values ('start', '{{ var("ds") }}')
on-run-end: insert into hooks values ('end', '{{ var("ds") }}')
models:
  +materialized: table
""",
    "macros/shout.sql": "{% macro shout(text) %}upper({{ text }}){% endmacro %}",
    "seeds/colours.csv": "id,colour\n1,red\n2,green\n",
    "models/staging.sql": """
{{ config(materialized='ephemeral') }}
select id, colour from {{ ref('colours') }}
""",
    "models/days.sql": """
{{ config(materialized='incremental', unique_key='ds',
          incremental_strategy='delete+insert') }}
select '{{ var("ds") }}' as ds, {{ shout("'" ~ var("greeting") ~ "'") }} as said, count(*) as n
from {{ ref('staging') }}
""",
    "models/batches.sql": """
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='happened',
          batch_size='day', begin='2013-01-01', lookback=0) }}
select * from {{ ref('events') }}
""",
    "models/events.sql": """
{{ config(event_time='happened') }}
select cast(range as timestamp) as happened
from range(timestamp '2013-01-01', timestamp '2013-01-04', interval 6 hour)
""",
    "models/broken.sql": "select\n    1 as id,\n    nowhere.id\nfrom {{ ref('colours') }}",
    "models/undefined.sql": "select\n{{ no_such_macro() }} as id",
    "models/slow.sql": "select count(*) as n from range(40000000) a, range(40000) b",
    "snapshots/colours_history.yml": """
snapshots:
  - name: colours_history
    relation: ref('colours')
    config: {unique_key: id, strategy: check, check_cols: all}
""",
    "models/schema.yml": """
models:
  - name: days
    columns:
      - name: ds
        data_tests:
          - unique
          - accepted_values: {arguments: {values: ["2013-01-01"]}, config: {severity: warn}}
      - name: n
        data_tests:
          - accepted_values: {arguments: {values: [3]}}
unit_tests:
  - name: counts_colours
    model: days
    given:
      - input: ref('staging')
        format: sql
        rows: select 1 as id, 'red' as colour
    expect:
      rows: [{n: 1}]
""",
    "profiles.yml": """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: PATH, threads: 2}
""",
}
SAMPLE = {"ds": "2000-01-01"}


def day(number: int) -> Interval:
    return Interval(datetime(2013, 1, number, tzinfo=UTC), datetime(2013, 1, number + 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("PATH", str(folder / "shop.duckdb")), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def session(root: Path) -> Iterator[WarmSession]:
    options = SessionOptions(
        project_dir=root, profiles_dir=root, state_dir=root / ".sqlorch", sample_variables=SAMPLE
    )
    opened = WarmSession(options)
    yield opened
    opened.close()
    # closed means closed: another process may write at once, here another connection with its own settings
    with duckdb.connect(str(root / "shop.duckdb"), config={"threads": 1}) as connection:
        assert connection.execute("select count(*) from days").fetchall()


def opened(session: WarmSession, root: Path, number: int, nodes: list[str]) -> DbtRunContext:
    return session.open_run(
        run_id=f"run-{number}",
        interval=day(number),
        variables={"ds": f"2013-01-0{number}"},
        nodes=nodes,
        target_path=root / ".sqlorch" / "runs" / str(number),
    )


def execute(context: DbtRunContext, root: Path, unique_id: str) -> NodeResult:
    return context.execute(unique_id, log_path=root / "logs" / f"{unique_id}.log")


def rows(session: WarmSession, query: str) -> list[tuple[object, ...]]:
    with session.driver_connection() as connection:
        found: list[tuple[object, ...]] = connection.cursor().execute(query).fetchall()
        return found


def test_two_intervals_in_one_session(session: WarmSession, root: Path) -> None:
    dag = session.dag
    wanted = [
        uid
        for uid in dag.order
        if dag[uid].kind in {"model", "seed", "snapshot", "test", "unit_test"}
        and dag[uid].name not in {"broken", "undefined", "slow"}
    ]
    order = sorted(wanted, key=list(_sorted(execution_edges(dag, frozenset(wanted)))).index)
    outcomes: list[dict[str, NodeResult]] = []
    for number in (1, 2):
        context = opened(session, root, number, order)
        results = [execute(context, root, uid) for uid in order]
        assert context.finish(results) == ""
        outcomes.append({dag[result.unique_id].name: result for result in results})

    first, second = outcomes
    assert first["counts_colours"].outcome is Outcome.SUCCESS
    assert first["days"].rows == 1
    assert first["colours"].rows == 2
    warned = next(name for name in second if name.startswith("accepted_values_days_ds"))
    assert (first[warned].outcome, second[warned].outcome) == (Outcome.SUCCESS, Outcome.WARN)
    failing = next(name for name in second if name.startswith("accepted_values_days_n"))
    assert first[failing].outcome is Outcome.FAIL
    assert first[failing].failures == 1
    assert first[failing].error_class is ErrorClass.PERMANENT
    assert rows(session, "select * from days order by ds") == [
        ("2013-01-01", "HELLO", 2),
        ("2013-01-02", "HELLO", 2),
    ]
    # hooks: once a run, each with its own variables
    assert rows(session, "select moment, ds from hooks order by ds, moment desc") == [
        ("start", "2013-01-01"),
        ("end", "2013-01-01"),
        ("start", "2013-01-02"),
        ("end", "2013-01-02"),
    ]
    # the microbatch model took the interval as its event-time window: two days of four events
    assert rows(session, "select min(happened), max(happened), count(*) from batches") == [
        (datetime.fromisoformat("2013-01-01"), datetime.fromisoformat("2013-01-02T18:00"), 8)
    ]
    assert Path(first["days"].compiled_path or "").is_file()
    assert "2013-01-01" in Path(first["days"].log_path or "").read_text(encoding="utf-8")


def test_a_mistake_is_found_in_the_models_own_file(session: WarmSession, root: Path) -> None:
    context = opened(session, root, 3, ["model.shop.broken", "model.shop.undefined"])
    broken = execute(context, root, "model.shop.broken")
    assert (broken.outcome, broken.error_class) == (Outcome.ERROR, ErrorClass.PERMANENT)
    assert (broken.file, broken.line) == ("models/broken.sql", 3)
    assert "nowhere" in broken.message
    assert "\n" not in broken.message
    undefined = execute(context, root, "model.shop.undefined")
    assert (undefined.file, undefined.line) == ("models/undefined.sql", 2)
    assert "no_such_macro" in undefined.message
    context.finish([])


def test_a_running_query_is_cancelled_from_another_thread(session: WarmSession, root: Path) -> None:
    context = opened(session, root, 3, ["model.shop.slow"])
    results: list[NodeResult] = []
    worker = threading.Thread(target=lambda: results.append(execute(context, root, "model.shop.slow")))
    worker.start()
    deadline = time.monotonic() + 30
    while worker.is_alive() and time.monotonic() < deadline:
        context.cancel(["model.shop.slow"])
        worker.join(0.2)
    assert not worker.is_alive()
    assert results[0].outcome is Outcome.CANCELLED
    context.finish([])
    assert rows(session, "select 1") == [(1,)]


def test_a_node_can_be_executed_again(session: WarmSession, root: Path) -> None:
    context = opened(session, root, 2, ["model.shop.days"])
    assert [execute(context, root, "model.shop.days").outcome for _ in range(2)] == [Outcome.SUCCESS] * 2
    context.finish([])
    assert rows(session, "select count(*) from days where ds = '2013-01-02'") == [(1,)]


def test_flat_namespaces_hold_what_dbts_hold(session: WarmSession) -> None:
    from dbt.clients.jinja import MacroStack  # noqa: PLC0415 - an internal of dbt, looked at here alone
    from dbt.context.macros import MacroNamespaceBuilder  # noqa: PLC0415 - likewise

    macros = session._project.manifest.get_macros_by_package()
    original = MacroNamespaceBuilder.build_namespace
    assert original is build_namespace
    for package in ("shop", "dbt", "dbt_duckdb"):
        builders = [
            MacroNamespaceBuilder("shop", package, MacroStack(), ["dbt_duckdb", "dbt"], None)
            for _ in range(2)
        ]
        theirs = _plain_build()(builders[0], macros, {})
        ours = build_namespace(builders[1], macros, {})
        assert isinstance(ours, FlatNamespace)
        assert _shape(dict(theirs)) == _shape(dict(ours))
        for name in ("ref", "shout", "create_schema"):
            for where in (None, "dbt", "shop"):
                mine, other = ours.get_from_package(where, name), theirs.get_from_package(where, name)
                assert (mine and mine.macro.unique_id) == (other and other.macro.unique_id)


def test_opening_says_in_one_sentence_what_is_wrong(root: Path, session: WarmSession) -> None:
    del session  # one session a process: this one is only asked for its words
    from sqlorch.dbt.messages import worded  # noqa: PLC0415 - used here alone

    class FailedToConnectError(Exception):
        pass

    refused = worded(FailedToConnectError("no route"), project_dir=root, profiles_dir=root)
    assert isinstance(refused, ExecutionError)
    assert "no route" in str(refused)
    cycle = worded(ProjectError("as it is"), project_dir=root, profiles_dir=root)
    assert str(cycle) == "as it is"


def _sorted(after: dict[str, frozenset[str]]) -> Iterator[str]:
    done: set[str] = set()
    while len(done) < len(after):
        ready = sorted(uid for uid, before in after.items() if uid not in done and before <= done)
        assert ready
        done |= set(ready)
        yield from ready


def _plain_build() -> object:
    """dbt's own ``build_namespace``, which the session has replaced."""
    import importlib.util  # noqa: PLC0415 - used here alone

    import dbt.context.macros as replaced  # noqa: PLC0415 - likewise

    spec = importlib.util.spec_from_file_location("plain_macros", replaced.__file__)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MacroNamespaceBuilder.build_namespace


def _shape(namespace: dict[str, object]) -> dict[str, object]:
    return {
        name: {inner: macro.macro.unique_id for inner, macro in value.items()}
        if isinstance(value, dict)
        else value.macro.unique_id
        for name, value in namespace.items()
    }
