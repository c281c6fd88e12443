"""What git says has changed in a project; git is only asked, nothing of it is written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from sqlorch.domain.errors import ConfigError

_SECONDS = 60


def changed_files(folder: Path, revision: str) -> tuple[str, ...]:
    """The files below a folder that differ from a revision, the uncommitted and untracked ones included.

    Args:
        folder: a folder of a git checkout.
        revision: a commit, branch or tag, or a range such as ``main...HEAD``.

    Returns:
        Paths relative to the folder, with ``/``, sorted.

    Raises:
        ConfigError: git is not there, the folder is in no checkout, the revision does not exist.
    """
    if revision.startswith("-") or not revision.strip():
        raise ConfigError(f"--git wants a commit, branch or tag, not {revision!r}")
    changed = _git(folder, "diff", "--name-only", "--relative", "--no-ext-diff", "-z", revision, "--", ".")
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    return tuple(sorted({name for name in (*changed, *untracked) if name}))


def _git(folder: Path, *arguments: str) -> list[str]:
    program = shutil.which("git")
    if program is None:
        raise ConfigError("git is not on the PATH; --git needs it")
    # A checkout may name a program as its file system monitor; reading must start none.
    command = [program, "-c", "core.fsmonitor=false", "-C", str(folder), "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - no shell, fixed words, the revision is no option
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"git took more than {_SECONDS} seconds to compare the files") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigError(f"git: {said[0].removeprefix('fatal: ') if said else 'it failed without a word'}")
    return done.stdout.decode(errors="surrogateescape").split("\0")
