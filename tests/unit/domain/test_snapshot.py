from datetime import UTC, datetime

import pytest

from sqlorch.domain.catchup import CatchupPolicy
from sqlorch.domain.errors import ConfigError, StateError
from sqlorch.domain.group import Group, RunRules, ScheduleKeys
from sqlorch.domain.snapshot import Reads, Snapshot, SnapshotNode, spec_hash
from sqlorch.domain.snapshot_codec import decode_snapshot, encode_snapshot

NAIVE = datetime(2013, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def group(name, rules=None, batch=1, **keys):
    said = ScheduleKeys(**{"timezone": "America/New_York", **keys})
    return Group(
        name=name, timetable=said.timetable("UTC"), keys=said, rules=rules or RunRules(), batch=batch
    )


def model(name, group, *parents, **more):
    return SnapshotNode(
        unique_id=f"model.p.{name}",
        name=name,
        kind="model",
        group=group,
        parents=frozenset(f"model.p.{parent}" for parent in parents),
        **more,
    )


def check(name, group, *parents, blocks=True):
    return SnapshotNode(
        unique_id=f"test.p.{name}",
        name=name,
        kind="test",
        group=group,
        parents=frozenset(f"model.p.{parent}" for parent in parents),
        blocks=blocks,
    )


def snapshot(groups, nodes, **more):
    return Snapshot(
        groups={one.name: one for one in groups}, nodes={one.unique_id: one for one in nodes}, **more
    )


@pytest.fixture
def chain():
    return snapshot(
        [
            group("weather", schedule=("@hourly",), start=NAIVE),
            group("flights", schedule=("0 5 * * *", "@weekly"), batch=7, every=None),
            group("board", RunRules(after=("flights", "stations", "nowhere"), after_all=False)),
        ],
        [
            model("stations", "weather", seconds=1.5),
            model("observed", "weather", "stations", code="abc"),
            model("internal", "weather", "observed"),
            check("observed_ok", "weather", "observed"),
            check("observed_hint", "weather", "observed", blocks=False),
            check("related", "weather", "observed", "internal"),
            model("flown", "flights", "observed", appends=True, repeatable=False, seconds=2),
            check("flown_ok", "flights", "flown", "observed"),
            model("shown", "board", "flown", "observed"),
        ],
        warnings=("look here",),
    )


def test_json_brings_back_an_equal_snapshot(chain):
    again = decode_snapshot(encode_snapshot(chain))
    assert again == chain
    assert list(again.groups) == list(chain.groups)


def test_json_keeps_every_rule():
    rules = RunRules(
        catchup=CatchupPolicy.COALESCE,
        catchup_max=None,
        upstream="latest",
        upstream_timeout=60.0,
        max_active_runs=3,
        depends_on_past=True,
        finish_within=7200,
        start_within=60,
        run_timeout=5,
        after=("a",),
        after_all=False,
    )
    keys = {
        "every": "6h",
        "start": datetime(2026, 1, 1, tzinfo=UTC),
        "end": NAIVE.replace(year=2027),
        "interval": "point",
    }
    before = snapshot([group("g", rules, batch=24, **keys)], [])
    again = decode_snapshot(encode_snapshot(before))
    assert again.groups["g"] == before.groups["g"]
    assert again.groups["g"].rules.catchup is CatchupPolicy.COALESCE


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"format":2}', '{"format":1,"groups":[{}]}', "nonsense"]
)
def test_text_of_another_version_is_refused_in_one_line(text):
    with pytest.raises(StateError, match="restart the daemon") as caught:
        decode_snapshot(text)
    assert "\n" not in str(caught.value)


def test_a_group_reads_the_nodes_of_others_and_the_tests_that_guard_them(chain):
    assert chain.reads("flights") == {
        "weather": Reads(built=frozenset({"model.p.observed"}), tests=frozenset({"test.p.observed_ok"}))
    }
    assert chain.reads("weather") == {}
    assert set(chain.reads("board")) == {"weather", "flights"}
    assert chain.reads("nowhere") == {}


def test_a_test_of_what_is_not_upstream_does_not_guard(chain):
    # `related` compares a model that is read with one that is not
    assert "test.p.related" not in chain.reads("flights")["weather"].tests


def test_readers_are_direct_and_downstream_is_all(chain):
    assert chain.readers("weather") == ("flights", "board")
    assert chain.downstream("weather") == ("flights", "board")
    assert chain.downstream("flights") == ("board",)


def test_producers_name_groups_before_models(chain):
    assert chain.producers("board") == {"flights": ("flights",), "stations": ("model.p.stations",)}


def test_what_a_group_holds(chain):
    assert chain.members("board") == {"model.p.shown"}
    assert chain.appends("flights") == ("flown",)
    assert chain.unrepeatable("flights") == {"model.p.flown"}
    assert chain.expected_seconds("weather") == 1.5
    with pytest.raises(ConfigError, match="there is no group 'x'; the groups are: weather, flights, board"):
        chain.group("x")


def test_the_hash_tells_schedules_apart_and_ignores_the_rest():
    daily = group("a", schedule=("@daily",))
    assert spec_hash(daily) == spec_hash(
        group("b", RunRules(max_active_runs=4), schedule=("@daily",), batch=3)
    )
    assert spec_hash(daily) != spec_hash(group("a", schedule=("@hourly",)))
    assert spec_hash(daily) != spec_hash(group("a", schedule=("@daily",), timezone="UTC"))
    assert spec_hash(daily) != spec_hash(group("a", schedule=("@daily",), start=NAIVE))
