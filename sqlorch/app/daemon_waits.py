"""What queued runs wait for, as lines of the daemon's log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sqlorch.domain.scheduling import GroupState, GroupStatus

if TYPE_CHECKING:
    from sqlorch.app.journal import Journal

_WAITING_FOR = "waiting for "
_COMMAND = "; sqlorch "  # what only a person can end names the command that does
_MOST = 20


class WaitTeller:
    """Says of runs that wait for a person what they wait for, once until that is over."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._told: frozenset[str] = frozenset()

    def tell(self, waiting: Mapping[str, str]) -> None:
        """Say what is new.

        Args:
            waiting: what each queued run waits for, by its id.
        """
        asking = {run_id: reason for run_id, reason in waiting.items() if _asks(reason)}
        news = {run_id: reason for run_id, reason in asking.items() if reason not in self._told}
        for line in waiting_lines(news):
            self._journal.warning("run_waits", line)
        self._told = frozenset(asking.values())


def _asks(reason: str) -> bool:
    """Whether somebody has to do something; what a person has stopped is known to that person."""
    return reason.startswith(_WAITING_FOR) and _COMMAND in reason


def waiting_lines(waiting: Mapping[str, str]) -> Iterator[str]:
    """A line for each reason to wait, with the first run that has it and how many more do."""
    by_reason: dict[str, list[str]] = {}
    for run_id, reason in waiting.items():
        by_reason.setdefault(reason, []).append(run_id)
    for reason, runs in by_reason.items():
        who = f"run {runs[0]}" if len(runs) == 1 else f"run {runs[0]} and {len(runs) - 1} more"
        verb = "waits" if len(runs) == 1 else "wait"
        what = reason.removeprefix(_WAITING_FOR)
        yield f"{who} {verb} for {what}" if what != reason else f"{who} {verb}: {reason}"


def last_words(waiting: Mapping[str, str], groups: Iterable[GroupState]) -> str:
    """What a daemon that does what is due and ends leaves behind; ``stopped`` where that is nothing."""
    held = [f"{state.name} is held: {state.reason}" for state in groups if state.status is GroupStatus.HELD]
    lines = [*waiting_lines(waiting), *held]
    if not lines:
        return "stopped"
    left = (
        [f"{len(waiting)} {'run still waits' if len(waiting) == 1 else 'runs still wait'}"] if waiting else []
    )
    left += [f"{len(held)} {'group is' if len(held) == 1 else 'groups are'} held"] if held else []
    more = [f"and {len(lines) - _MOST} more reasons; sqlorch why GROUP"] if len(lines) > _MOST else []
    return "\n".join([f"stopped; {' and '.join(left)}:", *lines[:_MOST], *more])
