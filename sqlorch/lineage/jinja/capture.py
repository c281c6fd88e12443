"""What one render found out, and everything it looked at (so that it need not be repeated)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Reference:
    """A call of ``ref`` or ``source``.

    Attributes:
        kind: ``ref``, ``source``, ``metric`` or ``function``.
        name: the node's name; for a source, the table's.
        group: the package named in the call, or the source's name.
        version: the version named in the call.
    """

    kind: str
    name: str
    group: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        if self.kind == "source":
            return f"source('{self.group}', '{self.name}')"
        package = f"'{self.group}', " if self.group else ""
        version = f", v={self.version}" if self.version else ""
        return f"{self.kind}({package}'{self.name}'{version})"


@dataclass(slots=True, kw_only=True)
class Capture:
    """The outcome of a render; the one mutable value of this room, filled in by the context.

    Attributes:
        references: what it refers to, in order of first use.
        config: the merged ``config()`` calls.
        sql: the rendered text, with marks for relations.
        macros: unique ids of the macros it called.
        variables: the variables it read and what they were, or None where they did not exist.
        env: the environment variables it read.
        dated: whether it looked at the clock.
        problem: why it could not be rendered, or "".
    """

    references: dict[Reference, int] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    sql: str = ""
    macros: set[str] = field(default_factory=set)
    variables: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str | None] = field(default_factory=dict)
    dated: bool = False
    problem: str = ""

    def refer(self, reference: Reference) -> int:
        """Note a reference.

        Returns:
            its index, which its mark carries.
        """
        return self.references.setdefault(reference, len(self.references))
