"""Makes ``tests/support`` importable for every test: ``from support.projects import make_project``."""

import gc
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))
pytest_plugins = ["support.fuzz"]

# a busy machine is no failure
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Set aside what thousands of tests are made of.

    Opening a dbt project makes the garbage collector walk all there is several times, which takes a third of
    the time of a test that opens one.
    """
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let it be collected again: extension modules complain of what is left when the process ends."""
    gc.unfreeze()
