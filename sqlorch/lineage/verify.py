"""Holding the graph against dbt's own manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlorch.domain.dag import Dag

Edge = tuple[str, str]
_SECTIONS = (
    "nodes",
    "sources",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
    "unit_tests",
    "functions",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How two sets agree.

    Attributes:
        right: in both.
        extra: ours alone.
        missing: dbt's alone.
    """

    right: int
    extra: tuple[Any, ...] = ()
    missing: tuple[Any, ...] = ()

    @property
    def precision(self) -> float:
        """The share of ours that is right; 1 when there is none."""
        return self.right / (self.right + len(self.extra)) if self.right or self.extra else 1.0

    @property
    def recall(self) -> float:
        """The share of dbt's that is found; 1 when there is none."""
        return self.right / (self.right + len(self.missing)) if self.right or self.missing else 1.0

    @property
    def exact(self) -> bool:
        """Whether there is no difference."""
        return not self.extra and not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The graph against a manifest.

    Attributes:
        nodes: agreement on nodes, by kind; singular tests are ``singular_test``.
        edges: agreement on edges, by kind of the child.
    """

    nodes: Mapping[str, Score]
    edges: Mapping[str, Score]

    @property
    def exact(self) -> bool:
        """Whether there is no difference at all."""
        return all(score.exact for score in (*self.nodes.values(), *self.edges.values()))

    @property
    def union(self) -> tuple[Edge, ...]:
        """The edges dbt has and the graph lacks, which are to be added to it."""
        return tuple(edge for score in self.edges.values() for edge in score.missing)

    def warnings(self) -> list[str]:
        """Name every difference in a sentence."""
        found = []
        for kind, score in self.nodes.items():
            found += [f"{uid} ({kind}) is in dbt's manifest and was not found" for uid in score.missing]
            found += [f"{uid} ({kind}) was found and is not in dbt's manifest" for uid in score.extra]
        for score in self.edges.values():
            found += [f"the edge {p} -> {c} is in dbt's manifest and was not found" for p, c in score.missing]
            found += [f"the edge {p} -> {c} was found and is not in dbt's manifest" for p, c in score.extra]
        return found


def verify(dag: Dag, manifest: Mapping[str, Any], *, inferred: Iterable[Edge] = ()) -> Verification:
    """Compare a graph with dbt's manifest.

    Args:
        dag: the graph.
        manifest: the content of ``target/manifest.json``.
        inferred: edges of the graph that dbt cannot know; they are left out.
    """
    kinds, edges = _read_manifest(manifest)
    ours = {uid: _kind(uid) for uid in dag.nodes}
    our_edges = set(dag.edges) - set(inferred)
    known = {**kinds, **ours}
    node_kinds = sorted(set(known.values()))
    return Verification(
        nodes={
            k: _score({u for u in ours if ours[u] == k}, {u for u in kinds if kinds[u] == k})
            for k in node_kinds
        },
        edges={
            k: _score(
                {e for e in our_edges if known.get(e[1]) == k}, {e for e in edges if known.get(e[1]) == k}
            )
            for k in node_kinds
        },
    )


def _score(ours: set[Any], theirs: set[Any]) -> Score:
    return Score(
        right=len(ours & theirs), extra=tuple(sorted(ours - theirs)), missing=tuple(sorted(theirs - ours))
    )


def _read_manifest(manifest: Mapping[str, Any]) -> tuple[dict[str, str], set[Edge]]:
    # A node that dbt switches off while it resolves references stays in the manifest, but never runs.
    kinds = {
        uid: _kind(uid)
        for section in _SECTIONS
        for uid, node in manifest.get(section, {}).items()
        if _kind(uid) != "operation" and node.get("config", {}).get("enabled", True) is not False
    }
    parents = manifest.get("parent_map", {})
    edges = {(p, child) for child, found in parents.items() for p in found if child in kinds and p in kinds}
    return kinds, edges


def _kind(uid: str) -> str:
    # dbt gives both kinds of data test the type "test"; only a generic one's id ends in a hash.
    kind, _, rest = uid.partition(".")
    if kind != "test":
        return kind
    return "generic_test" if rest.count(".") > 1 else "singular_test"
