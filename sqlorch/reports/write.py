"""Writing the report: a complete file takes the place of the old one in a single rename."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlorch.domain.errors import IntegrationError
from sqlorch.reports.page import lineage_page, run_page

if TYPE_CHECKING:
    from sqlorch.reports.model import LineageReport
    from sqlorch.reports.run_model import RunReport

_READABLE = 0o666


def write_lineage(report: LineageReport, file: Path, *, mask: Callable[[str], str] = str) -> int:
    """Write the report on a project's lineage; see :func:`write_page`."""
    return write_page(lineage_page(report, mask=mask), file)


def write_run(report: RunReport, file: Path) -> int:
    """Write the report on a run; see :func:`write_page`."""
    return write_page(run_page(report), file)


def write_page(page: str, file: Path) -> int:
    """Write a page as one HTML file; its folder is made when it is missing.

    Whoever has the old file open keeps it; nobody ever sees half a file.

    Returns:
        Its size in bytes.

    Raises:
        IntegrationError: the place cannot be written; names it and says why.
    """
    # A file name that is no Unicode has halves of characters in it, which no UTF-8 can hold.
    data = page.encode("utf-8", "replace")
    try:
        _replace(Path(os.path.realpath(file)), data)
    except OSError as error:
        raise IntegrationError(f"the report cannot be written to {file}: {_reason(error)}") from error
    return len(data)


def _replace(file: Path, data: bytes) -> None:
    if file.is_dir():
        raise IsADirectoryError
    if file.is_symlink():  # followed already, so it leads nowhere but back
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name[:100]}.", suffix=".part", dir=file.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        draft.chmod(file.stat().st_mode & 0o7777 if file.exists() else _READABLE & ~_umask())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """What this process lets nobody do with its files; a temporary file is its owner's alone otherwise."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _reason(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a folder; name a file"
    return f"{error.strerror or error}; name another file"
