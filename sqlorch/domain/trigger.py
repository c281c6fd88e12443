"""Trigger rules: what a node's upstreams must have come to before it runs (scheduling specification 2.5).

A rule is decided as soon as, and not before, no end of the upstreams still under way could change the
answer. So the answer never depends on the order in which they end.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlorch.domain.run import NodeState


class TriggerRule(StrEnum):
    """When a node may run, given how its upstreams ended."""

    ALL_SUCCESS = "all_success"  # all succeeded; a failure makes it upstream_failed, else a skip skips it
    NONE_FAILED = "none_failed"  # all succeeded or were skipped
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"  # likewise, and not all were skipped
    ALL_DONE = "all_done"  # all ended, however
    ONE_FAILED = "one_failed"  # as soon as one failed; when all ended and none did, it is skipped
    ONE_SUCCESS = "one_success"  # as soon as one succeeded; when all ended and none did, it does not run
    ALWAYS = "always"  # at once, without waiting


@dataclass(slots=True)
class Tally:
    """How many upstreams of a node ended how.

    ``failed`` counts all that left nothing to build on: failed, upstream_failed, cancelled.
    """

    pending: int = 0
    success: int = 0
    failed: int = 0
    skipped: int = 0

    def count(self, state: NodeState) -> None:
        """One more upstream, in a terminal state."""
        if state is NodeState.SUCCESS:
            self.success += 1
        elif state is NodeState.SKIPPED:
            self.skipped += 1
        else:
            self.failed += 1

    @property
    def empty(self) -> bool:
        """Whether there is no upstream at all."""
        return not (self.pending or self.success or self.failed or self.skipped)


def decide(rule: TriggerRule, tally: Tally) -> NodeState | None:
    """What becomes of a waiting node: ``ready``, ``skipped``, ``upstream_failed``, or None while it is open.

    A node without upstreams is ready under every rule.
    """
    if rule is TriggerRule.ALWAYS or tally.empty:
        return NodeState.READY
    if rule is TriggerRule.ALL_DONE:
        return None if tally.pending else NodeState.READY
    if rule is TriggerRule.ONE_FAILED:
        return _first(tally.failed, tally.pending, otherwise=NodeState.SKIPPED)
    if rule is TriggerRule.ONE_SUCCESS:
        otherwise = NodeState.UPSTREAM_FAILED if tally.failed else NodeState.SKIPPED
        return _first(tally.success, tally.pending, otherwise=otherwise)
    if tally.failed:
        return NodeState.UPSTREAM_FAILED
    return None if tally.pending else _unless_skipped(rule, tally)


def _first(wanted: int, pending: int, *, otherwise: NodeState) -> NodeState | None:
    if wanted:
        return NodeState.READY
    return None if pending else otherwise


def _unless_skipped(rule: TriggerRule, tally: Tally) -> NodeState:
    """The answer of the rules that a failure has not settled, all upstreams having ended."""
    if rule is TriggerRule.ALL_SUCCESS and tally.skipped:
        return NodeState.SKIPPED
    if rule is TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS and not tally.success:
        return NodeState.SKIPPED
    return NodeState.READY
