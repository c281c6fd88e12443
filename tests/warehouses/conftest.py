"""Tests of the adapter that happens to be installed; where none is, they are not collected at all.

Which can be installed is in ``.ci/other-warehouses``: none of them goes with the locked versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from support.other_warehouses import WAREHOUSES, Elsewhere


def _installed(adapter: str) -> bool:
    try:
        version(f"dbt-{adapter}")
    except PackageNotFoundError:
        return False
    return True


_FOUND = [name for name in sorted(WAREHOUSES) if _installed(name)]
collect_ignore_glob = [] if _FOUND else ["test_*.py"]


@pytest.fixture(scope="session", params=_FOUND)
def elsewhere(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Elsewhere]:
    """A warehouse that is neither DuckDB nor PostgreSQL."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    with WAREHOUSES[request.param](folder) as running:
        yield running
