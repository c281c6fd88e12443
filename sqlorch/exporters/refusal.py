"""One sentence for everything that may go wrong while a file is published."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlorch.domain.errors import IntegrationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def unpublishable(target: Path, reason: str) -> IntegrationError:
    """The error that names the target and says that what stood there still stands."""
    kept = "; the file published before is unchanged" if os.path.lexists(target) else ""
    return IntegrationError(f"cannot publish to {target}: {reason}{kept}")


@contextmanager
def refusing(target: Path, *kinds: type[BaseException], about: str = "") -> Iterator[None]:
    """Turn failures of these kinds into an :class:`~sqlorch.domain.errors.IntegrationError`.

    Args:
        target: the file that is being published.
        kinds: exception types of the libraries at work.
        about: what was being done, ``table x`` for instance.

    Raises:
        IntegrationError: something of ``kinds`` was raised inside.
    """
    try:
        yield
    except kinds as error:
        reason = in_one_line(error)
        raise unpublishable(target, f"{about}: {reason}" if about else reason) from error


def in_one_line(error: BaseException) -> str:
    """What an exception says, without the stack traces and SQL that libraries append."""
    if isinstance(error, OSError) and error.strerror:
        named = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{named}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    # Arrow wraps what a source raised: "IOError: <text>. Detail: Python exception: Traceback ..."
    return (
        lines[0]
        .split(" Detail: Python exception")[0]
        .removeprefix("IOError: ")
        .removeprefix("Unknown error: ")
        .rstrip(".;")
    )
