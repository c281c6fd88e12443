"""How long fuzzing takes: little in a suite, as long as one likes by hand.

``SQLORCH_FUZZ=100 pytest tests/properties/test_sensor_fuzz.py`` tries a hundred times as much as usual.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings

_TIMES = int(os.environ.get("SQLORCH_FUZZ", "1"))


def examples(count: int, **more: Any) -> settings:
    """Settings of Hypothesis for so many examples."""
    checks = [HealthCheck.too_slow]
    return settings(max_examples=count * _TIMES, deadline=None, suppress_health_check=checks, **more)
