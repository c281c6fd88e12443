"""Other daemons of the same state, as a scheduler sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlorch.domain.history import Owner


class Peers(Protocol):
    """What a scheduler asks about those that work beside it."""

    @property
    def leads(self) -> bool:
        """Whether this daemon does what is to be done once."""

    @property
    def distrusted(self) -> str:
        """Why this daemon must not decide on intervals now, ``""`` when it may."""

    def is_daemon(self, owner: Owner) -> bool:
        """Whether that process is a daemon: it owns runs that were rescued, and drives none itself."""


class Alone:
    """There are no others: the state is a file of this host."""

    @property
    def leads(self) -> bool:
        """See the port."""
        return True

    @property
    def distrusted(self) -> str:
        """See the port."""
        return ""

    def is_daemon(self, owner: Owner) -> bool:
        """See the port; the scheduler knows its own process without asking."""
        return False
