"""Which nodes ``--select`` and ``--exclude`` mean, as dbt-core 1.11 reads them.

Items separated by spaces are a union, parts joined by commas an intersection; ``+``, ``N+`` and ``@`` spread
a part over the graph; ``exclude`` is taken off at the end. Tests come along with the nodes they look at,
which dbt calls indirect selection. The grammar is :mod:`sqlorch.domain.selection_syntax`, the methods are
:mod:`sqlorch.domain.selection_methods`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sqlorch.domain import selection_hints as hints
from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import ProjectError
from sqlorch.domain.selection_methods import METHODS
from sqlorch.domain.selection_syntax import Criterion, Item, parse_selection

Indirect = Literal["eager", "cautious", "buildable", "empty"]


def select(
    dag: Dag,
    selection: Sequence[str] | str,
    exclude: Sequence[str] | str = (),
    *,
    kinds: frozenset[str] | None = None,
    indirect: Indirect = "eager",
    may_be_empty: bool = False,
) -> frozenset[str]:
    """The nodes a selection means.

    Args:
        dag: the project.
        selection: what is asked for, one text or several; no text at all, ``()``, is everything. Blank text
            is refused, so that an unset variable of a shell does not run the whole project.
        exclude: what is taken off again, with the same syntax; it may find nothing.
        kinds: keep only nodes of these kinds; all when None. A selection that finds only other kinds gives an
            empty set, not an error.
        indirect: when a test that was not asked for comes along: ``eager`` when any of its parents is
            selected, ``cautious`` when all are, ``buildable`` when all are or are ancestors of what is,
            ``empty`` never.
        may_be_empty: an item that finds nothing is no mistake, as in one of several shapes of a project.

    Returns:
        Unique ids.

    Raises:
        ProjectError: a part that cannot be read, an unknown method, or an item of ``selection`` that finds
            nothing, with the nearest names.
    """
    if indirect not in get_args(Indirect):
        raise ProjectError(f"{indirect!r} is not an indirect selection; use {', '.join(get_args(Indirect))}")
    resolver = _Resolver(dag, indirect)
    everything = not isinstance(selection, str) and not selection
    included = resolver.everything() if everything else resolver.wanted(selection, may_be_empty=may_be_empty)
    excluded = resolver.union(resolver.item(item) for item in parse_selection(exclude))
    found = included.direct - excluded.direct
    return frozenset(uid for uid in found if kinds is None or dag[uid].kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a part of a selection means.

    Attributes:
        direct: the nodes selected so far.
        possible: those, and the tests that join them if the other parts select the rest of their parents.
    """

    direct: frozenset[str]
    possible: frozenset[str]


class _Resolver:
    """Evaluates criteria, items and their union over one dag, carrying undecided tests along."""

    def __init__(self, dag: Dag, indirect: Indirect) -> None:
        self._dag = dag
        self._indirect = indirect

    def everything(self) -> _Found:
        every = frozenset(self._dag.nodes)
        return _Found(direct=every, possible=every)

    def wanted(self, selection: Sequence[str] | str, *, may_be_empty: bool) -> _Found:
        """The user's selection: each of its items has to find something, unless it may be empty."""
        items = parse_selection(selection)
        if not items:
            raise ProjectError(
                "the selection is blank; name what to select, for example +orders, or leave it out"
            )
        find = self.item if may_be_empty else self._existing
        return self.union([find(item) for item in items])

    def item(self, item: Item) -> _Found:
        """What is common to the parts of an item."""
        parts = [self._criterion(item, criterion) for criterion in item.criteria]
        return self._settled(
            frozenset.intersection(*(part.direct for part in parts)),
            frozenset.intersection(*(part.possible for part in parts)),
        )

    def union(self, items: Iterable[_Found]) -> _Found:
        parts = list(items)
        return self._settled(
            frozenset().union(*(part.direct for part in parts)),
            frozenset().union(*(part.possible for part in parts)),
        )

    def _existing(self, item: Item) -> _Found:
        found = self.item(item)
        if found.direct:
            return found
        for criterion in item.criteria:
            if not self._matching(item, criterion):
                raise hints.no_match(self._dag, item, criterion)
        raise hints.no_intersection(item)

    def _criterion(self, item: Item, criterion: Criterion) -> _Found:
        matching = self._matching(item, criterion)
        return self._with_tests(matching | self._relatives(criterion, matching))

    def _matching(self, item: Item, criterion: Criterion) -> frozenset[str]:
        method = METHODS.get(criterion.method)
        if method is None:
            raise hints.unknown_method(item, criterion)
        if criterion.key and criterion.method != "config":
            raise hints.misplaced_key(item, criterion)
        meets = method.prepare(criterion, self._dag)
        return frozenset(uid for uid, node in self._dag.nodes.items() if meets(node))

    def _relatives(self, criterion: Criterion, matching: frozenset[str]) -> frozenset[str]:
        up = self._dag.ancestors(matching, criterion.up)
        down = self._dag.descendants(matching, criterion.down)
        if not criterion.at:
            return up | down
        below = self._dag.descendants(matching)
        return below | self._dag.ancestors(matching | below)

    def _with_tests(self, selected: frozenset[str]) -> _Found:
        """Add the tests that look at what is selected, or put them aside until all their parents are."""
        if self._indirect == "empty":
            return _Found(direct=selected, possible=selected)
        tests = {c for uid in selected for c in self._dag.children(uid) if self._dag[c].is_test}
        if self._indirect == "eager":
            return _Found(direct=selected | tests, possible=selected | tests)
        present = selected
        if self._indirect == "buildable":
            sources = {uid for uid, node in self._dag.nodes.items() if node.kind == "source"}
            present = selected | self._dag.ancestors(selected) | sources
        complete = {test for test in tests if self._dag.parents(test) <= present}
        return _Found(direct=selected | complete, possible=selected | tests)

    def _settled(self, direct: frozenset[str], possible: frozenset[str]) -> _Found:
        """Decide again on the tests put aside, now that several parts were combined."""
        if self._indirect not in {"cautious", "buildable"} or direct == possible:
            return _Found(direct=direct, possible=possible)
        present = direct
        if self._indirect == "buildable":
            present = direct | self._dag.ancestors(direct)
        # dbt leaves unit tests as they are here: they look at one model and are never put aside for long.
        undecided = (uid for uid in possible if self._dag[uid].kind != "unit_test")
        complete = {uid for uid in undecided if self._dag.parents(uid) <= present}
        return _Found(direct=direct | complete, possible=possible)
