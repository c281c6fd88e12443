"""Daemons that want to decide the same slots at the same moment; ``benchmarks/contention.py``, but small."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.postgres import running_postgres

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_postgres(durable=False) as server:
        yield server.new_schema()


def test_every_slot_is_one_run_and_nobody_sees_a_lock(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    import contention  # noqa: PLC0415 - its processes import it by this name, too

    said, found = contention.contend(url, daemons=3, groups=20, slots=10)
    assert found == dict.fromkeys(found, 0), said
    assert sum(one["driven"] for one in said) == 200
    assert min(one["driven"] for one in said) > 0, "one of them did nothing"
