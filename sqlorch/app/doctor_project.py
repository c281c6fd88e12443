"""What is wrong with the project itself: the errors that ``sqlorch check`` finds, and what is in no group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlorch.app.lineage import LineageView
from sqlorch.domain.dag import EXECUTABLE_KINDS
from sqlorch.domain.remarks import Grade, Remark
from sqlorch.lineage.checks import Finding

_ABOUT_RUNS = frozenset({"ungrouped", "profile", "short-lived-view"})
_PART = "project"


def remarks(findings: Sequence[Finding], view: LineageView | None) -> Iterator[Remark]:
    """Errors and what concerns groups one by one, other warnings by their number.

    Args:
        findings: of :func:`sqlorch.app.lineage.check`.
        view: the project with its groups; None where they do not hold together.
    """
    told = [one for one in findings if one.severity == "error" or one.rule in _ABOUT_RUNS]
    for finding in told:
        yield Remark(
            part=_PART, grade=Grade(finding.severity), subject=finding.place, message=finding.message
        )
    if len(findings) > len(told):
        more = len(findings) - len(told)
        said = f"{more:,} warnings" if more > 1 else "1 warning"
        yield Remark(part=_PART, grade=Grade.NOTE, message=f"{said} of sqlorch check", advice="sqlorch check")
    if view is not None:
        yield _size(view)


def _size(view: LineageView) -> Remark:
    nodes = [node for node in view.project.dag.nodes.values() if node.kind in EXECUTABLE_KINDS]
    groups = set(view.grouping.group_of.values())
    counts = (len(nodes), "node"), (len(groups), "group")
    said = " in ".join(f"{count:,} {thing}{'' if count == 1 else 's'}" for count, thing in counts)
    return Remark(part=_PART, grade=Grade.OK, subject=view.project.name, message=f"{said}, no cycle")
