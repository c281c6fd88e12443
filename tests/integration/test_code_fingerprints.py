"""Fingerprints of a project's nodes as edits come and go, and what is said of each change; without dbt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.lineage_files import write_files

from sqlorch.lineage import load_project
from sqlorch.lineage.code.book import CodeBook, read_code
from sqlorch.lineage.code.compare import CodeComparison

FILES = {
    "dbt_project.yml": "name: probe\nversion: '1.0'\nprofile: probe\nvars: {late: 15, unused: 1}\n",
    "macros/money.sql": """
        {% macro cents(x) %} round({{ halved(x) }}, 2) {% endmacro %}
        {% macro halved(x) %} ({{ x }} / 2) {% endmacro %}
        {% macro lonely() %} 1 {% endmacro %}
        {% macro only_later() %} a > 1 {% endmacro %}
        {% macro default__pick() %} 1 {% endmacro %}
        {% macro pick() %} {{ return(adapter.dispatch('pick')()) }} {% endmacro %}
        {% macro in_hook() %} select 1 {% endmacro %}
    """,
    "macros/tests.sql": "{% test small(model, column_name) %} select 1 where 1 = 0 {% endtest %}",
    "seeds/codes.csv": "a,b\n1,2\n",
    "models/inlined.sql": "{{ config(materialized='ephemeral') }} select a, b from {{ ref('codes') }}",
    "models/base.sql": """
        {{ config(materialized='incremental', unique_key='a', post_hook="{{ in_hook() }}") }}
        select a, {{ cents('b') }} as b from {{ ref('inlined') }} where a > {{ var('late') }}
        {% if is_incremental() %} and {{ only_later() }} {% endif %}
    """,
    "models/top.sql": "select a, {{ pick() }} as p from {{ ref('base') }}",
    "models/python_one.py": "def model(dbt, session):\n    return dbt.ref('base')\n",
    "models/schema.yml": """
        models:
          - name: base
            description: words
            columns: [{name: a, data_tests: [small]}]
        unit_tests:
          - name: adds
            model: top
            given: [{input: ref('base'), rows: [{a: 1}]}]
            expect: {rows: [{a: 1, p: 1}]}
    """,
}


def book(root: Path) -> CodeBook:
    return read_code(load_project(root, profiles_dir=root, cache_dir=root / ".cache"))


def edit(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())


def differences(before: CodeBook, after: CodeBook) -> dict[str, str]:
    """What has changed by node name, of the nodes whose fingerprint differs; ``""`` for formatting."""
    texts = {**before.texts(before.documents), **after.texts(after.documents)}
    comparison = CodeComparison("duckdb", texts)
    return {
        uid.split(".")[2]: comparison.difference(before.documents[uid], after.documents[uid])
        for uid in after.documents
        if before.fingerprints.get(uid) != after.fingerprints[uid]
    }


EDITS = {
    "a column": ("models/base.sql", "select a,", "select a + 1 as a,", {"base": "SQL"}),
    "formatting": ("models/base.sql", "select a,", "SELECT\n  a, -- key\n", {"base": ""}),
    "the later branch": ("models/base.sql", " and {{ only", " or {{ only", {"base": "SQL"}),
    "a macro": ("macros/money.sql", "}}, 2)", "}}, 3)", {"base": "macro cents"}),
    "a macro a macro calls": ("macros/money.sql", "/ 2)", "/ 3)", {"base": "macro halved"}),
    "a macro's formatting": ("macros/money.sql", "/ 2)", "/\n 2 ) -- half\n", {"base": ""}),
    "a macro of the later branch": ("macros/money.sql", "a > 1", "a > 2", {"base": "macro only_later"}),
    "a dispatched macro": (
        "macros/money.sql", "default__pick() %} 1", "default__pick() %} 2", {"top": "macro default__pick"},
    ),
    "a macro of a hook": ("macros/money.sql", "select 1", "select 2", {"base": "macro in_hook"}),
    "a macro nobody calls": ("macros/money.sql", "lonely() %} 1", "lonely() %} 2", {}),
    "an ephemeral parent": (
        "models/inlined.sql", "select a, b", "select a, b + 1 as b",
        {"inlined": "SQL", "base": "inlined, which is ephemeral (SQL)"},
    ),
    "formatting of an ephemeral parent": (
        "models/inlined.sql", "select a, b", "select a,\n b", {"inlined": "", "base": ""},
    ),
    "a setting": (
        "models/base.sql", "unique_key='a'", "unique_key='b'", {"base": "config unique_key (a -> b)"},
    ),
    "a setting more": (
        "models/base.sql", "unique_key='a'", "unique_key='a', on_schema_change='fail'",
        {"base": "config on_schema_change (ignore -> fail)"},
    ),
    "a default written out": (
        "models/base.sql", "unique_key='a'", "unique_key='a', on_schema_change='ignore'", {"base": ""},
    ),
    "tags and meta": (
        "models/base.sql", "unique_key='a'", "unique_key='a', tags=['x'], meta={'owner': 'me'}", {"base": ""},
    ),
    "a description": ("models/schema.yml", "words", "other words", {}),
    "a variable": ("dbt_project.yml", "late: 15", "late: 16", {"base": "variable late (15 -> 16)"}),
    "a variable nobody reads": ("dbt_project.yml", "unused: 1", "unused: 2", {}),
    "a seed's row": ("seeds/codes.csv", "1,2", "1,3", {"codes": "file"}),
    "a seed's line ends": ("seeds/codes.csv", "\n", "\r\n", {}),
    "Python": ("models/python_one.py", "return dbt", "return  not dbt", {"python_one": "Python"}),
    "a comment in Python": (
        "models/python_one.py", "return dbt", "# hand on\n    return dbt", {"python_one": ""},
    ),
    "another parent": (
        "models/top.sql", "ref('base')", "ref('codes')",
        {"top": "SQL, reads now codes, no longer base"},
    ),
    "a generic test": ("macros/tests.sql", "1 = 0", "1 = 2", {"small_base_a": "macro test_small"}),
    "a unit test": ("models/schema.yml", "rows: [{a: 1, p: 1}]", "rows: [{a: 1, p: 2}]", {"top": "YAML"}),
}  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "expected"), EDITS.values(), ids=EDITS)
def test_an_edit_changes_exactly_what_it_touches(
    tmp_path: Path, file: str, old: str, new: str, expected: dict[str, str]
) -> None:
    root = write_files(tmp_path, FILES)
    before = book(root)
    assert book(root).fingerprints == before.fingerprints
    edit(root, file, old, new)
    after = book(root)
    assert differences(before, after) == expected
    edit(root, file, new, old)
    assert book(root).fingerprints == before.fingerprints


def test_what_is_remembered_is_the_same_without_the_cache_and_under_other_variables(tmp_path: Path) -> None:
    root = write_files(tmp_path, FILES)
    first = book(root)
    plain = read_code(load_project(root, profiles_dir=root))
    asked = read_code(load_project(root, profiles_dir=root, vars={"late": 99}))
    assert first.fingerprints == plain.fingerprints == asked.fingerprints
    assert first.texts(first.documents) == plain.texts(plain.documents)


def test_texts_hold_macros_and_what_is_inlined(tmp_path: Path) -> None:
    found = book(write_files(tmp_path, FILES))
    texts = found.texts(["model.probe.base"])
    assert found.fingerprints["model.probe.inlined"] in texts
    assert any("macro halved" in text for text in texts.values())
    assert not any("macro lonely" in text for text in texts.values())


def test_former_texts_that_are_not_there_count_as_changed(tmp_path: Path) -> None:
    root = write_files(tmp_path, FILES)
    before = book(root)
    edit(root, "macros/money.sql", "/ 2)", "/  2)")
    after = book(root)
    uid = "model.probe.base"
    forgetful = CodeComparison("duckdb", after.texts([uid]))
    assert forgetful.difference(before.documents[uid], after.documents[uid]) == "macro halved"
    assert forgetful.difference("{}", after.documents[uid]) == "code"
    assert forgetful.difference("not JSON", after.documents[uid]) == "code"


def test_fingerprints_need_neither_dbt_nor_sqlglot(tmp_path: Path) -> None:
    root = write_files(tmp_path, FILES)
    script = (
        "import sys; from pathlib import Path; from sqlorch.lineage import load_project;"
        f"from sqlorch.lineage.code.book import read_code; root = Path({str(root)!r});"
        "print(len(read_code(load_project(root, profiles_dir=root)).fingerprints));"
        "print([m for m in ('dbt', 'sqlglot', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.split("\n")[:2] == ["7", "[]"]
