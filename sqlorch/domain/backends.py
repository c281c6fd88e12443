"""How the warehouse's server tells whose queries it executes, so that those of a dead process can be ended.

Every connection says an application name that begins with the tag of its process. Whoever knows who drove a
run, and that this process is gone, can compute the tag and look for it on the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlorch.domain.history import Owner

LONGEST_NAME = 63
"""Bytes of an application name that PostgreSQL keeps (NAMEDATALEN - 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostProcess:
    """A process that drove runs and is gone, and may have left queries running.

    Attributes:
        tag: of its backends.
        target: the target it was told to work on, None for the profile's default.
        noted_at: when it was found to be gone.
    """

    tag: str
    target: str | None
    noted_at: datetime


def backend_tag(owner: Owner, *, child: int | None = None) -> str:
    """What the application names of a process begin with: ``sqlorch-`` and 16 hexadecimal digits.

    Args:
        owner: the process.
        child: number of one of its node workers, which are told apart by a suffix.
    """
    who = "\0".join([owner.host, owner.boot_id, str(owner.pid), str(owner.started)])
    tag = f"sqlorch-{sha256(who.encode()).hexdigest()[:16]}"
    return tag if child is None else f"{tag}-{child}"


def application_name(tag: str, own: str | None) -> str:
    """A connection's name: the tag, and behind it what the profile calls its connections."""
    whole = f"{tag} {own}" if own else tag
    return whole.encode("ascii", "replace")[:LONGEST_NAME].decode().rstrip()  # the server keeps nothing else


def pattern_of(tags: frozenset[str]) -> str:
    """A POSIX regular expression for the names of these tags, those of their children included."""
    return f"^({'|'.join(sorted(tags))})([- ]|$)"
