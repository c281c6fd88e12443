"""Which macros and variables a text may use, read from its words: branches that are not taken count too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sqlorch.lineage.jinja.blocks import find_code
from sqlorch.lineage.jinja.macros import MacroIndex, MacroSource

# A text that is not closed goes to the end: looking for its end from every quote would take quadratic time.
_WORD = re.compile(
    r"'(?:[^'\\]|\\.)*+'?|\"(?:[^\"\\]|\\.)*+\"?|(?<![\w.])(?P<name>[A-Za-z_]\w*)(?:\s*\.\s*(?P<member>[A-Za-z_]\w*))?"
)
_DISPATCH = re.compile(r"\bdispatch\s*\(\s*(?:macro_name\s*=\s*)?['\"](?P<name>\w+)['\"]")
_VARIABLE = re.compile(r"\bvar\s*\(\s*['\"](?P<name>[^'\"]+)['\"]")


class MacroReach:
    """What can be reached from a text by calling macros.

    A name counts wherever it stands in Jinja, so that a macro handed on as a value is found too. What is
    called by a name that is put together at run time is not; rendering finds it on the way it takes.

    Args:
        index: every macro there is.
    """

    def __init__(self, index: MacroIndex) -> None:
        self._index = index
        self._visible = {package: index.visible(package) for package in (*index.packages, index.root)}
        self._direct: dict[str, tuple[MacroSource, ...]] = {}
        self._variables: dict[str, frozenset[str]] = {}
        self.sources = {m.uid: m for macros in index.packages.values() for m in macros.values()}

    def named(self, texts: Iterable[str], package: str) -> set[MacroSource]:
        """The macros whose names stand in the Jinja of some texts, as the package sees them."""
        return {macro for text in texts for code in find_code(text) for macro in self._in_code(code, package)}

    def implied(self, materialized: str, strategy: str) -> set[MacroSource]:
        """The project's own macros that dbt calls by itself to build a node."""
        names = (f"materialization_{materialized}", f"get_incremental_{strategy}_sql")
        return {macros[name] for macros in self._index.packages.values() for name in names if name in macros}

    def closure(self, macros: Iterable[MacroSource]) -> dict[str, MacroSource]:
        """Those macros and all they call, by unique id."""
        found: dict[str, MacroSource] = {}
        todo = list(macros)
        while todo:
            macro = todo.pop()
            if macro.uid not in found:
                found[macro.uid] = macro
                todo += self._calls(macro)
        return dict(sorted(found.items()))

    def variables(self, macro: MacroSource) -> frozenset[str]:
        """The variables that a macro itself names; read once, since most nodes reach the same macros."""
        if macro.uid not in self._variables:
            self._variables[macro.uid] = variables_in(macro.text)
        return self._variables[macro.uid]

    def _calls(self, macro: MacroSource) -> tuple[MacroSource, ...]:
        if macro.uid not in self._direct:
            self._direct[macro.uid] = tuple(self.named([macro.text], macro.package))
        return self._direct[macro.uid]

    def _in_code(self, code: str, package: str) -> Iterator[MacroSource]:
        for match in _WORD.finditer(code):
            name, member = match["name"], match["member"]
            if name is None:
                continue
            own = self._visible.get(package, {}) or self._visible[self._index.root]
            if member is not None and name in self._index.packages:
                own, name = self._index.packages[name], member
            if name in own:
                yield own[name]
        for match in _DISPATCH.finditer(code):
            yield from self._dispatched(match["name"])

    def _dispatched(self, name: str) -> Iterator[MacroSource]:
        for macros in self._index.packages.values():
            for prefix in self._index.prefixes:
                if f"{prefix}__{name}" in macros:
                    yield macros[f"{prefix}__{name}"]


def variables_in(text: str) -> frozenset[str]:
    """The variables that ``var('...')`` names in the Jinja of a text."""
    return frozenset(match["name"] for code in find_code(text) for match in _VARIABLE.finditer(code))
