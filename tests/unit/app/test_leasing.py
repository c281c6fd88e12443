"""What a command makes of its lease."""

from __future__ import annotations

from typing import Any

from sqlorch.app.leasing import giving_up, leased
from sqlorch.domain.lease import Role
from sqlorch.engine.stop import Stop


class Untouched:
    """A store that must not be asked for leases."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_a_state_in_a_file_needs_no_lease():
    with leased(Untouched(), Role.COMMAND, url=None, lost=print):  # type: ignore[arg-type]
        pass


def test_a_command_whose_lease_is_over_says_so_and_stops():
    stop, told = Stop(), list[str]()
    giving_up(stop, told.append)("its lease could not be renewed in time")
    assert stop.requested
    assert told == [
        "the command stops, since others must take its run for lost: its lease could not be renewed in time"
    ]
