"""From drafts to the graph: names resolved, nodes made, edges drawn, SQL's marks filled in."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.inference import match_builders, without_circles
from sqlorch.lineage.configuration import final, is_enabled, tags_of
from sqlorch.lineage.docs import Descriptions
from sqlorch.lineage.draft import Draft
from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.jinja.relation import replace_marks
from sqlorch.lineage.jinja.renderer import THIS
from sqlorch.lineage.names import Missing, Names
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.project import LoadWarning, UnresolvedRef
from sqlorch.lineage.relations import EPHEMERAL_PREFIX, Named, RelationNamer

_TESTS = frozenset({"test", "unit_test"})
_NO_EDGES = frozenset({"seed", "source"})
_WITH_SQL = frozenset({"model", "snapshot", "analysis", "test"})
_LONGEST_CALL = 300  # letters between a call and the name in it
_FILES = frozenset({"model", "snapshot", "analysis", "function"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The outcome.

    Attributes:
        dag: nodes and edges.
        inferred: the edges dbt does not know.
        unresolved: references that lead nowhere.
        sql: rendered SQL by unique id.
        warnings: what was left out.
    """

    dag: Dag
    inferred: frozenset[tuple[str, str]]
    unresolved: tuple[UnresolvedRef, ...]
    sql: Mapping[str, str]
    warnings: tuple[LoadWarning, ...]


@dataclass(slots=True, kw_only=True)
class Assembler:
    """Assembles a graph.

    Attributes:
        packages: for paths.
        names: every name, enabled or not.
        namer: names relations.
        descriptions: fills in documentation blocks.
    """

    packages: Packages
    names: Names
    namer: RelationNamer
    descriptions: Descriptions
    warnings: list[LoadWarning] = field(default_factory=list)
    unresolved: list[UnresolvedRef] = field(default_factory=list)

    def assemble(self, drafts: Sequence[Draft]) -> Graph:
        """Make the graph of the enabled drafts.

        Raises:
            ProjectError: the references form a cycle.
        """
        live = self._unique([draft for draft in drafts if is_enabled(draft.config)])
        parents = {uid: self._parents(draft) for uid, draft in live.items()}
        for uid in [uid for uid, found in parents.items() if found is None]:
            del live[uid]
        relations = {
            uid: named for uid, draft in live.items() if (named := self.namer.name(draft)) is not None
        }
        edges = sorted(
            {(parent, uid) for uid in live for parent in (parents[uid] or {}).values() if parent in live}
        )
        pairs = match_builders(
            {uid: named.key for uid, named in relations.items() if live[uid].kind == "source"},
            {uid: named.key for uid, named in relations.items() if live[uid].kind != "source"},
        )
        inferred = without_circles(pairs, edges)
        nodes = [self._node(draft, relations.get(uid), live) for uid, draft in live.items()]
        return Graph(
            dag=Dag(nodes, [*edges, *inferred], project=self.packages.root.name),
            inferred=frozenset(inferred),
            unresolved=tuple(self.unresolved),
            sql=dict(self._sql(live, parents, relations)),
            warnings=tuple(self.warnings),
        )

    def _unique(self, drafts: Sequence[Draft]) -> dict[str, Draft]:
        live: dict[str, Draft] = {}
        for draft in drafts:
            if draft.unique_id in live:
                other = self._place(live[draft.unique_id])
                message = f"{draft.unique_id} is defined in {other} too; only that one counts; rename one"
                self._warn(draft, message, "duplicate")
            else:
                live[draft.unique_id] = draft
        return live

    def _parents(self, draft: Draft) -> dict[Reference, str] | None:
        """Resolve a draft's references; None when dbt would leave the node out because of a missing one."""
        if draft.kind in _NO_EDGES:
            return {}
        found: dict[Reference, str] = {}
        for reference in draft.references():
            uid = self.names.find(reference, draft.package)
            if isinstance(uid, str):
                found[reference] = uid
            elif draft.kind in _TESTS:
                self._warn(draft, f"{draft.unique_id} is left out: {reference} {_said(uid)}", "ignored")
                return None
            else:
                self._unresolved(draft, reference, uid)
        return found

    def _unresolved(self, draft: Draft, reference: Reference, missing: Missing) -> None:
        line = line_of(draft.raw, reference) if draft.raw else 0
        self.unresolved.append(
            UnresolvedRef(
                unique_id=draft.unique_id,
                reference=str(reference),
                path=self._place(draft),
                line=line + draft.line - 1 if line and draft.line else line or draft.line,
                reason=missing.reason,
                nearest=missing.nearest,
            )
        )

    def _node(self, draft: Draft, relation: Named | None, live: Mapping[str, Draft]) -> Node:
        attached = self.names.find(draft.on, draft.package) if draft.on is not None else None
        owner = live.get(attached) if isinstance(attached, str) else None
        group = draft.config.get("group") or (owner.config.get("group") if owner else None)
        return Node(
            unique_id=draft.unique_id,
            kind=draft.kind,
            name=draft.name,
            fqn=tuple(draft.fqn),
            package=draft.package,
            path=draft.path,
            tags=tags_of(draft.config) | frozenset(map(str, draft.tags)),
            config=final(draft.config),
            description=self.descriptions.render(draft.description, draft.package),
            dbt_group=str(group) if group else None,
            source_name=draft.source_name,
            relation=relation.text if relation else None,
            attached_to=owner.unique_id if owner and owner.kind != "source" else None,
            blank=draft.kind in _FILES and not draft.raw.strip(),
            patch_path=draft.patch_path,
            access=str(draft.config.get("access") or "protected") if draft.kind == "model" else None,
            version=draft.version_value,
            latest_version=draft.latest_value,
            test_name=draft.test_name,
            test_column=draft.test_column,
        )

    def _sql(
        self,
        live: Mapping[str, Draft],
        parents: Mapping[str, dict[Reference, str] | None],
        relations: Mapping[str, Named],
    ) -> Iterator[tuple[str, str]]:
        for uid, draft in live.items():
            if draft.kind in _WITH_SQL and draft.finding.sql:
                own = relations[uid].text if uid in relations else draft.name
                name_of = _namer(draft.finding.references, parents[uid] or {}, live, relations)
                yield uid, replace_marks(draft.finding.sql, name_of).replace(THIS, own)

    def _place(self, draft: Draft) -> str:
        package = self.packages.by_name[draft.package]
        if package is self.packages.root:
            return draft.path
        return os.path.relpath(package.root / draft.path, self.packages.root.root).replace(os.sep, "/")

    def _warn(self, draft: Draft, message: str, kind: str) -> None:
        self.warnings.append(
            LoadWarning(
                path=self._place(draft),
                line=draft.line,
                unique_id=draft.unique_id,
                message=message,
                kind=kind,
            )
        )


def line_of(text: str, reference: Reference) -> int:
    """Return the line on which a reference's name is written, from 1; 0 when it is not written out."""
    quoted = rf"(['\"]){re.escape(reference.name)}\1"
    match = re.search(rf"\b(?:ref|source|metric|function)\b[^)]{{0,{_LONGEST_CALL}}}?{quoted}", text)
    match = match or re.search(quoted, text)
    return text.count("\n", 0, match.end()) + 1 if match else 0


def _said(missing: Missing) -> str:
    return "is disabled" if missing.reason == "disabled" else "does not exist"


def _namer(
    references: Sequence[Reference],
    parents: Mapping[Reference, str],
    live: Mapping[str, Draft],
    relations: Mapping[str, Named],
) -> Callable[[int], str]:
    def name_of(index: int) -> str:
        uid = parents.get(references[index]) if index < len(references) else None
        if uid is None:
            return references[index].name if index < len(references) else "unknown"
        if uid in relations:
            return relations[uid].text
        return EPHEMERAL_PREFIX + live[uid].name if uid in live else references[index].name

    return name_of
