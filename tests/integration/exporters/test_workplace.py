"""Many publications beside each other: every one keeps its folder, none is left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sqlorch.exporters.workplace import workplace

if TYPE_CHECKING:
    from pathlib import Path


def test_sweeps_and_makers_do_not_meet(tmp_path: Path) -> None:
    def work(number: int) -> None:
        for _ in range(100):
            with workplace(tmp_path) as folder:
                (folder / "spill").mkdir()
                (folder / "spill" / "mine").write_text(str(number))
                assert (folder / "spill" / "mine").read_text() == str(number)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == [None] * 6
    assert list(tmp_path.iterdir()) == []
