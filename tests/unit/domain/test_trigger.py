"""Trigger rules word by word, over every multiset of up to four upstreams."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest

from sqlorch.domain.run import NodeState
from sqlorch.domain.trigger import Tally, TriggerRule, decide

S, F, U, K, C = (
    NodeState.SUCCESS,
    NodeState.FAILED,
    NodeState.UPSTREAM_FAILED,
    NodeState.SKIPPED,
    NodeState.CANCELLED,
)
ENDS = (S, F, U, K, C)
RUNS, NOT_RUN, SKIP = NodeState.READY, NodeState.UPSTREAM_FAILED, NodeState.SKIPPED


def tally(states: tuple[NodeState, ...], pending: int = 0) -> Tally:
    made = Tally(pending=pending)
    for state in states:
        made.count(state)
    return made


def in_the_end(rule: TriggerRule, states: tuple[NodeState, ...]) -> NodeState:
    """The specification's words, for upstreams that have all ended; there is at least one."""
    bad, good, skipped = any(s in {F, U, C} for s in states), S in states, K in states
    match rule:
        case TriggerRule.ALL_SUCCESS:
            return NOT_RUN if bad else SKIP if skipped else RUNS
        case TriggerRule.NONE_FAILED:
            return NOT_RUN if bad else RUNS
        case TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS:
            return NOT_RUN if bad else RUNS if good else SKIP
        case TriggerRule.ALL_DONE | TriggerRule.ALWAYS:
            return RUNS
        case TriggerRule.ONE_FAILED:
            return RUNS if bad else SKIP
        case TriggerRule.ONE_SUCCESS:
            return RUNS if good else NOT_RUN if bad else SKIP


@pytest.mark.parametrize("rule", TriggerRule)
def test_every_combination_of_ends(rule: TriggerRule) -> None:
    for size in range(1, 5):
        for states in combinations_with_replacement(ENDS, size):
            assert decide(rule, tally(states)) is in_the_end(rule, states), states


@pytest.mark.parametrize("rule", TriggerRule)
def test_nothing_is_decided_before_it_can_be_and_everything_as_soon_as_it_can(rule: TriggerRule) -> None:
    for size in range(4):
        for states in combinations_with_replacement(ENDS, size):
            for pending in (1, 2):
                rests = combinations_with_replacement(ENDS, pending)
                possible = {in_the_end(rule, (*states, *rest)) for rest in rests}
                expected = possible.pop() if len(possible) == 1 else None
                if rule is TriggerRule.ALL_DONE:
                    expected = None  # it waits although nothing depends on how they end
                assert decide(rule, tally(states, pending)) is expected, (states, pending)


@pytest.mark.parametrize("rule", TriggerRule)
def test_a_node_without_upstreams_runs(rule: TriggerRule) -> None:
    assert decide(rule, Tally()) is RUNS


@pytest.mark.parametrize(
    ("rule", "states", "verdict"),
    [
        ("all_success", (S, S), "ready"),
        ("all_success", (S, K), "skipped"),
        ("all_success", (K, F), "upstream_failed"),
        ("none_failed", (S, K), "ready"),
        ("none_failed", (K, K), "ready"),
        ("none_failed_min_one_success", (K, K), "skipped"),
        ("all_done", (F, K, U), "ready"),
        ("one_failed", (S, U), "ready"),
        ("one_failed", (S, K), "skipped"),
        ("one_success", (S, F), "ready"),
        ("one_success", (F, K), "upstream_failed"),
        ("always", (F, F), "ready"),
    ],
)
def test_the_table_that_is_documented(rule: str, states: tuple[NodeState, ...], verdict: str) -> None:
    assert decide(TriggerRule(rule), tally(states)) == verdict
