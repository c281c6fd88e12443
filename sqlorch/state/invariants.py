"""What must be true of a state file, whatever happened to it: one query each that finds what is wrong.

SQLite has no checksums, so a damaged value is found only by what it contradicts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from sqlorch.domain.ledger import LedgerMark
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.domain.scheduling import BackfillState, GroupStatus, RunKind, SlotStatus

OF_FILES = frozenset({"the file is sound", "no row refers to nothing"})  # asked of SQLite alone
_SHOWN = 3  # cases named; the rest is counted
Find = Callable[[Connection], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One invariant, and the cases that break it (none when it holds), a few of them named."""

    invariant: str
    broken: int
    cases: tuple[str, ...]


def audit_state(connection: Connection) -> Iterator[Finding]:
    """Every invariant in turn; one that cannot even be asked is broken."""
    for invariant, find in _INVARIANTS.items():
        try:
            found = find(connection)
        except (DBAPIError, ValueError) as error:
            found = [str(getattr(error, "orig", error))]
        yield Finding(invariant=invariant, broken=len(found), cases=tuple(found[:_SHOWN]))


def _query(statement: str, **values: object) -> Find:
    """Finds what a query names: its columns, joined."""

    def find(connection: Connection) -> list[str]:
        return [" ".join(map(str, row)) for row in connection.execute(sql(statement), values)]

    return find


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _states_are_known(connection: Connection) -> list[str]:
    found: list[str] = []
    for table, column, words in _VOCABULARY:
        statement = f"SELECT DISTINCT {column} FROM {table} WHERE {column} NOT IN ({_words(words)})"
        found += [f"{table}.{column} {value!r}" for value in connection.scalars(sql(statement))]
    return found


def _documents_are_json(connection: Connection) -> list[str]:
    found = []
    for table, key, column in _DOCUMENTS:
        for name, text in connection.execute(sql(f"SELECT {key}, {column} FROM {table}")):
            try:
                json.loads(str(text))
            except ValueError:
                found.append(f"{table}.{column} of {name}")
    return found


def _structure(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    return [str(line) for line in connection.scalars(sql("PRAGMA quick_check")) if line != "ok"]


def _references(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    return [f"{row[0]} -> {row[2]}" for row in connection.execute(sql("PRAGMA foreign_key_check"))]


_VOCABULARY: tuple[tuple[str, str, Sequence[str]], ...] = (
    ("run", "state", tuple(RunState)),
    ("run", "kind", tuple(RunKind)),
    ("node_run", "state", tuple(NodeState)),
    ("attempt", "state", ("running", "done", "lost", "fenced")),
    ("attempt", "outcome", tuple(Outcome)),
    ("grp", "status", tuple(GroupStatus)),
    ("slot", "status", tuple(SlotStatus)),
    ("backfill", "state", tuple(BackfillState)),
    ("backfill_slot", "state", ("waiting", "queued", "done", "failed", "skipped", "cancelled")),
    ("ledger", "CAST(mark AS TEXT)", tuple(str(number) for number, _ in enumerate(LedgerMark))),
)
_DOCUMENTS = (
    ("run", "run_id", "variables"),
    ("run", "run_id", "invocation"),
    ("node_run", "unique_id", "after_ids"),
    ("attempt", "attempt_id", "adapter_response"),
    ("attempt", "attempt_id", "timing"),
    ("alert", "dedupe", "payload"),
)
_ENDED = _words([state for state in RunState if state.terminal])
_LIVE = _words([state for state in NodeState if state.live])
_OVERLAP = """(a.interval_start < b.interval_end AND a.interval_end > b.interval_start
               OR a.interval_start = b.interval_start)"""

_INVARIANTS: dict[str, Find] = {
    "the file is sound": _structure,
    "no row refers to nothing": _references,
    "every state is a known word": _states_are_known,
    "every document can be read": _documents_are_json,
    "slots of a group do not overlap": _query("""
        SELECT group_name, interval_start FROM (
            SELECT group_name, interval_start, interval_end, LAG(interval_end) OVER (
                PARTITION BY group_name ORDER BY interval_start, interval_end
            ) AS before FROM slot
        ) AS s WHERE before > interval_start OR interval_end < interval_start
    """),
    "slots of a schedule have no hole between them": _query("""
        SELECT s.group_name, s.interval_start FROM slot AS s
        JOIN grp AS g ON g.name = s.group_name
        LEFT JOIN run AS r ON r.run_id = s.run_id
        WHERE s.interval_start > g.origin AND s.interval_start < s.interval_end
        AND (s.status = 'skipped' OR r.kind = 'scheduled')
        AND NOT EXISTS (
            SELECT 1 FROM slot AS b WHERE b.group_name = s.group_name AND b.interval_end = s.interval_start
        )
    """),
    "a group's cursor is the end of its last slot": _query("""
        SELECT g.name, g.cursor FROM grp AS g WHERE g.cursor IS NOT NULL AND g.cursor <> COALESCE(
            (SELECT MAX(CASE WHEN s.interval_end > g.origin THEN s.interval_end ELSE g.origin END)
             FROM slot AS s WHERE s.group_name = g.name), g.origin
        )
    """),
    "every slot has a run, or a reason for none": _query("""
        SELECT s.group_name, s.interval_start, s.status FROM slot AS s
        LEFT JOIN run AS r ON r.run_id = s.run_id
        WHERE (s.status = 'skipped') <> (s.run_id IS NULL)
        OR (s.status = 'run' AND r.run_id IS NULL AND s.reason NOT LIKE '%pruned')
        OR (r.run_id IS NOT NULL AND r.group_name <> s.group_name)
    """),
    "runs of a group under way do not share a time": _query(f"""
        SELECT a.run_id, b.run_id FROM run AS a JOIN run AS b ON a.group_name = b.group_name AND a.id < b.id
        WHERE a.state IN ('running', 'cancelling') AND b.state IN ('running', 'cancelling') AND {_OVERLAP}
    """),
    "a run that has ended says when, and one that has not does not": _query(
        f"SELECT run_id, state FROM run WHERE (state IN ({_ENDED})) <> (finished_at IS NOT NULL)"
    ),
    "nothing of a run that has ended is being executed": _query(f"""
        SELECT n.run_id, n.unique_id FROM node_run AS n JOIN run AS r ON r.run_id = n.run_id
        WHERE r.state IN ({_ENDED}) AND n.state IN ({_LIVE})
    """),
    "a node is being executed by exactly one attempt, or by none": _query(f"""
        SELECT n.run_id, n.unique_id, n.state FROM node_run AS n LEFT JOIN attempt AS a
        ON a.run_id = n.run_id AND a.unique_id = n.unique_id AND a.state = 'running'
        GROUP BY n.run_id, n.unique_id, n.state
        HAVING COUNT(a.attempt_id) <> CASE WHEN n.state IN ({_LIVE}) THEN 1 ELSE 0 END
    """),
    "attempts are numbered from one without a gap": _query("""
        SELECT run_id, unique_id, gen FROM attempt GROUP BY run_id, unique_id, gen
        HAVING MIN(n) <> 1 OR MAX(n) <> COUNT(*)
    """),
    "fences only rise": _query("""
        SELECT MAX(fence) FROM attempt
        HAVING MAX(fence) > (SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'fence_seq')
    """),
    "generations of nodes and attempts are not ahead of their run's": _query("""
        SELECT n.run_id, n.unique_id FROM node_run AS n JOIN run AS r ON r.run_id = n.run_id
        WHERE n.gen > r.gen
        UNION SELECT a.run_id, a.unique_id FROM attempt AS a
        JOIN node_run AS n ON n.run_id = a.run_id AND n.unique_id = a.unique_id WHERE a.gen > n.gen
    """),
    "the ledger says of a node what its run says": _query("""
        SELECT n.run_id, n.unique_id, n.state FROM ledger AS l
        JOIN word AS node ON node.id = l.node JOIN word AS made ON made.id = l.run
        JOIN node_run AS n ON n.run_id = made.text AND n.unique_id = node.text AND n.gen = l.gen
        WHERE (l.mark = 0 AND n.state <> 'success') OR (l.mark = 1 AND n.state <> 'failed')
        OR (l.mark = 3 AND n.state <> 'skipped')
    """),
    "nothing is told of a run without its success": _query("""
        SELECT e.id, e.dataset, e.run_id FROM dataset_event AS e JOIN run AS r ON r.run_id = e.run_id
        WHERE e.gen > r.gen OR (e.gen = r.gen AND r.state <> 'success')
    """),
    "no consumer is ahead of the events there were": _query("""
        SELECT group_name, dataset, event_id FROM dataset_cursor
        WHERE event_id > (SELECT COALESCE(MAX(id), 0) FROM dataset_event)
    """),
    "a backfill that is over has nothing waiting": _query("""
        SELECT b.backfill_id, s.position FROM backfill AS b
        JOIN backfill_slot AS s ON s.backfill_id = b.backfill_id
        WHERE b.state IN ('success', 'cancelled') AND s.state = 'waiting'
    """),
}
