"""A state is one target's: an interval that is done in dev is not done in prod.

Whoever would run, or say what is due, on another target than the state remembers is refused: it would skip
what the other one has made, without a word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlorch.domain.errors import ConfigError

if TYPE_CHECKING:
    from sqlorch.state.store import SqlStore


def claim_target(store: SqlStore, name: str) -> None:
    """Make the state this target's, if it is nobody's yet.

    Args:
        store: the state.
        name: of the target that is about to be run on; ``""`` where no profile says it.

    Raises:
        ConfigError: it is another target's.
    """
    if name:
        _refuse(store.target.claim(name), name, store.target.where)


def require_target(store: SqlStore, name: str) -> None:
    """As :func:`claim_target`, for who only reads: nothing is written.

    Raises:
        ConfigError: it is another target's.
    """
    if name:
        _refuse(store.target.name() or name, name, store.target.where)


def _refuse(owner: str, name: str, where: str) -> None:
    if owner == name:
        return
    folder = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    raise ConfigError(
        f"the state in {where} is that of target {owner}, and this is target {name}: what is made in one is "
        f"not there in the other. Give {name} a state of its own, by SQLORCH__STATE__PATH=.sqlorch-{folder} "
        "or a database of its own where SQLORCH_STATE_URL or state.url names one. If it is the same "
        f"warehouse under a new name: sqlorch db target {name}"
    )
