"""The order of a run: dbt's graph, held against the project's files, with the edges dbt does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sqlorch.app.lineage import compare, load
from sqlorch.app.publishing import select_nodes
from sqlorch.app.remembering import remember
from sqlorch.app.workspace import Workspace
from sqlorch.config.meta import group_nodes
from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.grouping import Grouping
from sqlorch.domain.history import NodeRecord
from sqlorch.domain.inference import Edge, built_sources
from sqlorch.domain.supplement import Refusal, supplement
from sqlorch.lineage.code.book import CodeBook, read_code
from sqlorch.lineage.project import Project

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession
    from sqlorch.lineage.verify import Verification

Tell = Callable[[str], None]
_Read = TypeVar("_Read")
_NAMED = 5  # differences named one by one


@dataclass(slots=True, kw_only=True)
class Verified:
    """Orders the nodes and groups of a project.

    Attributes:
        workspace: the project.
        several: whether the interval decides what the project is, so that a group may be empty in one.
        project: as its files were read; None where they could not be.
        found: edges the files have and dbt's manifest lacks.
        tell: told once of every edge that does not fit.
        code: what each node is made by; None where the files could not be read.
    """

    workspace: Workspace
    several: bool
    project: Project | None
    found: Sequence[Edge]
    tell: Tell
    code: CodeBook | None = None
    _told: set[str] = field(default_factory=set)
    _last: tuple[Dag, Dag, Grouping] | None = None

    def order(self, dag: Dag) -> tuple[Dag, Grouping]:
        """The graph to run by and the groups in their order.

        What a selection means, on a command line or in ``sqlorch.yml``, is read from dbt's graph: a seed does
        not run along because a source is its table.

        Args:
            dag: the graph dbt knows.

        Raises:
            SqlorchError: the groups cannot be used.
        """
        if self._last is None or self._last[0] is not dag:
            self._last = (dag, *self._order(dag))
        return self._last[1:]

    def remember(self, session: WarmSession, nodes: Mapping[str, Sequence[NodeRecord]]) -> None:
        """Keep what the warehouse has after the runs, for column lineage; a failure costs a warning.

        Args:
            session: the project, open.
            nodes: the nodes of each run, by run id.
        """
        if self.project is None:
            return
        try:
            remember(self.workspace, session, self.project, nodes)
        except Exception as error:  # noqa: BLE001 - drivers raise what they like, and the runs have ended well
            self.tell(f"the columns of the warehouse are not remembered: {type(error).__name__}: {error}")

    def _order(self, dag: Dag) -> tuple[Dag, Grouping]:
        grouping = self._group(dag, dag)
        extended = supplement(dag, self.found, built_sources(dag), grouping.group_of)
        for refusal in extended.refused:
            self._refused(refusal, dag)
        if extended.dag is dag:
            return dag, grouping
        return extended.dag, self._group(extended.dag, dag)

    def _group(self, dag: Dag, known: Dag) -> Grouping:
        select = partial(select_nodes, may_be_empty=self.several)
        return group_nodes(
            dag, self.workspace.settings, lambda _, text, exclude: select(known, text, exclude)
        )

    def _refused(self, refusal: Refusal, dag: Dag) -> None:
        parent, child = refusal.edge
        if child in dag.parents(parent):  # it reads what it built the time before: nothing is out of order
            return
        why = f"{child} is upstream of {parent}"
        if refusal.groups is not None:
            before, after = refusal.groups
            why = f"the group {before!r} would have to run before {after!r} and after it"
        line = f"the edge {parent} -> {child}, which the files have, is left out: {why}"
        if dag[child].kind == "source":
            line = f"{parent} builds the table of {child}, but does not run before what reads it: {why}"
        if line not in self._told:
            self._told.add(line)
            self.tell(line)


def verified(workspace: Workspace, session: WarmSession, tell: Tell) -> Verified:
    """Hold dbt's graph of an open project against its files.

    Whatever goes wrong with that is told, and then dbt's graph is the order.

    Args:
        workspace: the project.
        session: it, opened.
        tell: told of each difference, up to a bound, in one sentence.
    """
    project, found, code = _read(workspace, session.dag, tell)
    return Verified(
        workspace=workspace,
        several=bool(session.interval_dependent),
        project=project,
        found=found,
        tell=tell,
        code=code,
    )


def read_code_of(workspace: Workspace, tell: Tell) -> CodeBook | None:
    """What each node is made by; None, and told, where the files cannot be read."""
    return _attempt(lambda: read_code(load(workspace)), "the code of nodes was not recorded", tell)


def _read(
    workspace: Workspace, dag: Dag, tell: Tell
) -> tuple[Project | None, Sequence[Edge], CodeBook | None]:
    """The project of the files, its edges that dbt does not have, and its code; all differences are told."""

    def reading() -> tuple[Project, Verification, CodeBook]:
        project = load(workspace)
        return project, compare(project, dag), read_code(project)

    read = _attempt(reading, "dbt's graph was not compared with the project's files", tell)
    if read is None:
        return None, (), None
    project, result, code = read
    for line in _bounded(result.warnings()):
        tell(line)
    return project, [edge for score in result.edges.values() for edge in score.extra], code


def _attempt(read: Callable[[], _Read], otherwise: str, tell: Tell) -> _Read | None:
    try:
        return read()
    except SqlorchError as error:
        tell(f"{otherwise}: {error}")
    except Exception as error:  # noqa: BLE001 - dbt opened the project, so it can run without our reading of it
        tell(f"{otherwise}: {type(error).__name__}: {error}")
    return None


def _bounded(lines: Sequence[str]) -> Iterable[str]:
    yield from lines[:_NAMED]
    if len(lines) > _NAMED:
        yield f"and {len(lines) - _NAMED} more differences; name all with: sqlorch lineage --verify"
    if lines:
        yield "nodes run in the order of both graphs"
