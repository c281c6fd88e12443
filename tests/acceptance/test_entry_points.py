"""The installed command and ``python -m sqlorch`` are the same program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.projects import environment, make_project

WAYS = {
    "script": [str(Path(sys.executable).with_name("sqlorch"))],
    "module": [sys.executable, "-m", "sqlorch"],
}


def started(way: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WAYS[way], *arguments], env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("run", "--interval", "2013-02-30"), ("rum",)]
)
def test_both_ways_say_the_same(arguments: tuple[str, ...], tmp_path: Path) -> None:
    project = make_project(tmp_path, {})
    if arguments[0] == "run":
        arguments = tuple(project.arguments(*arguments))
    script, module = (started(way, *arguments) for way in WAYS)
    assert (script.returncode, script.stdout, script.stderr) == (
        module.returncode,
        module.stdout,
        module.stderr,
    )
    assert script.returncode == (0 if arguments[0].startswith("--") else 2)
    assert "Traceback" not in script.stderr
