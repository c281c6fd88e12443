"""Files made to hurt: the commands end soon, within bounds of memory, and say what they could not read."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.lineage_files import write_files
from support.projects import environment

from sqlorch.lineage.assemble import line_of
from sqlorch.lineage.columns.stars import like_pattern
from sqlorch.lineage.docs import Descriptions
from sqlorch.lineage.files import SourceFile
from sqlorch.lineage.jinja.blocks import find_blocks
from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.jinja.environment import DbtEnvironment
from sqlorch.lineage.jinja.fallback import read_literals
from sqlorch.lineage.jinja.macros import MACRO_TAGS
from sqlorch.lineage.patches import read_call
from sqlorch.lineage.remembered import _bare

_MEMORY = 1_500_000_000  # bytes of address space; the interpreter and its libraries take a third of them
_SECONDS = 90  # of a processor, for everything below at once
_LARGE = 10_000_000

HOSTILE = {
    "macros/endless.sql": (
        "{% macro calls() %}{{ calls() }}{% endmacro %}"
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}"
        "{% macro loops() %}{% for i in range(999999) %}{% for j in range(999999) %}x{% endfor %}"
        "{% endfor %}{% endmacro %}"
    ),
    "models/calls.sql": "select {{ calls() }}",
    "models/mutual.sql": "select {{ a() }}",
    "models/loops.sql": "select {{ loops() }}",
    "models/grows.sql": (
        "{% set ns = namespace(x='x') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"
        "select '{{ ns.x }}'"
    ),
    "models/power.sql": "select {{ 9 ** 9 ** 9 }}, {{ 'x' * 10 ** 12 }}",
    "models/large_comment.sql": "select 1 as one -- " + "x" * _LARGE,
    "models/large_query.sql": "select 1 as one" + " union all select 1" * 10_000,
    "models/large_list.sql": f"select 1 as one where 1 in ({','.join(map(str, range(50_000)))})",
    "models/brackets.sql": "select " + "(" * 20_000 + "1" + ")" * 20_000,
    "models/open.sql": "select " + "(" * 100_000,
    "models/cases.sql": "select " + "case when 1 = 1 then " * 5_000 + "1" + " end" * 5_000,
    "models/minus.sql": "select " + "- " * 50_000 + "1",
    "models/quotes.sql": "{{ " + "\\'" * 100_000,
    "models/marks.sql": "{{" * 100_000 + "{% ref('calls') %}",
    "models/nested.sql": "{% if true %}" * 3_000 + "{% endif %}" * 3_000,
    "models/subqueries.sql": "select * from (" * 500 + "select 1 as one" + ") as s" * 500,
    "models/ctes.sql": (
        "with c0 as (select 1 as a, 2 as b)"
        + "".join(f", c{n + 1} as (select x.*, y.* from c{n} x, c{n} y)" for n in range(40))
        + " select * from c40"
    ),
    "models/like.sql": f"with t as (select 1 as {'a' * 60}) select * like '{'%a' * 25}%b' from t",
    "models/large.yml": "models:\n" + "  - name: calls\n" * (_LARGE // 16),
    "models/deep.yml": "models: " + "[" * 100_000,
    "models/aliases.yml": "a: &a [x, x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)),
    "models/spaces.yml": "models:\n  - name: " + " " * 200_000 + "'\n",
    "models/broken.py": "def model(" + "(" * 50_000,
    "models/doubtful.py": "x = 1if 2else 3\n",
    "models/command.sql": "rename x y",
    "models/path.sql": "select json_extract(a, '$[2.5]') as b from (select 1 as a) as s",
    "seeds/wide.csv": ",".join(f"c{n}" for n in range(50_000)) + "\n",
}


def limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))


@pytest.mark.parametrize("command", [["check", "--json"], ["lineage", "--columns", "--format", "json"]])
def test_commands_end_within_bounds(tmp_path: Path, command: list[str]) -> None:
    root = write_files(tmp_path, HOSTILE)
    line = [
        sys.executable,
        "-m",
        "sqlorch",
        *command,
        "--project-dir",
        str(root),
        "--profiles-dir",
        str(root),
    ]
    done = subprocess.run(
        line, env=environment(), capture_output=True, text=True, check=False, preexec_fn=limits
    )
    assert done.returncode in {0, 1}, done.stderr[-2000:]
    assert done.stderr == ""
    document = json.loads(done.stdout)
    told = json.dumps(document.get("findings", document.get("unresolved")))
    for name in ("calls", "mutual", "loops", "grows", "power", "quotes"):
        assert f"model.probe.{name}" in told, name
    if "coverage" in document:
        assert document["coverage"]["models"] >= 10


def source_file(data: bytes) -> SourceFile:
    return SourceFile(
        package="p", kind="properties", base="models", relative="p.yml", absolute="/p.yml", data=data
    )


HARMLESS = 2.0  # seconds of a processor; where time grows with the square, these sizes take ten times as long


@pytest.mark.parametrize(
    "read",
    [
        lambda: list(find_blocks("{{ " + "\\'" * 50_000, MACRO_TAGS)),
        lambda: list(find_blocks("{% macro m(" + "\"\\'" * 50_000, MACRO_TAGS)),
        lambda: read_literals(DbtEnvironment(), "{{" * 50_000),
        lambda: read_literals(DbtEnvironment(), "{% " * 50_000 + "ref('a'"),
        lambda: source_file(b"name: " + b" " * 50_000 + b"'").line_of_name("x"),
        lambda: line_of("ref(" + "ref '" * 50_000, Reference("ref", "x")),
        lambda: like_pattern("%a" * 20 + "%b", ignore_case=False)("a" * 60),
        lambda: like_pattern("%_" * 20 + "b", ignore_case=True)("a" * 60),
        lambda: read_call("ref('" + "a" * 50_000 + "'" + " " * 50_000 + "x"),
        lambda: Descriptions([], "p").render("{{ doc( " * 50_000, "p"),
        lambda: _bare("'" * 99_999 + "/*" * 50_000 + "1." * 50_000),
    ],
)
def test_no_pattern_takes_long(read: Callable[[], Any]) -> None:
    start = time.process_time()
    read()
    assert time.process_time() - start < HARMLESS


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("a%", "abc", True),
        ("%c", "abc", True),
        ("%b%", "abc", True),
        ("a%c%c", "abc", False),
        ("a%b%c", "axbxbxc", True),
        ("_b_", "abc", True),
        ("%", "", True),
        ("%%", "x", True),
        ("a", "ab", False),
        ("a.%", "axb", False),
        ("%ab%ab", "abab", True),
        ("%ab%ab", "aab", False),
    ],
)
def test_like(pattern: str, name: str, matches: bool) -> None:
    assert like_pattern(pattern, ignore_case=False)(name) is matches
    assert like_pattern(pattern, ignore_case=True)(name.upper()) is matches
