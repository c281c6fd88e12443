"""Makes ``tests/support`` importable for every test: ``from support.projects import make_project``."""

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_finish() -> None:
    """Set aside what thousands of tests are made of.

    Opening a dbt project makes the garbage collector walk all there is several times, which takes a third of
    the time of a test that opens one.
    """
    gc.collect()
    gc.freeze()
