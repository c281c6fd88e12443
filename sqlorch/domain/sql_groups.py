"""Groups that the SQL itself names or defines, by ``config(meta={"sqlorch": {...}})``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import Group, NodeOptions, RunRules
from sqlorch.domain.group_names import implicit_name


def define_groups(
    options: Mapping[str, NodeOptions], groups: Sequence[Group], default: Group
) -> tuple[list[Group], dict[str, str]]:
    """Find the groups that nodes name, and define those that are defined by schedule keys of nodes.

    Args:
        options: what each node says for itself, by unique id.
        groups: the groups of sqlorch.yml.
        default: the group of all nodes no other group has; it gives new groups their zone and retries.

    Returns:
        The groups the SQL defines, by name, and the group's name of each node that names or makes one.

    Raises:
        ConfigError: all faults at once: a group that is defined nowhere, keys that contradict those of
            another node or of sqlorch.yml, schedule keys that make no schedule.
    """
    definitions = _Definitions(options, groups, default)
    definitions.compare()
    if definitions.faults:
        raise ConfigError("\n".join(definitions.faults))
    made = [_make(name, options[uid], default) for name, uid in sorted(definitions.definers.items())]
    return made, {uid: name for name, uids in definitions.claims.items() for uid in uids}


class _Definitions:
    """The groups known so far, and what nodes say that adds to them or contradicts them."""

    def __init__(self, options: Mapping[str, NodeOptions], groups: Sequence[Group], default: Group) -> None:
        self._options = options
        self._default = default
        self._known = {group.name: group for group in (*groups, default)}
        self.faults: list[str] = []
        self.claims: dict[str, list[str]] = {}
        for uid in sorted(options):
            self._claim(uid, options[uid])
        self.definers = {
            name: definer
            for name, uids in self.claims.items()
            if name not in self._known and (definer := self._definer(uids)) is not None
        }

    def compare(self) -> None:
        """Collect the faults of nodes that name the same group."""
        for name, uids in self.claims.items():
            if name in self._known:
                self._compare_with_file(self._known[name], uids)
            elif name in self.definers:
                self._compare_with_node(name, self.definers[name], uids)
            else:
                self.faults.extend(self._unknown(name, uid) for uid in uids)

    def _claim(self, uid: str, said: NodeOptions) -> None:
        given = {**said.keys.given, **said.rules.given}
        if said.group is None and said.rules.after:
            self._fault(uid, "after makes a group that has no name yet; name it with group")
        elif said.group is None and given and not said.keys.scheduled:
            keys = ", ".join(sorted(given))
            self._fault(
                uid, f"{keys} without a schedule means nothing; add schedule or every, or name a group"
            )
        elif said.group == self._default.name and given:
            self._fault(
                uid,
                f"the group {said.group!r} is that of all models no group selects and has no schedule; "
                "choose another name",
            )
        elif said.group is not None or given:
            name = said.group if said.group is not None else implicit_name(said.keys, self._default.timezone)
            self.claims.setdefault(name, []).append(uid)

    def _definer(self, uids: Sequence[str]) -> str | None:
        said = self._options
        return next((uid for uid in uids if said[uid].keys.scheduled or said[uid].rules.after), None)

    def _compare_with_file(self, group: Group, uids: Sequence[str]) -> None:
        theirs = group.keys.resolved(self._default.timezone)
        where = f"the group {group.name!r} ({group.origin})"
        for uid in uids:
            self._compare(uid, self._options[uid].keys.given, theirs, where)
            self._compare_rules(uid, group.rules, group.owner, where)

    def _compare_with_node(self, name: str, definer: str, uids: Sequence[str]) -> None:
        zone, definition = self._default.timezone, self._options[definer]
        where = f"{definer} ({definition.origin}), which is in the same group {name!r}"
        for uid in uids:
            keys = self._options[uid].keys
            rules = definition.rules.over(self._default.rules)
            self._compare_rules(uid, rules, definition.rules.owner or self._default.owner, where)
            # A node that only names the group joins it; one that gives keys defines it too, in full.
            if keys.given:
                self._compare(uid, keys.resolved(zone), definition.keys.resolved(zone), where)

    def _compare_rules(self, uid: str, theirs: RunRules, owner: str, where: str) -> None:
        said = self._options[uid].rules
        ours = said.over(theirs)
        written = {name: getattr(ours, name) for name in said.given if name != "owner"}
        self._compare(uid, written, {name: getattr(theirs, name) for name in written}, where)
        if said.owner:
            self._compare(uid, {"owner": said.owner}, {"owner": owner}, where)

    def _compare(self, uid: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], where: str) -> None:
        for key, value in ours.items():
            if value != theirs[key]:
                self._fault(
                    uid,
                    f"{key} is {_written(value)} here but {_written(theirs[key])} for {where}; "
                    "make them agree or name another group",
                )

    def _unknown(self, name: str, uid: str) -> str:
        near = get_close_matches(name, sorted({*self._known, *self.definers}), n=1)
        hint = (
            f"did you mean {near[0]!r}?" if near else "define it under groups: there, or add a schedule here"
        )
        where = _at(uid, self._options[uid])
        return f"{where}: the group {name!r} is defined neither in sqlorch.yml nor by a model; {hint}"

    def _fault(self, uid: str, sentence: str) -> None:
        self.faults.append(f"{_at(uid, self._options[uid])}: {sentence}")


def _written(value: object) -> str:
    if isinstance(value, tuple):
        value = ", ".join(value)
    if isinstance(value, bool):
        return repr(str(value).lower())
    return "not set" if value in (None, "") else repr(str(value))


def _at(uid: str, said: NodeOptions) -> str:
    return f"{said.origin}: meta.sqlorch of {uid}"


def _make(name: str, said: NodeOptions, default: Group) -> Group:
    return Group(
        name=name,
        timetable=said.keys.timetable(default.timezone),
        keys=said.keys,
        batch=said.keys.batch or 1,
        retry=default.retry,
        timeout=default.timeout,
        origin=said.origin,
        rules=said.rules.over(default.rules),
        rule_keys=said.rules,
        owner=said.rules.owner or default.owner,
    )
