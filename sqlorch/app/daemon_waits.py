"""What queued runs wait for, as lines of the daemon's log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from sqlorch.domain.scheduling import GroupState, GroupStatus

if TYPE_CHECKING:
    from sqlorch.app.journal import Journal

_WAITING_FOR = "waiting for "
_COMMAND = "; sqlorch "  # what only a person can end names the command that does
_NEXT_PART = re.compile(r"; (?=waiting for )")
_MOST = 20


class WaitTeller:
    """Says of runs that wait for a person what they wait for, once until nothing waits for that any more."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._told: frozenset[str] = frozenset()

    def tell(self, waiting: Mapping[str, str]) -> None:
        """Say what is new.

        Args:
            waiting: what each queued run waits for, by its id.
        """
        asked = _asked(waiting)
        for command, runs in asked.items():
            if command not in self._told:
                first = next(iter(runs.values()))  # others may word it otherwise: more may be there by now
                for line in waiting_lines(dict.fromkeys(runs, first)):
                    self._journal.warning("run_waits", line)
        self._told = frozenset(asked)


def _asked(waiting: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Which runs wait for a command of a person, by it, with the part of their reason that names it.

    What a person has stopped is known to that person.
    """
    found: dict[str, dict[str, str]] = {}
    for run_id, reason in waiting.items():
        for part in _NEXT_PART.split(reason):
            words, _, command = part.rpartition(_COMMAND)
            if words.startswith(_WAITING_FOR):
                found.setdefault(command, {}).setdefault(run_id, part)
    return found


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
