"""Which node runs with which group, and in what order groups run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from sqlorch.domain.dag import EXECUTABLE_KINDS, TEST_KINDS, Dag
from sqlorch.domain.errors import ConfigError, SqlorchError
from sqlorch.domain.group import Group, NodeOptions, retry_policy
from sqlorch.domain.group_order import order_groups
from sqlorch.domain.run import RetryPolicy
from sqlorch.domain.sql_groups import define_groups
from sqlorch.domain.triggering import resolve_after
from sqlorch.domain.waiting import resolve_waits

Select = Callable[[Dag, str, str | None], frozenset[str]]
ASSIGNED_KINDS = EXECUTABLE_KINDS - TEST_KINDS
_NOTHING_SAID = NodeOptions()
_NO_OPTIONS: Mapping[str, NodeOptions] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The groups of a project and who belongs to them.

    Attributes:
        groups: every group in topological order: a group comes after those it reads from and those whose
            runs trigger it. Groups without such an order stand as in sqlorch.yml, then those the SQL defines
            by name, then ``default``.
        group_of: the group's name of each executable node (models, seeds, snapshots and their tests).
        retry: retry policy of each executable node.
        timeout: seconds an attempt at the node may take; nodes without a limit are absent.
        exported: nodes whose own SQL asks to be published.
        options: what nodes say for themselves, for those that say something.
    """

    groups: tuple[Group, ...]
    group_of: Mapping[str, str]
    retry: Mapping[str, RetryPolicy]
    timeout: Mapping[str, float]
    exported: frozenset[str]
    options: Mapping[str, NodeOptions] = field(default_factory=lambda: _NO_OPTIONS)

    def group(self, name: str) -> Group:
        """The group of that name.

        Raises:
            ConfigError: there is none; the message lists those there are.
        """
        for group in self.groups:
            if group.name == name:
                return group
        names = ", ".join(group.name for group in self.groups)
        raise ConfigError(f"there is no group {name!r}; the groups are: {names}")

    def nodes(self, name: str) -> frozenset[str]:
        """The executable nodes of a group, tests included."""
        return frozenset(uid for uid, group in self.group_of.items() if group == name)

    @property
    def empty(self) -> tuple[str, ...]:
        """Names of groups that no node belongs to."""
        taken = set(self.group_of.values())
        return tuple(group.name for group in self.groups if group.name not in taken)


def assign_groups(
    dag: Dag,
    groups: Sequence[Group],
    select: Select,
    default: Group,
    options: Mapping[str, NodeOptions] = _NO_OPTIONS,
) -> Grouping:
    """Give every executable node its group.

    A model, seed or snapshot belongs to exactly one group: the one its own SQL names or makes, or the one
    that selects it, else ``default``. A test runs with the nodes it tests; when these are in several groups,
    with the last of them in group order. A test of sources alone runs with the first group that reads one of
    them, because it guards that group.

    Args:
        dag: the project.
        groups: the groups of sqlorch.yml, in their order.
        select: answers dbt selection syntax: ``(dag, select, exclude) -> unique ids``.
        default: the group of what remains.
        options: what nodes say for themselves under ``meta.sqlorch``, by unique id.

    Raises:
        ConfigError: a node in two groups, a selector that cannot be read, or what
            :func:`~sqlorch.domain.sql_groups.define_groups`,
            :func:`~sqlorch.domain.triggering.resolve_after` and
            :func:`~sqlorch.domain.waiting.resolve_waits` refuse; all faults of a kind at once.
        ProjectError: groups that read from each other or run after each other in a circle.
    """
    made, claimed = define_groups(options, groups, default)
    declared = resolve_after(dag, [*groups, *made, default])
    owners = _owners(dag, groups, select, claimed, {group.name: group for group in declared})
    for uid, node in dag.nodes.items():
        if node.kind in ASSIGNED_KINDS:
            owners.setdefault(uid, default.name)
    declared = resolve_waits(dag, declared, owners, options)
    order = order_groups(dag, declared, owners)
    group_of = owners | _tests(dag, owners, order, default.name)
    by_name = {group.name: group for group in declared}
    said = {uid: options.get(uid, _NOTHING_SAID) for uid in group_of}
    limits = {uid: said[uid].timeout or by_name[name].timeout for uid, name in group_of.items()}
    return Grouping(
        groups=tuple(by_name[name] for name in order),
        group_of=MappingProxyType(group_of),
        retry=MappingProxyType({uid: _retry(said[uid], by_name[name]) for uid, name in group_of.items()}),
        timeout=MappingProxyType({uid: limit for uid, limit in limits.items() if limit is not None}),
        exported=frozenset(uid for uid, its in said.items() if its.export),
        options=MappingProxyType({uid: its for uid, its in options.items() if uid in group_of}),
    )


def _retry(said: NodeOptions, group: Group) -> RetryPolicy:
    return retry_policy(said.retries, said.retry_delay, group.retry)


def _owners(
    dag: Dag, groups: Sequence[Group], select: Select, claimed: Mapping[str, str], known: Mapping[str, Group]
) -> dict[str, str]:
    owners = dict(claimed)
    faults: list[str] = []
    for group in groups:
        for uid in sorted(_selected(dag, group, select)):
            other = owners.setdefault(uid, group.name)
            if other != group.name:
                where = _place(known[other]), _place(group)
                faults.append(
                    f"{uid} belongs to two groups, {where[0]} and {where[1]}; a node runs in one group: "
                    "narrow a select, or leave the node out with exclude"
                )
    if faults:
        raise ConfigError("\n".join(faults))
    return owners


def _place(group: Group) -> str:
    return f"{group.name!r} ({group.origin})" if group.origin else repr(group.name)


def _selected(dag: Dag, group: Group, select: Select) -> Iterator[str]:
    if not group.select:
        return
    try:
        found = select(dag, group.select, group.exclude)
    except SqlorchError as error:
        raise ConfigError(f"{group.origin}: the selection of the group {group.name!r}: {error}") from error
    yield from (uid for uid in found if dag[uid].kind in ASSIGNED_KINDS)


def _tests(dag: Dag, owners: Mapping[str, str], order: Sequence[str], default: str) -> dict[str, str]:
    rank = {name: index for index, name in enumerate(order)}.__getitem__
    tests = (uid for uid, node in dag.nodes.items() if node.kind in TEST_KINDS)
    return {
        uid: _group_of_test(dag, uid, owners, partial(max, key=rank), partial(min, key=rank)) or default
        for uid in tests
    }


def _group_of_test(
    dag: Dag,
    uid: str,
    owners: Mapping[str, str],
    last: Callable[[set[str]], str],
    first: Callable[[set[str]], str],
) -> str | None:
    parents = dag.parents(uid)
    tested = {owners[parent] for parent in parents if parent in owners}
    if tested:
        return last(tested)
    readers = {owners[child] for parent in parents for child in dag.children(parent) if child in owners}
    return first(readers) if readers else None
