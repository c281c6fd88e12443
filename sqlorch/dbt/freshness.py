"""How fresh sources are, measured by dbt's own runner with one query each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from dbt.contracts.graph.manifest import Manifest
from dbt.task.freshness import FreshnessRunner

from sqlorch.domain.dag import TEST_KINDS
from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness, SourceReading

_LONGEST = 300
_NEVER = 1  # the year dbt gives a table without rows
_GOOD_FOR = 10.0  # seconds


class SourceGauge:
    """Measures sources of one session.

    An answer serves every run that is opened within ten seconds, so that a command which makes a year of runs
    does not ask the same thing for each. One that follows from a query of the project's own
    (``loaded_at_query``) may depend on the interval and serves one run.

    Args:
        mask: takes secrets out of what a driver says.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._known: dict[str, tuple[float, SourceFreshness]] = {}

    def read_by(
        self, unique_ids: Iterable[str], config: Any, manifest: Manifest, adapter: Any
    ) -> list[SourceReading]:
        """Every source with a limit that these nodes read, directly or through an ephemeral model."""
        readers: dict[str, list[str]] = {}
        for unique_id in unique_ids:
            for source in sorted(_sources_of(unique_id, manifest)):
                if manifest.sources[source].has_freshness:
                    readers.setdefault(source, []).append(unique_id)
        return [
            SourceReading(
                found=self._recent(source)
                or self.measure(manifest.sources[source], config, manifest, adapter),
                readers=tuple(uid for uid in found if uid.partition(".")[0] not in TEST_KINDS),
            )
            for source, found in sorted(readers.items())
        ]

    def measure(self, source: Any, config: Any, manifest: Manifest, adapter: Any) -> SourceFreshness:
        """One source now; one that cannot be measured is told as such."""
        runner = FreshnessRunner(config, adapter, source, 1, 1)
        runner.set_metadata_freshness_cache({})
        try:
            found = _measured(source, runner.execute(source, manifest))
        except Exception as error:  # noqa: BLE001 - a driver may raise anything; not to know is an answer
            return _unmeasured(source, self._told(error))
        if getattr(source, "loaded_at_query", None) is None:  # dbt 1.10 and later
            self._known[source.unique_id] = (time.monotonic(), found)
        return found

    def _recent(self, unique_id: str) -> SourceFreshness | None:
        at, found = self._known.get(unique_id, (0.0, None))
        return found if time.monotonic() - at < _GOOD_FOR else None

    def _told(self, error: Exception) -> str:
        """In a line, without secrets; these go before it is shortened."""
        text = " ".join(self._mask(str(error)).split())
        return text[:_LONGEST] or type(error).__name__


def _sources_of(unique_id: str, manifest: Manifest) -> Iterator[str]:
    """Sources that the SQL of a node reads, once each for every way there is."""
    open_, seen = [unique_id], {unique_id}
    while open_:
        node = _found(manifest, open_.pop())
        # a seed depends on macros alone, and what checks a model is none of dbt's nodes
        for parent in getattr(getattr(node, "depends_on", None), "nodes", ()):
            if parent in seen:
                continue
            seen.add(parent)
            if parent in manifest.sources:
                yield parent
            elif getattr(_found(manifest, parent), "is_ephemeral_model", False):
                open_.append(parent)


def _found(manifest: Manifest, unique_id: str) -> Any:
    return manifest.nodes.get(unique_id) or manifest.unit_tests.get(unique_id)


def _measured(source: Any, result: Any) -> SourceFreshness:
    loaded = result.max_loaded_at.astimezone(UTC) if result.max_loaded_at.year > _NEVER else None
    return SourceFreshness(
        **_named(source),
        status=FreshnessStatus(str(result.status)),
        snapshotted_at=result.snapshotted_at.astimezone(UTC),
        max_loaded_at=loaded,
    )


def _unmeasured(source: Any, message: str) -> SourceFreshness:
    return SourceFreshness(
        **_named(source),
        status=FreshnessStatus.UNKNOWN,
        snapshotted_at=datetime.now(UTC),
        message=message,
    )


def _named(source: Any) -> dict[str, Any]:
    return {
        "unique_id": source.unique_id,
        "source": f"{source.source_name}.{source.name}",
        "warn_after": _seconds(source.freshness.warn_after),
        "error_after": _seconds(source.freshness.error_after),
    }


def _seconds(limit: Any) -> float | None:
    """Seconds of a limit; dbt writes one that is not set as a limit without a count."""
    if limit is None or limit.count is None or limit.period is None:
        return None
    return float({"minute": 60, "hour": 3_600, "day": 86_400}[str(limit.period)] * limit.count)
