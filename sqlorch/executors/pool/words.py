"""What the driving process and a worker of its pool say to each other.

Both are forks of one image, so a message is a pickled object and its shape needs no versions; the frame
around it has one all the same (:mod:`sqlorch.executors.pool.wire`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlorch.domain.run import NodeResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """To the worker: nodes of this run follow. ``arguments`` are those of ``follow_run``."""

    arguments: Mapping[str, Any]
    shared: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute:
    """To the worker: execute a node; the other fields are those of ``FollowedRun.execute``."""

    ticket: int
    unique_id: str
    log_path: Path
    changes: Sequence[Any] = ()
    again: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """To the worker: stop the queries of these nodes, None for all."""

    unique_ids: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """To the worker: the run is over; let go of its connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """From the worker: a node has ended."""

    ticket: int
    result: NodeResult
    report: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """From the worker: a run could not be opened, and it leaves."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """From the worker, every few seconds: it is alive and uses so many bytes of memory."""

    resident: int
