"""How long a node waited for its turn: from the moment all it needs was done to its first start."""

from __future__ import annotations

from sqlalchemy import and_, case

from sqlorch.state.tables import attempt, node_run

first_attempt = attempt.alias("first_attempt")
is_first = and_(
    first_attempt.c.run_id == node_run.c.run_id,
    first_attempt.c.unique_id == node_run.c.unique_id,
    first_attempt.c.gen == node_run.c.gen,
    first_attempt.c.n == 1,
)
"""Joins a node with its first attempt in this generation."""
queued = case(
    # none where a clock was set back, nor for what an older version has written
    (first_attempt.c.started_at >= node_run.c.ready_at, first_attempt.c.started_at - node_run.c.ready_at)
)
"""Microseconds, None where it is not known."""
