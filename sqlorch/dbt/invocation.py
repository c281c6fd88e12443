"""dbt's own flags for one invocation, and the process-wide state dbt keeps around them."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import dbt_common.invocation
from dbt.cli.flags import Flags, args_to_context
from dbt.flags import set_flags
from dbt.tracking import initialize_from_flags
from dbt_common.clients.system import get_env
from dbt_common.context import get_invocation_context, set_invocation_context
from dbt_common.events.event_manager_client import cleanup_event_logger, get_event_manager
from dbt_common.invocation import reset_invocation_id

from sqlorch.dbt.options import SessionOptions


def begin_invocation(options: SessionOptions) -> Flags:
    """Build ``dbt build``'s flags and make them dbt's process-wide ones, with tracking and logging silent.

    Returns:
        The flags, as ``dbt build`` would see them: environment and project flags included.

    Raises:
        Exception: whatever dbt raises for unusable flags; :mod:`sqlorch.dbt.messages` words it.
    """
    set_invocation_context(dict(get_env()))
    get_invocation_context()._env = get_env()  # noqa: SLF001 - dbt's own preflight sets it the same way
    flags = Flags(args_to_context(_arguments(options)))
    set_flags(flags)
    reset_invocation_id()
    _silence(flags)
    initialize_from_flags(False, str(options.profiles_dir))
    return flags


def run_flags(
    flags: Flags,
    *,
    variables: Mapping[str, Any],
    target_path: Path,
    window: tuple[datetime, datetime] | None = None,
    full_refresh: bool = False,
) -> Flags:
    """A copy of the session's flags for one run, made dbt's process-wide ones.

    Args:
        flags: the session's flags.
        variables: all of ``--vars`` for this run.
        target_path: where compiled SQL of this run goes.
        window: event-time window of microbatch models, naive UTC, or None to leave dbt's default.
        full_refresh: rebuild incremental models from scratch; a project's own flag may ask for it too.
    """
    ours = copy.copy(flags)
    values: dict[str, Any] = {"VARS": dict(variables), "TARGET_PATH": str(target_path)}
    if full_refresh:
        values["FULL_REFRESH"] = True
    if window is not None:
        values |= {"EVENT_TIME_START": window[0], "EVENT_TIME_END": window[1]}
    for name, value in values.items():
        object.__setattr__(ours, name, value)  # Flags is a frozen dataclass with attributes of both cases
        object.__setattr__(ours, name.lower(), value)
    set_flags(ours)
    reset_invocation_id()
    return ours


def be_invocation(invocation_id: str) -> None:
    """Go by the name of an invocation that another process has begun."""
    dbt_common.invocation._INVOCATION_ID = invocation_id  # noqa: SLF001 - dbt can only make up a new one


def _arguments(options: SessionOptions) -> list[str]:
    arguments = ["--no-send-anonymous-usage-stats", "--no-use-colors", "--no-write-json", "--quiet"]
    arguments += ["--log-level", "none", "--log-level-file", "none", "--no-print", "build", "--no-fail-fast"]
    arguments += ["--project-dir", str(options.project_dir), "--profiles-dir", str(options.profiles_dir)]
    arguments += [
        "--target-path",
        str(options.state_dir / "dbt"),
        "--log-path",
        str(options.state_dir / "dbt"),
    ]
    if options.target is not None:
        arguments += ["--target", options.target]
    if options.threads is not None:
        arguments += ["--threads", str(options.threads)]
    variables = {**options.sample_variables, **options.variables}
    return [*arguments, "--vars", json.dumps(variables)]


def _silence(flags: Flags) -> None:
    """Nothing of dbt's goes to the terminal: what it says is captured per node."""
    cleanup_event_logger()
    manager = get_event_manager()
    manager.callbacks.clear()
    manager.require_warn_or_error_handling = flags.require_all_warnings_handled_by_warn_error


def restore_environment(before: Mapping[str, str]) -> None:
    """Undo what dbt put into ``os.environ`` while it was open."""
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)
