"""``sqlorch why`` by the state alone: what is remembered, where the project's files cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlorch.app.living import living_daemon
from sqlorch.app.operating import Helm
from sqlorch.domain.describe import compact
from sqlorch.domain.errors import ConfigError, StateError
from sqlorch.domain.run import NodeState, RunState
from sqlorch.domain.scheduling import GroupStatus

if TYPE_CHECKING:
    from sqlorch.domain.history import RunRecord

_BAD = frozenset({NodeState.FAILED, NodeState.UPSTREAM_FAILED, NodeState.CANCELLED})
_MOST = 5  # open runs told one by one, and ended ones


def why_by_state(helm: Helm, subject: str, interval: str | None) -> list[str]:
    """Sentences about a group or a run, the most telling first.

    Args:
        helm: the project's state.
        subject: name of a group, id of a run.
        interval: text of ``--interval``, or None for now.

    Raises:
        ConfigError: the state knows nothing of that name, or an interval is asked about, which needs the zone
            of the group.
    """
    if interval is not None:
        raise ConfigError("--interval is read in the zone of the group, which the project's files say")
    if subject in helm.store.schedule.groups() or helm.open_runs(subject):
        return [*_group(helm, subject), *daemon_told(helm)]
    try:
        record = helm.store.run(subject)
    except StateError as error:
        known = ", ".join(sorted(helm.store.schedule.groups())) or "none"
        said = f"the state knows no group and no run {subject!r}; the groups it knows are: {known}"
        raise ConfigError(said) from error
    return list(run_told(helm, record, compact(record.interval, record.timezone)))


def _group(helm: Helm, name: str) -> Iterator[str]:
    state = helm.store.schedule.groups().get(name)
    if state is not None and state.status is not GroupStatus.ACTIVE:
        yield f"{name} is {state.status}: {state.reason}"
    open_runs = helm.open_runs(name)
    for run in open_runs[:_MOST]:
        reason = run.reason or ("it is its turn next" if run.state is RunState.QUEUED else "")
        yield _told(f"{compact(run.interval, run.timezone)} ({run.run_id}) is {run.state}", reason)
    if len(open_runs) > _MOST:
        yield f"and {len(open_runs) - _MOST} more runs are queued or under way"
    newest = helm.store.runs(group=name, limit=_MOST + len(open_runs))
    for record in [run for run in newest if run.state.terminal][:_MOST]:
        ended = f" at {record.finished_at:%Y-%m-%d %H:%M:%S} UTC" if record.finished_at else ""
        span = compact(record.interval, record.timezone)
        yield _told(f"{span} ({record.run_id}): {record.state}{ended}", record.reason)
    if state is not None and state.cursor is not None:
        yield f"its intervals are decided until {state.cursor:%Y-%m-%d %H:%M:%S} UTC"
    yield "what falls due next is in the project's files, which cannot be read"


def run_told(helm: Helm, record: RunRecord, span: str) -> Iterator[str]:
    """Sentences about a run.

    Args:
        helm: the project's state.
        record: the run.
        span: what its interval is called.
    """
    yield _told(f"{record.run_id} ({record.group} {span}) is {record.state}", record.reason)
    asked = helm.store.queue.cancel_requested(record.run_id)
    if asked and not record.state.terminal:
        yield f"it is to be cancelled: {asked}"
    for node in helm.store.nodes(record.run_id):
        if node.state in _BAD or (not node.state.terminal and node.reason):
            yield f"  {node.name} is {node.state}: {node.message or node.reason}"
    if not record.state.terminal:
        yield from daemon_told(helm)


def daemon_told(helm: Helm) -> Iterator[str]:
    """That no daemon is there, where none is."""
    if living_daemon(helm.store) is None:
        yield "no daemon is running, so nothing starts by itself; start one with: sqlorch daemon"


def _told(said: str, reason: str) -> str:
    return f"{said}: {reason}" if reason else said
