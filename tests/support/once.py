"""What takes long to make, made once for all the processes that run the tests."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder filled by ``make``, the same for every process of this test session; others wait meanwhile.

    Args:
        factory: of the session's folders.
        name: of the folder, and of what is made.
        make: fills the folder, which is empty.
    """
    own = factory.getbasetemp()
    root = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, made = root / f"once_{name}", root / f"once_{name}.made"
    with (root / f"once_{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # another process has failed in it
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
