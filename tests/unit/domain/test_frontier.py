"""What may start when, and what a failure does to the rest."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from sqlorch.domain.frontier import Frontier
from sqlorch.domain.history import NodeMove
from sqlorch.domain.priority import remaining_path
from sqlorch.domain.run import NodeSpec, NodeState
from sqlorch.domain.transitions import may_move_node


def specs(after: Mapping[str, str], priority: Mapping[str, float] | None = None) -> list[NodeSpec]:
    return [
        NodeSpec(
            unique_id=name,
            name=name,
            kind="model",
            after=frozenset(parents.split()),
            priority=(priority or {}).get(name, 0.0),
        )
        for name, parents in after.items()
    ]


def states(frontier: Frontier) -> dict[str, str]:
    return {uid: str(state) for uid, state in frontier.states.items()}


def test_a_node_starts_when_the_last_of_its_upstreams_has_succeeded() -> None:
    frontier = Frontier(specs({"a": "", "b": "", "c": "a b"}))
    frontier.start()
    assert [frontier.take(), frontier.take(), frontier.take()] == ["a", "b", None]
    frontier.succeed("a")
    assert frontier.take() is None
    moves = frontier.succeed("b")
    assert [(m.unique_id, m.after) for m in moves] == [("b", NodeState.SUCCESS), ("c", NodeState.READY)]
    assert frontier.take() == "c"
    frontier.succeed("c")
    assert frontier.done


def test_a_failure_stops_its_descendants_and_nobody_else() -> None:
    frontier = Frontier(specs({"a": "", "b": "", "c": "a", "d": "c", "e": "b"}))
    frontier.start()
    assert {frontier.take(), frontier.take()} == {"a", "b"}
    moves = frontier.fail("a", reason="boom")
    assert states(frontier) == {
        "a": "failed",
        "b": "running",
        "c": "upstream_failed",
        "d": "upstream_failed",
        "e": "waiting",
    }
    assert {m.unique_id: m.reason for m in moves} == {
        "a": "boom",
        "c": "upstream a failed",
        "d": "upstream a failed",
    }
    frontier.succeed("b")
    assert frontier.take() == "e"


def test_the_longest_remaining_path_goes_first() -> None:
    after = {"short": "", "long": "", "tail": "long"}
    priority = remaining_path({k: v.split() for k, v in after.items()}, {"tail": 9.0}, default=1.0)
    assert priority == {"short": 1.0, "long": 10.0, "tail": 9.0}
    frontier = Frontier(specs(after, priority))
    frontier.start()
    assert frontier.take() == "long"


def test_a_retried_node_comes_back_and_a_rerun_keeps_its_successes() -> None:
    frontier = Frontier(specs({"a": "", "b": "a"}), {"a": NodeState.SUCCESS})
    assert [m.unique_id for m in frontier.start()] == ["b"]
    assert frontier.take() == "b"
    frontier.retry_later("b", reason="in 5 s")
    assert states(frontier)["b"] == "up_for_retry"
    assert not frontier.done
    frontier.retry_now("b")
    assert frontier.take() == "b"


def test_a_node_blocked_from_outside_takes_its_descendants_along() -> None:
    frontier = Frontier(specs({"a": "", "b": "a", "c": ""}))
    frontier.block("a", reason="weather failed")
    frontier.start()
    assert states(frontier) == {"a": "upstream_failed", "b": "upstream_failed", "c": "ready"}


def test_cancelling_leaves_running_nodes_to_end_by_themselves() -> None:
    frontier = Frontier(specs({"a": "", "b": "a", "c": ""}))
    frontier.start()
    assert frontier.take() == "a"
    frontier.cancel_rest(reason="interrupted")
    assert states(frontier) == {"a": "running", "b": "cancelled", "c": "cancelled"}
    assert frontier.take() is None
    frontier.cancel("a", reason="interrupted")
    assert frontier.done


@st.composite
def dags(draw: st.DrawFn) -> dict[str, str]:
    size = draw(st.integers(1, 12))
    return {
        f"n{i}": " ".join(
            sorted({f"n{j}" for j in draw(st.lists(st.integers(0, max(0, i - 1)), max_size=3)) if j < i})
        )
        for i in range(size)
    }


@given(
    after=dags(),
    verdicts=st.lists(st.sampled_from(["ok", "fail", "retry", "cancel"]), min_size=60, max_size=60),
)
def test_every_history_is_legal_and_ends(after: dict[str, str], verdicts: list[str]) -> None:
    frontier = Frontier(specs(after))
    known = dict.fromkeys(after, NodeState.WAITING)

    def follow(moves: list[NodeMove]) -> None:
        for move in moves:
            assert known[move.unique_id] is move.before
            assert may_move_node(move.before, move.after)
            known[move.unique_id] = move.after

    follow(frontier.start())
    for verdict in [*verdicts, *["ok"] * 40]:
        uid = frontier.take()
        if uid is None:
            break
        for step in (NodeState.DISPATCHED, NodeState.RUNNING):
            assert may_move_node(known[uid], step)
            known[uid] = step
        parents = after[uid].split()
        assert all(known[parent] is NodeState.SUCCESS for parent in parents)
        if verdict == "fail":
            follow(frontier.fail(uid, reason="x"))
        elif verdict == "retry":
            follow(frontier.retry_later(uid, reason="x"))
            follow(frontier.retry_now(uid))
        elif verdict == "cancel":
            follow(frontier.cancel(uid, reason="x"))
        else:
            follow(frontier.succeed(uid))
    assert frontier.done
    assert known == dict(frontier.states)
