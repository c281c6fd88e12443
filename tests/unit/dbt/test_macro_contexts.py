"""Contexts of the adapter's own macros are made once, and never shared where that could be seen."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from sqlorch.dbt.macro_contexts import MacroContexts

RENAME, DROP = (SimpleNamespace(unique_id=f"macro.dbt.{name}") for name in ("rename", "drop"))
MACROS = {"rename": RENAME, "drop": DROP}


class Adapter:
    """As dbt's: looks up the macro, has a context made, and calls it."""

    def __init__(self) -> None:
        self.config: Any = object()
        self.manifest: Any = object()
        self.made = 0
        self._macro_context_generator = self.make

    def make(self, macro: Any, config: Any, manifest: Any, package_name: str | None) -> dict[str, Any]:
        self.made += 1
        return {"number": self.made, "macro": macro, "config": config, "_sql_results": {}}

    def set_macro_context_generator(self, make: Any) -> None:
        self._macro_context_generator = make

    def execute_macro(
        self,
        macro_name: str,
        macro_resolver: Any = None,
        project: str | None = None,
        context_override: Any = None,
        kwargs: Any = None,
    ) -> Any:
        manifest = macro_resolver or self.manifest
        context = self._macro_context_generator(MACROS[macro_name], self.config, manifest, project)
        context.update(context_override or {})
        return kwargs["body"](context) if kwargs else dict(context)


@pytest.fixture
def adapter() -> Adapter:
    return Adapter()


@pytest.fixture(autouse=True)
def _installed(adapter: Adapter) -> Any:
    plain = adapter.execute_macro
    with MacroContexts(adapter).installed():
        yield
    assert adapter.execute_macro == plain
    assert adapter._macro_context_generator == adapter.make


def number(context: dict[str, Any]) -> int:
    return int(context["number"])


def test_once_for_each_macro_and_package(adapter: Adapter) -> None:
    assert [number(adapter.execute_macro("rename")) for _ in range(3)] == [1, 1, 1]
    assert number(adapter.execute_macro("drop")) == 2
    assert number(adapter.execute_macro("rename", project="dbt")) == 3
    assert number(adapter.execute_macro("rename")) == 1


def test_results_of_statements_are_forgotten(adapter: Adapter) -> None:
    def remember(context: dict[str, Any]) -> dict[str, Any]:
        before = dict(context["_sql_results"])
        context["_sql_results"]["main"] = 1
        return before

    assert adapter.execute_macro("rename", kwargs={"body": remember}) == {}
    assert adapter.execute_macro("rename", kwargs={"body": remember}) == {}


def test_a_macro_within_itself_has_a_context_of_its_own(adapter: Adapter) -> None:
    def again(context: dict[str, Any]) -> tuple[int, int, int]:
        context["_sql_results"]["main"] = "kept"
        other = number(adapter.execute_macro("drop"))
        inner = number(adapter.execute_macro("rename"))
        assert context["_sql_results"] == {"main": "kept"}
        return number(context), other, inner

    outer, other, inner = adapter.execute_macro("rename", kwargs={"body": again})
    assert (outer, other, inner) == (1, 2, 3)


def test_a_macro_that_failed_is_under_way_no_more(adapter: Adapter) -> None:
    def fail(context: dict[str, Any]) -> None:
        raise KeyError(number(context))

    for _ in range(2):
        with pytest.raises(KeyError, match="1"):
            adapter.execute_macro("rename", kwargs={"body": fail})


@pytest.mark.parametrize("how", ["by name", "by place"])
def test_names_of_the_callers_are_in_no_other_context(adapter: Adapter, how: str) -> None:
    mine = {"mine": 1}
    if how == "by name":
        context = adapter.execute_macro("rename", context_override=mine)
    else:
        context = adapter.execute_macro("rename", None, None, mine)
    assert context["mine"] == 1
    assert "mine" not in adapter.execute_macro("rename")


def test_another_run_another_project(adapter: Adapter) -> None:
    first = number(adapter.execute_macro("rename"))
    adapter.config = object()
    second = number(adapter.execute_macro("rename"))
    third = number(adapter.execute_macro("rename", macro_resolver=object()))
    assert len({first, second, third}) == 3


def test_each_thread_has_its_own(adapter: Adapter) -> None:
    found = [number(adapter.execute_macro("rename"))]
    thread = threading.Thread(target=lambda: found.append(number(adapter.execute_macro("rename"))))
    thread.start()
    thread.join()
    assert sorted(found) == [1, 2]
