"""Makes ``tests/support`` importable for every test: ``from support.projects import make_project``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
