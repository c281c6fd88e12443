"""dbt's result of a node on its way to another process that has the same manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from dbt.artifacts.schemas.run import RunResult

# A table of what a seed was read from is of no use to a hook, and may be large.
_LEFT_OUT = frozenset({"node", "agate_table"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptResult:
    """A result without what the receiver knows.

    Attributes:
        unique_id: the node.
        values: fields of dbt's result.
        written: what compiling and executing have written onto the node.
    """

    unique_id: str
    values: Mapping[str, Any]
    written: Mapping[str, Any]


def pack(result: RunResult, parsed: Any) -> KeptResult:
    """Take a result apart; ``parsed`` is its node as it was before, of which it was a shallow copy."""
    before = parsed.__dict__
    values = {f.name: getattr(result, f.name) for f in fields(result) if f.name not in _LEFT_OUT}
    return KeptResult(
        unique_id=result.node.unique_id,
        values=values,
        written={
            name: value
            for name, value in result.node.__dict__.items()
            if name not in before or value is not before[name]
        },
    )


def unpack(kept: KeptResult, node: Any) -> RunResult:
    """Put it together again on ``node``, a copy of the parsed one that is written to."""
    node.__dict__.update(kept.written)
    return RunResult(node=node, agate_table=None, **kept.values)
