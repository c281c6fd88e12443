"""What is to be made over a row of slots, cut into as few pieces as it takes to say it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlorch.domain.coverage import Standing, Stretch, Verdict
from sqlorch.domain.dag import Dag
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.reprocess import nodes_to_run


@dataclass(frozen=True, slots=True)
class Work:
    """Why a node is made: how it stands, and the node because of which it is made, often itself."""

    verdict: Verdict
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Neighbouring slots over which the same is to be made, from ``first`` to ``last``, both included.

    ``work`` has the nodes in topological order.
    """

    first: int
    last: int
    work: Mapping[str, Work]

    @property
    def count(self) -> int:
        """How many slots."""
        return self.last - self.first + 1


def cut_pieces(
    dag: Dag, lines: Mapping[str, Iterable[Stretch]], places: range, reprocess: Reprocess
) -> list[Piece]:
    """What a group's runs over some slots would make; slots where nothing is to be made are in no piece.

    The cost grows with the number of stretches, not with slots times nodes.

    Args:
        dag: the project.
        lines: for each member of the group, its stretches over all slots, as
            :meth:`~sqlorch.domain.coverage.SlotAxis.stretches` has them.
        places: the slots that are asked about.
        reprocess: which standings are made again.
    """
    known: dict[frozenset[tuple[str, Verdict]], Mapping[str, Work]] = {}
    found: list[Piece] = []
    for first, last, standing in _constant(lines, places):
        key = frozenset(standing.items())
        if key not in known:
            known[key] = _work(dag, lines, standing, reprocess)
        work = known[key]
        if not work:
            continue
        if found and found[-1].last + 1 == first and found[-1].work == work:
            found[-1] = Piece(first=found[-1].first, last=last, work=work)
        else:
            found.append(Piece(first=first, last=last, work=work))
    return found


def _constant(
    lines: Mapping[str, Iterable[Stretch]], places: range
) -> Iterator[tuple[int, int, Mapping[str, Verdict]]]:
    """Runs of slots over which no node's verdict changes, with the verdicts on those that are not done."""
    changes: defaultdict[int, list[tuple[str, Verdict]]] = defaultdict(list)
    for uid, stretches in lines.items():
        for stretch in stretches:
            if stretch.last >= places.start and stretch.first < places.stop:
                changes[max(stretch.first, places.start)].append((uid, stretch.verdict))
    standing: dict[str, Verdict] = {}
    cuts = sorted(changes)
    for cut, after in zip(cuts, [*cuts[1:], places.stop], strict=False):
        for uid, verdict in changes[cut]:
            if verdict.standing is Standing.DONE:
                standing.pop(uid, None)
            else:
                standing[uid] = verdict
        yield cut, after - 1, standing


def _work(
    dag: Dag, members: Iterable[str], standing: Mapping[str, Verdict], reprocess: Reprocess
) -> Mapping[str, Work]:
    done = Verdict(Standing.DONE)
    verdicts = {uid: standing.get(uid, done) for uid in members}
    causes = nodes_to_run(dag, verdicts, {uid: v.standing for uid, v in verdicts.items()}, reprocess)
    return {uid: Work(verdicts[uid], cause) for uid, cause in causes.items()}
