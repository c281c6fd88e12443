"""Small files beside the state: which store belongs to the project, and that it is kept on a server.

The second keeps a command that was not given the server's URL from going on, without a word, in a state file
whose history went on elsewhere, or from beginning an empty one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlorch.domain.errors import StateError


def server_file(path: Path) -> Path:
    """The side file that says on which server the state is kept, instead of at ``path``."""
    return path.with_suffix(".server")


def write_side_file(side: Path, text: str) -> None:
    """Remember something beside the state, all of it or nothing."""
    draft = side.with_suffix(f"{side.suffix}-{os.getpid()}-{threading.get_ident()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(file, text.encode())
        os.fsync(file)
    finally:
        os.close(file)
    draft.replace(side)


def server_of(path: Path) -> str | None:
    """Where the state is kept on a server, as it may be shown; None where nothing says that it is."""
    side = server_file(path)
    return (side.read_text(errors="replace").strip() or "a server") if side.exists() else None


def note_server(path: Path, where: str) -> None:
    """Remember that the state is on a server, by a URL without its password."""
    if server_of(path) != where:
        write_side_file(server_file(path), where)


def refuse_elsewhere(path: Path) -> None:
    """Refuse the state file, or none, where the history is kept on a server.

    Raises:
        StateError: it is; says where, and how to go on with the file all the same.
    """
    where = server_of(path)
    if where is not None:
        raise StateError(
            f"the state of this project is on {where}, and its URL is not given here: "
            "set SQLORCH_STATE_URL, or name it by 'state: {url: env:NAME}' in sqlorch.yml; "
            f"to use the file {path} instead, on purpose, delete {server_file(path)}"
        )


@contextmanager
def moving(path: Path, where: str) -> Iterator[None]:
    """The history goes to a server meanwhile, and the file counts no more; unless that fails.

    The note is there before the copy is: at no moment are there two histories that go on.

    Raises:
        StateError: it has gone to another server before.
    """
    before = server_of(path)
    if before not in {None, where}:
        refuse_elsewhere(path)
    note_server(path, where)
    try:
        yield
    except BaseException:
        if before is None:
            server_file(path).unlink(missing_ok=True)
        raise
