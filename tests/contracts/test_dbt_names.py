"""The written list of dbt's names is complete, and every name on it exists in the dbt that is installed."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imported() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "sqlorch" / "dbt").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and _is_dbt(node.module or ""):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names if _is_dbt(alias.name)}
    return found


def written() -> list[str]:
    text = (ROOT / "docs" / "dbt-names.md").read_text(encoding="utf-8")
    return text.split("```", 2)[1].split()


def _is_dbt(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in {"dbt", "dbt_common"}


def test_the_list_is_what_is_imported() -> None:
    assert written() == sorted(imported())


@pytest.mark.parametrize("name", written())
def test_the_name_exists(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, attribute = name.rsplit(".", 1)
        assert hasattr(importlib.import_module(module), attribute)
