"""Moving what is remembered from a state file to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select
from sqlalchemy import text as sql

from sqlorch.domain.errors import StateError
from sqlorch.state.engine_postgres import PostgresDatabase
from sqlorch.state.invariants import audit_state
from sqlorch.state.schema import open_database
from sqlorch.state.schema_postgres import create_postgres, refuse_used
from sqlorch.state.sides import moving
from sqlorch.state.tables import dataset_event, meta, metadata

_BATCH = 1000
_UNLIMITED = sql("SET LOCAL statement_timeout = 0")
_OWN: tuple[Sequence[str], Sequence[str]] = ((), ("writes",))  # in meta: what PostgreSQL counts of its own
_PATIENT = sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def copy_to_postgres(path: Path, url: str) -> dict[str, int]:
    """Copy every row of a state file into an empty database, all or nothing.

    The file stays as it is, and is refused from then on (:mod:`sqlorch.state.sides`).

    The caller holds every lock under which the file is used. Row ids, fences and the identity of the store
    are kept, and what is counted up goes on where it was.

    Returns:
        How many rows each table has, in both.

    Raises:
        StateError: the file cannot be read, the database cannot be reached or is not empty, or what arrived
            is not what was sent, or the history has gone to another server before.
    """
    if not path.is_file():
        raise StateError(f"there is no state file {path} to copy")
    source = open_database(path, moved=True)  # upgrades an older one
    target = PostgresDatabase(url)
    try:
        with source.read() as old, moving(path, target.where), target.write() as new:
            for unlimited in (_UNLIMITED, _PATIENT):
                new.execute(unlimited)
            refuse_used(new, target.where)
            create_postgres(new)
            counts = {table.name: _copy(table, old, new) for table in metadata.sorted_tables}
            _continue_counting(old, new)
            _verify(old, new, counts, target.where)
    finally:
        source.close()
        target.close()
    return counts


def _copy(table: Table, old: Connection, new: Connection) -> int:
    if table is meta:
        keys: list[str] = list(old.scalars(select(meta.c.key)))
        new.execute(meta.delete().where(meta.c.key.in_(keys)))
    copied = 0
    result = old.execution_options(yield_per=_BATCH).execute(select(table).order_by(*table.primary_key))
    for rows in result.mappings().partitions(_BATCH):
        new.execute(table.insert(), [dict(row) for row in rows])
        copied += len(rows)
    return copied


def _continue_counting(old: Connection, new: Connection) -> None:
    """What counts rows goes on after the last one, which of dataset events may have been pruned."""
    for table in metadata.sorted_tables:
        for column in table.primary_key:
            if column is not table.autoincrement_column:
                continue
            last = old.scalar(select(func.max(column))) or 0
            if table is dataset_event:
                last = max(last, _last_event(old))
            sequence = new.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
            new.execute(select(func.setval(sequence, max(last, 1), last > 0)))


def _last_event(old: Connection) -> int:
    found = old.scalar(sql("SELECT seq FROM sqlite_sequence WHERE name = 'dataset_event'"))
    return int(found or 0)


def _verify(old: Connection, new: Connection, counts: dict[str, int], where: str) -> None:
    broken = [finding.invariant for finding in audit_state(new) if finding.broken]
    there = {finding.invariant for finding in audit_state(old) if finding.broken}
    if fresh := [invariant for invariant in broken if invariant not in there]:
        raise StateError(f"what arrived in {where} is not sound ({fresh[0]}); nothing was kept")
    for table in metadata.sorted_tables:
        arrived = (new.scalar(select(func.count()).select_from(table)) or 0) - len(_OWN[table is meta])
        if arrived != counts[table.name]:
            raise StateError(
                f"{counts[table.name]} rows of {table.name} were sent to {where} and {arrived} arrived; "
                "nothing was kept"
            )
        if _digest(old.execute(select(table)), ()) != _digest(
            new.execute(select(table)), _OWN[table is meta]
        ):
            raise StateError(f"the rows of {table.name} in {where} differ from those sent; nothing was kept")


def _digest(rows: Iterable[Row[Any]], but: Sequence[str]) -> int:
    """A sum over rows in any order: the two databases sort texts differently."""
    total = 0
    for row in rows:
        values = [bytes(value) if isinstance(value, (bytes, memoryview)) else value for value in row]
        if values[0] not in but:
            total += int.from_bytes(blake2b(repr(values).encode(), digest_size=16).digest())
    return total
