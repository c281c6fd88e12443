"""Groups that run after others (``after``): which producers their names mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from sqlorch.domain.dag import EXECUTABLE_KINDS, TEST_KINDS, Dag
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import Group

_PRODUCING = EXECUTABLE_KINDS - TEST_KINDS


def resolve_after(dag: Dag, groups: Sequence[Group]) -> list[Group]:
    """The groups with each name in ``rules.after`` as a group's name or a node's unique id.

    A group is meant where a group and a model have the same name; the unique id then names the model.

    Raises:
        ConfigError: names that mean nothing or several nodes, all at once, each with its group's place.
    """
    if not any(group.rules.after for group in groups):
        return list(groups)
    names = _Names(dag, groups)
    made = [_resolved(group, names) for group in groups]
    if names.faults:
        raise ConfigError("\n".join(names.faults))
    return made


def producers(group: Group, owners: Mapping[str, str]) -> dict[str, str]:
    """The groups whose runs trigger this one, each with the name in its ``after`` that says so.

    Args:
        group: with resolved names.
        owners: the group's name of each node.
    """
    return {owners.get(name, name): name for name in group.rules.after}


class _Names:
    def __init__(self, dag: Dag, groups: Sequence[Group]) -> None:
        self.faults: list[str] = []
        self._groups = {group.name for group in groups}
        self._nodes: dict[str, list[str]] = defaultdict(list)
        for uid in dag.order:
            if dag[uid].kind in _PRODUCING:
                self._nodes[uid].append(uid)
                self._nodes[dag[uid].name].append(uid)

    def meaning(self, name: str, group: Group) -> str:
        """What a name of ``group`` means; the name itself, and a fault, when it is not clear."""
        if name in self._groups:
            return name
        found = self._nodes.get(name, [])
        if len(found) == 1:
            return found[0]
        where = f"{group.origin}: the group {group.name!r} runs after {name[:80]!r}"
        if found:
            self.faults.append(
                f"{where}, which means several nodes: {', '.join(found)}; write one of these ids"
            )
        else:
            self.faults.append(f"{where}, which is neither a group nor a model; {self._hint(name)}")
        return name

    def _hint(self, name: str) -> str:
        near = get_close_matches(name[:80], sorted({*self._groups, *self._nodes}), n=1)
        return f"did you mean {near[0]!r}?" if near else f"the groups are: {', '.join(sorted(self._groups))}"


def _resolved(group: Group, names: _Names) -> Group:
    if not group.rules.after:
        return group
    after = tuple(dict.fromkeys(names.meaning(name, group) for name in group.rules.after))
    return replace(group, rules=replace(group.rules, after=after))
