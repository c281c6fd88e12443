"""What becomes of a node whose process died without an answer (crash safety, 3.4)."""

from __future__ import annotations

from sqlorch.domain.dag import Node
from sqlorch.domain.describe import compact
from sqlorch.domain.interval import Interval

RETRY, FAIL = "retry", "fail"
LOST_BUDGET = 3  # times a node may lose its process in one generation (scheduling specification 2.6)
_REPLACING = frozenset({"insert_overwrite", "microbatch"})


def on_lost(node: Node) -> str:
    """``retry`` where a second attempt does no harm after one that may have been committed, else ``fail``.

    A snapshot compares with what it wrote last; an incremental model that appends would have its rows twice.
    Every strategy but ``insert_overwrite`` and ``microbatch`` appends where there is no ``unique_key`` to
    replace by (dbt-adapters 1.x, ``get_incremental_default_sql`` and ``get_merge_sql``).
    """
    if node.kind == "snapshot":
        return FAIL
    if node.materialized != "incremental":
        return RETRY
    strategy = str(node.config.get("incremental_strategy") or "")
    if strategy in _REPLACING:
        return RETRY
    return RETRY if node.config.get("unique_key") and strategy != "append" else FAIL


def unsafe(interval: Interval, timezone: str) -> str:
    """What is said of a node that was lost where a second attempt may do harm.

    Args:
        interval: what its run covers.
        timezone: IANA name of the zone it is shown in.
    """
    return (
        f"it is not safe to repeat: rows of {compact(interval, timezone)} may have been written already, and "
        "sqlorch retry may write them twice; look into its table first, and delete what this attempt has left"
    )


def perhaps_unsafe(materialized: str, interval: Interval, timezone: str) -> str:
    """As :func:`unsafe` where only the materialization is known; ``""`` where nothing is ever doubled."""
    if materialized == "snapshot":
        return unsafe(interval, timezone)
    return f"if it appends, {unsafe(interval, timezone)}" if materialized == "incremental" else ""


def appends(node: Node) -> bool:
    """Whether making a node again adds its rows once more.

    A strategy of the project's own is taken to replace its interval, as dbt's microbatch does.
    """
    strategy = str(node.config.get("incremental_strategy") or "")
    by_key = strategy in {"", "merge", "delete+insert"}
    keyless = by_key and not node.config.get("unique_key")
    return node.materialized == "incremental" and (strategy == "append" or keyless)
