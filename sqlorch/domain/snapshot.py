"""What the daemon knows of a project: its groups, and the nodes in them, as of one moment.

The daemon imports neither dbt nor a SQL parser. A child process reads the project and prints this value
(:mod:`sqlorch.domain.snapshot_codec`); every scheduling decision is a function of it and of the store.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlorch.domain.dag import TEST_KINDS
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import Group

_HASH_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotNode:
    """One executable node: a model, seed, snapshot or test that has something to execute.

    Attributes:
        unique_id, name, kind: as in :class:`sqlorch.domain.dag.Node`.
        group: the group it runs with.
        parents: executable nodes it reads, of its own group and of others.
        code: fingerprint of its code, ``""`` where unknown.
        repeatable: whether a second attempt does no harm after a first one was lost; false for an incremental
            that appends, and for a snapshot.
        appends: an incremental that only appends, so that its intervals must be built one after the other.
        blocks: for a test, whether its failure blocks what reads the tested nodes (severity ``error``).
        seconds: how long it took lately, None where nothing is known.
    """

    unique_id: str
    name: str
    kind: str
    group: str
    parents: frozenset[str] = frozenset()
    code: str = ""
    repeatable: bool = True
    appends: bool = False
    blocks: bool = False
    seconds: float | None = None

    @property
    def is_test(self) -> bool:
        """Whether it checks data instead of building it."""
        return self.kind in TEST_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What one group reads of another: ``built`` must be there, ``tests`` must not have failed."""

    built: frozenset[str]
    tests: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A project as the scheduler sees it.

    Attributes:
        groups: every group by name, in topological order.
        nodes: every executable node by unique id.
        warnings: what a person should know of the project, one sentence each.
    """

    groups: Mapping[str, Group]
    nodes: Mapping[str, SnapshotNode]
    warnings: tuple[str, ...] = ()

    def group(self, name: str) -> Group:
        """The group of that name.

        Raises:
            ConfigError: there is none; the message lists those there are.
        """
        if name not in self.groups:
            raise ConfigError(f"there is no group {name!r}; the groups are: {', '.join(self.groups)}")
        return self.groups[name]

    def members(self, group: str) -> frozenset[str]:
        """The nodes of a group, tests included; empty for an unknown one."""
        return self._members.get(group, frozenset())

    def reads(self, group: str) -> Mapping[str, Reads]:
        """What a group reads of each other group it depends on, by the other's name.

        Only what is read directly: what that was made from was waited for when it was made. A blocking test
        counts when everything it tests lies upstream of the reader and some of it is read directly.
        """
        return self._reads.get(group, {})

    def readers(self, group: str) -> tuple[str, ...]:
        """The groups that read from a group directly, in topological order."""
        return tuple(name for name in self.groups if group in self.reads(name))

    def downstream(self, group: str) -> tuple[str, ...]:
        """The groups that read from a group, directly or not, in topological order."""
        found = {group}
        for name in self.groups:
            if not found.isdisjoint(self.reads(name)):
                found.add(name)
        return tuple(name for name in self.groups if name in found and name != group)

    def appends(self, group: str) -> tuple[str, ...]:
        """Names of the group's incrementals that only append."""
        return tuple(sorted(self.nodes[uid].name for uid in self.members(group) if self.nodes[uid].appends))

    def unrepeatable(self, group: str) -> frozenset[str]:
        """Nodes of a group that must not be tried again by themselves when an attempt was lost."""
        return frozenset(uid for uid in self.members(group) if not self.nodes[uid].repeatable)

    def expected_seconds(self, group: str) -> float:
        """How long all nodes of a group took lately, one after the other."""
        return sum(self.nodes[uid].seconds or 0.0 for uid in self.members(group))

    def producers(self, group: str) -> Mapping[str, tuple[str, ...]]:
        """For each name in the group's ``after``: unique ids of the models, or the group's name, it means.

        A group is meant where a group and a model have the same name. Names that mean nothing are left out.
        """
        found = {name: self._producer(name) for name in self.group(group).rules.after}
        return {name: datasets for name, datasets in found.items() if datasets}

    def _producer(self, name: str) -> tuple[str, ...]:
        if name in self.groups:
            return (name,)
        return (name,) if name in self.nodes else tuple(sorted(self._named.get(name, ())))

    @cached_property
    def _members(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for uid, node in self.nodes.items():
            found[node.group].add(uid)
        return {name: frozenset(uids) for name, uids in found.items()}

    @cached_property
    def _named(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for uid, node in self.nodes.items():
            if not node.is_test:
                found[node.name].add(uid)
        return {name: frozenset(uids) for name, uids in found.items()}

    @cached_property
    def _reads(self) -> Mapping[str, Mapping[str, Reads]]:
        tests = self._blocking_tests()
        return {name: self._reads_of(members, tests) for name, members in self._members.items()}

    def _reads_of(self, members: Iterable[str], tests: Mapping[str, frozenset[str]]) -> Mapping[str, Reads]:
        built: dict[str, set[str]] = defaultdict(set)
        for uid in members:
            for parent in self.nodes[uid].parents - self._members[self.nodes[uid].group]:
                if parent in self.nodes:
                    built[self.nodes[parent].group].add(parent)
        above = self._above(uid for parents in built.values() for uid in parents) if built else frozenset()
        return {
            other: Reads(
                built=frozenset(uids),
                tests=frozenset(
                    test
                    for uid in uids
                    for test in tests.get(uid, ())
                    if self.nodes[test].group == other and self.nodes[test].parents <= above
                ),
            )
            for other, uids in built.items()
        }

    def _blocking_tests(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for uid, node in self.nodes.items():
            if node.is_test and node.blocks:
                for parent in node.parents:
                    found[parent].add(uid)
        return {uid: frozenset(tests) for uid, tests in found.items()}

    def _above(self, uids: Iterable[str]) -> frozenset[str]:
        seen: set[str] = set()
        todo = list(uids)
        while todo:
            uid = todo.pop()
            if uid not in seen and uid in self.nodes:
                seen.add(uid)
                todo.extend(self.nodes[uid].parents)
        return frozenset(seen)


def spec_hash(group: Group) -> str:
    """Tells one schedule from another: a hash of the keys that decide a group's intervals."""
    keys = {
        name: str(value) for name, value in group.keys.resolved(group.timezone).items() if name != "batch"
    }
    text = json.dumps([sorted(keys.items()), sorted(group.rules.after)])
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
