"""Who gave a command, for the audit trail."""

from __future__ import annotations

import getpass
import os
import socket


def this_person() -> str:
    """``ann@host``; in a container whose user has no name, ``uid-1000@host``."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # no variable names the user, and the password database has no entry
        name = f"uid-{os.getuid()}"
    return f"{name}@{socket.gethostname()}"
