"""The counts of fuzzing: what was asked for is given, counted and printed; too little of it is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]
_CONFTEST = f"""
import sys
sys.path.insert(0, {str(_TESTS)!r})
pytest_plugins = ["support.fuzz"]
"""
_MODULE = """
from hypothesis import given, strategies as st
from support.fuzz import fuzz

@fuzz("endless")
@given(st.integers())
def test_one(number):
    assert isinstance(number, int)

@fuzz("endless")
@given(st.text())
def test_two(text):
    assert isinstance(text, str)

@fuzz("few")
@given(st.booleans())
def test_three(switch):
    assert switch in (True, False)
"""


def run_them(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "test_them.py").write_text(_MODULE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder), *options]
    environment = {**os.environ, "SQLORCH_FUZZ": "301"}
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("processes", [[], ["-n", "2"]])
def test_a_family_is_given_what_was_asked_for_and_says_so(tmp_path: Path, processes: list[str]) -> None:
    ended = run_them(tmp_path, "-k", "one or two", *processes)
    assert ended.returncode == 0, ended.stdout
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("fuzz ")]
    assert line.startswith("fuzz endless: 302 inputs, ")
    assert line.endswith(" of them different, in 2 tests")


def test_one_test_alone_has_all_of_it(tmp_path: Path) -> None:
    assert "fuzz endless: 301 inputs" in run_them(tmp_path, "-k", "two").stdout


def test_fewer_than_were_asked_for_are_a_failure(tmp_path: Path) -> None:
    ended = run_them(tmp_path, "-k", "three")
    assert ended.returncode == 1
    assert "2 inputs of 301 were given" in ended.stdout
    assert "fuzz few: 2 inputs, 2 of them different, in 1 tests: FEWER THAN THE 301 ASKED FOR" in ended.stdout
