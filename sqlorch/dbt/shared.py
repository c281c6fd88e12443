"""What the processes of one run tell each other (:mod:`sqlorch.dbt.following`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlorch.dbt.cache_journal import CacheImage, Change
from sqlorch.dbt.kept_results import KeptResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the leader has done and knows.

    Attributes:
        image: its relation cache.
        invocation_id: dbt's own name of the run, which models and query comments may show.
        wants_results: whether ``on-run-end`` has hooks, which are told dbt's results.
    """

    image: CacheImage
    invocation_id: str
    wants_results: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a node has left behind beside its result."""

    changes: Sequence[Change] = ()
    kept: KeptResult | None = None
