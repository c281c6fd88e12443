"""How runs are scheduled and nodes executed, as it is written and as it is refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sqlorch.config.meta import group_nodes
from sqlorch.config.settings import DaemonSettings, Settings, settings_from
from sqlorch.config.yaml_loader import load_yaml
from sqlorch.domain.catchup import CatchupPolicy
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError, ProjectError
from sqlorch.domain.group import RunRules
from sqlorch.domain.grouping import Grouping

RULES = """\
defaults: {catchup: latest, max_active_runs: 2, owner: data-team, run_timeout: 3h}
groups:
  a:
    schedule: "@daily"
    catchup: coalesce
    catchup_max: none
    upstream: latest
    upstream_timeout: 6h
    depends_on_past: true
    finish_within: 2h
    start_within: 15m
    run_timeout: 1h
    queue_timeout: 5m
    owner: me
  b: {after: a}
  c: {after: {any: [a, b]}}
"""


def settings(text: str, environ: dict[str, str] | None = None) -> Settings:
    return settings_from(load_yaml(text, "sqlorch.yml"), environ or {}, project_dir=Path("/warehouse"))


def refused(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        settings(text, environ)
    return str(caught.value).splitlines()


def node(name: str, said: Any = None, package: str = "shop", kind: str = "model") -> Node:
    return Node(
        unique_id=f"{kind}.{package}.{name}",
        kind=kind,
        name=name,
        path=f"models/{name}.sql",
        config={"meta": {} if said is None else {"sqlorch": said}},
    )


def group(text: str, *nodes: Node, edges: tuple[tuple[str, str], ...] = ()) -> Grouping:
    dag = Dag(nodes, edges)
    return group_nodes(dag, settings(text), lambda _, select, __: frozenset({f"model.shop.{select}"}))


def told(text: str, *nodes: Node, edges: tuple[tuple[str, str], ...] = ()) -> list[str]:
    with pytest.raises((ConfigError, ProjectError)) as caught:
        group(text, *nodes, edges=edges)
    return str(caught.value).splitlines()


def test_rules_are_read_and_defaults_hold_where_a_group_is_silent() -> None:
    read = settings(RULES)
    a, b, c = read.groups
    assert a.rules == RunRules(
        catchup=CatchupPolicy.COALESCE,
        catchup_max=None,
        upstream="latest",
        upstream_timeout=21_600.0,
        max_active_runs=2,
        depends_on_past=True,
        finish_within=7_200.0,
        start_within=900.0,
        run_timeout=3_600.0,
        queue_timeout=300.0,
    )
    assert (a.owner, b.owner, read.default.owner) == ("me", "data-team", "data-team")
    assert b.rules == RunRules(
        catchup=CatchupPolicy.LATEST, max_active_runs=2, run_timeout=10_800.0, after=("a",), after_all=True
    )
    assert (c.rules.after, c.rules.after_all) == (("a", "b"), False)
    assert b.rule_keys.given == {"after": ("a",), "after_all": True}
    assert settings("groups: {a: {}}").groups[0].rules == RunRules()


def test_pools_state_and_daemon_are_read() -> None:
    read = settings(
        """\
pools: {warehouse: 4, api: 1}
state: {runs_keep: 12w, runs_keep_last: 7}
daemon: {grace: 1m, worker_idle: 5m, worker_nodes: 9, worker_memory_mb: 512, runs: 3, health: "[::1]:8790"}
"""
    )
    assert read.pools == {"warehouse": 4, "api": 1}
    assert (read.retention_days, read.retention_runs) == (84.0, 7)
    assert read.daemon == DaemonSettings(
        grace=60.0, worker_idle=300.0, worker_nodes=9, worker_memory_mb=512, runs=3, health="[::1]:8790"
    )
    assert settings("state: {runs_keep: forever}\ndaemon: {health: off}").retention_days is None
    plain = settings("")
    assert (plain.pools, plain.retention_days, plain.retention_runs) == ({}, 90.0, 50)
    assert plain.daemon == DaemonSettings()


def test_the_environment_changes_pools_of_the_file() -> None:
    text = "pools: {Ware-House: 4}"
    assert settings(text, {"SQLORCH__POOLS__WARE_HOUSE": "8"}).pools == {"Ware-House": 8}
    (line,) = refused(text, {"SQLORCH__POOLS__API": "8"})
    assert line.startswith("environment variable SQLORCH__POOLS__API: there is no such pool in sqlorch.yml")
    assert settings("", {"SQLORCH__DAEMON__HEALTH": "0.0.0.0:80"}).daemon.health == "0.0.0.0:80"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("catchup: newest", "catchup: must be 'all', 'latest', 'coalesce' or 'none', not 'newest'"),
        ("catchup_max: many", "catchup_max: must be a whole number from 0 to 1,000,000, or none, not 'many'"),
        ("catchup_max: true", "catchup_max: must be a whole number from 0 to 1,000,000, or none, not true"),
        ("catchup_max: -1", "catchup_max: must be a whole number from 0 to 1,000,000, or none, not -1"),
        ("upstream: no", "upstream: must be 'wait', 'latest' or 'ignore', not 'no'"),
        ("upstream_timeout: 0", "upstream_timeout: must be longer than 0 seconds"),
        ("max_active_runs: 0", "max_active_runs: must be at least 1, not 0"),
        ("depends_on_past: yes", "depends_on_past: must be true or false, not 'yes'"),
        ("run_timeout: soon", 'run_timeout: must be seconds, or a duration like "30s", "5m", "1h30m"'),
        ("owner: ' '", "owner: must be a line of text"),
        ("after: 5", "after: must be a group or model, a list of them, or one of {all: [...]}"),
        ("after: {all: a, any: b}", "after: must be a group or model, a list of them, or one of"),
        ("after: {some: [a]}", "after: must be a group or model, a list of them, or one of"),
        ("after: []", "after: names nothing; name a group or a model"),
        ("after: [a, 5]", "after: names of groups and models are text, not 5"),
        ("after: [a, b, a]", "after: names 'a' twice"),
        ('after: a, schedule: "@daily"', "has no schedule of its own; leave out schedule"),
        ("after: a, every: 6h, start: 2013-01-01", "after: a group that runs after others has no schedule"),
        ("after: a, start: 2013-01-01", "has no schedule of its own; leave out start"),
        ("max_activ_runs: 1", "unknown key 'max_activ_runs' in groups.g; did you mean 'max_active_runs'?"),
    ],
)
def test_each_refusal_names_its_place(keys: str, message: str) -> None:
    (line,) = refused(f"groups:\n  g: {{{keys}}}")
    assert line.startswith("sqlorch.yml:2:")
    assert message in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defaults: {after: a}", "sqlorch.yml:1:12: unknown key 'after' in defaults"),
        ("pools: {warehouse: 0}", "sqlorch.yml:1:20: pools.warehouse: must be at least 1, not 0"),
        ("pools: {ware house: 1}", "sqlorch.yml:1:9: pools.ware house: a pool's name is 1 to 64 letters"),
        ("pools: [warehouse]", "sqlorch.yml:1:8: pools: must be a mapping of keys to values, not a list"),
        ("state: {runs_keep: 90}", 'state.runs_keep: must be days or weeks like "90d" or "12w", or forever'),
        ("state: {runs_keep: 0d}", "state.runs_keep: must be from 1d to 36500d"),
        ("state: {runs_keep_last: 0}", "state.runs_keep_last: must be at least 1, not 0"),
        ("daemon: {health: 8790}", 'must be "host:port" as in "127.0.0.1:8790", or off, not 8790'),
        ("daemon: {health: 'x:99999'}", 'daemon.health: must be "host:port"'),
        ("daemon: {worker_memory_mb: 1}", "daemon.worker_memory_mb: must be at least 128, not 1"),
        ("daemon: {runs: 0}", "daemon.runs: must be at least 1, not 0"),
        ("daemon: {gracee: 1}", "unknown key 'gracee' in daemon; did you mean 'grace'?"),
    ],
)
def test_sections_are_refused_with_their_place(text: str, message: str) -> None:
    (line,) = refused(text)
    assert line.startswith("sqlorch.yml:1:")
    assert message in line


def test_all_faults_are_told_at_once() -> None:
    lines = refused("groups:\n  g:\n    catchup: x\n    after: 5\npools: {a: 0}\nstate:\n  runs_keep: 9\n")
    assert [line.split(": ")[0] for line in lines] == [
        f"sqlorch.yml:{at}" for at in ("3:14", "4:12", "5:12", "7:14")
    ]


def test_after_names_groups_models_and_groups_of_the_sql() -> None:
    text = "groups: {a: {select: a}, z: {after: [a, b, weekly, model.other.c]}}"
    made = group(text, node("a"), node("b"), node("w", {"schedule": "@weekly"}), node("c", package="other"))
    after = made.group("z").rules.after
    assert after == ("a", "model.shop.b", "weekly", "model.other.c")
    assert [g.name for g in made.groups].index("z") > [g.name for g in made.groups].index("weekly")


def test_names_after_which_nothing_can_run_are_refused_with_the_nearest() -> None:
    text = "groups:\n  flights: {}\n  g: {after: [flihgts, nothing-alike, c]}"
    near, unknown, several = told(text, node("b"), node("c"), node("c", package="other"))
    assert near == (
        "sqlorch.yml:3: the group 'g' runs after 'flihgts', which is neither a group nor a model; "
        "did you mean 'flights'?"
    )
    assert unknown.endswith("which is neither a group nor a model; the groups are: default, flights, g")
    assert "'c', which means several nodes: model.other.c, model.shop.c" in several


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("groups: {a: {after: b}, b: {after: c}, c: {after: a}}", "a -> c -> b -> a"),
        ("groups: {a: {after: a}}", "a -> a"),
        ("groups: {a: {select: m, after: m}}", "a -> a"),
        ("groups: {a: {select: m, after: b}, b: {select: n}}", "a -> b -> a"),
    ],
)
def test_circles_through_after_are_refused_with_their_path(text: str, path: str) -> None:
    (line,) = told(text, node("m"), node("n"), edges=(("model.shop.m", "model.shop.n"),))
    assert line.startswith("the groups form a cycle: ")
    steps = line.removeprefix("the groups form a cycle: ").split(" (")[0].split(" -> ")
    wanted = path.split(" -> ")
    assert steps[0] == steps[-1]
    assert {*pairwise(steps)} == {*pairwise(wanted)}
    assert "runs after" in line
    assert line.endswith("out of after")


def test_nodes_may_name_a_pool_that_exists() -> None:
    made = group("pools: {warehouse: 2}", node("a", {"pool": "warehouse"}))
    assert made.options["model.shop.a"].pool == "warehouse"
    near, far = told("pools: {warehouse: 2}", node("a", {"pool": "warehuose"}), node("b", {"pool": "x"}))
    where = "models/a.sql: meta.sqlorch of model.shop.a: "
    assert near == f"{where}pool: there is no pool 'warehuose'; did you mean 'warehouse'?"
    assert far.endswith("there is no pool 'x'; define it under pools: in sqlorch.yml, as in {warehouse: 4}")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"run_if": "day = 1"}, "run_if: 'day = 1' is not a condition at character 5"),
        ({"run_if": "dya == 1"}, "run_if: a condition knows no 'dya'; did you mean 'day'?"),
        ({"run_if": True}, "run_if: must be text, not true; put it in quotes"),
        ({"trigger_rule": "all_ok"}, "trigger_rule: must be 'all_success', 'none_failed'"),
        ({"on_lost": "ask"}, "on_lost: must be 'retry' or 'fail', not 'ask'"),
        ({"expected_runtime": 0}, "expected_runtime: must be longer than 0 seconds"),
        ({"after": ["a"]}, "after makes a group that has no name yet; name it with group"),
        ({"catchup": "all"}, "catchup without a schedule means nothing; add schedule or every"),
        (
            {"group": "g", "max_active_runs": 3},
            "max_active_runs is '3' here but '1' for the group 'g' (sqlorch.yml:1); make them agree",
        ),
        ({"group": "g", "depends_on_past": True}, "depends_on_past is 'true' here but 'false' for the group"),
        ({"group": "g", "owner": "me"}, "owner is 'me' here but not set for the group 'g'"),
    ],
)
def test_what_a_node_says_is_refused_with_its_file(said: dict[str, Any], message: str) -> None:
    (line,) = told("groups: {g: {}}", node("a", said))
    assert line.startswith(f"models/a.sql: meta.sqlorch of model.shop.a: {message}")


def test_a_group_of_the_sql_carries_its_rules() -> None:
    said = {"schedule": "@daily", "catchup": "latest", "owner": "me", "max_active_runs": 3}
    made = group(
        "defaults: {run_timeout: 1h, owner: us}", node("a", said), node("b", {"group": "x", "after": "daily"})
    )
    daily, after = made.group("daily"), made.group("x")
    assert daily.rules == RunRules(catchup=CatchupPolicy.LATEST, max_active_runs=3, run_timeout=3_600.0)
    assert (daily.owner, after.owner, after.rules.after) == ("me", "us", ("daily",))
    (line,) = told("", node("a", said), node("b", {**said, "catchup": "all"}))
    assert line.startswith(
        "models/b.sql: meta.sqlorch of model.shop.b: catchup is 'all' here but 'latest' for"
    )
