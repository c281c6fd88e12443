"""Readers that never stop, publishers that are killed: nobody ever sees half a publication."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pyarrow as pa
import pytest

from sqlorch.engine.ports import ExportTable
from sqlorch.exporters.duckdb_file import DuckDBFile
from sqlorch.exporters.sqlite_file import SQLiteFile
from sqlorch.exporters.workplace import PREFIX

EXPORTERS: dict[str, Any] = {"duckdb": DuckDBFile, "sqlite": SQLiteFile}
ROOT = Path(__file__).parents[3]
PUBLICATIONS = 55  # for each format
ROWS = 500

# Opens the file to ask, or for good: `ask` fails unless both tables are whole and of one publication.
READER = dedent(
    """
    import json, pathlib, sys, time
    kind, target, mode, stop = sys.argv[1], sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])
    if kind == "duckdb":
        import duckdb
        connect = lambda: duckdb.connect(target, read_only=True)
    else:
        import sqlite3
        connect = lambda: sqlite3.connect(f"file:{target}?mode=ro", uri=True)
    QUERY = (
        "SELECT (SELECT min(g) FROM a), (SELECT max(g) FROM a), (SELECT count(*) FROM a),"
        " (SELECT min(g) FROM b), (SELECT max(g) FROM b), (SELECT count(*) FROM b)"
    )
    def ask(connection):
        (low, high, rows, low_b, high_b, rows_b), = connection.execute(QUERY).fetchall()
        assert low == high == low_b == high_b, (low, high, low_b, high_b)
        assert (rows, rows_b) == (ROWS, 2 * ROWS), (rows, rows_b)
        return low
    if mode == "once":
        print(ask(connect()))
        sys.exit()
    held = connect()
    seen = [ask(held)]
    print("ready", flush=True)
    if mode == "fresh":
        # A second handle of one process would share the first one's view of the file in DuckDB.
        held.close()
    while not stop.exists():
        if mode == "fresh":
            held = connect()
        seen.append(ask(held))
        if mode == "fresh":
            held.close()
        time.sleep(0.02)
    print(json.dumps({"asked": len(seen), "seen": sorted(set(seen))}))
    """
).replace("ROWS", str(ROWS))

# Publishes for ever; says when it is in the middle of the second table.
PUBLISHER = dedent(
    """
    import itertools, pathlib, sys, time
    import pyarrow as pa
    from sqlorch.engine.ports import ExportTable
    from sqlorch.exporters.duckdb_file import DuckDBFile
    from sqlorch.exporters.sqlite_file import SQLiteFile
    kind, target, pause = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3] == "pause"
    schema = pa.schema([("g", pa.int64())])
    def batches(g, rows):
        yield pa.record_batch({"g": [g] * (rows // 2)})
        if pause:
            print("middle", flush=True)
            time.sleep(60)
        yield pa.record_batch({"g": [g] * (rows - rows // 2)})
    def table(name, g, rows):
        open = lambda: pa.RecordBatchReader.from_batches(schema, batches(g, rows))
        return ExportTable(name=name, open=open)
    exporter = {"duckdb": DuckDBFile, "sqlite": SQLiteFile}[kind](target)
    for g in itertools.count(1000):
        exporter.publish([table("a", g, ROWS), table("b", g, 2 * ROWS)])
        print(g, flush=True)
    """
).replace("ROWS", str(ROWS))


def generation(g: int) -> list[ExportTable]:
    return [
        ExportTable(name="a", open=pa.table({"g": [g] * ROWS}).to_reader),
        ExportTable(name="b", open=pa.table({"g": [g] * 2 * ROWS}).to_reader),
    ]


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def whole_generation(kind: str, target: Path) -> int:
    """The generation of the file, read by another process; fails unless both tables are whole."""
    reader = start(READER, kind, target, "once", "")
    out, _ = reader.communicate(timeout=120)
    assert reader.returncode == 0
    return int(out)


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_readers_see_whole_publications_and_no_error(kind: str, tmp_path: Path) -> None:
    target, stop = tmp_path / f"m.{kind}", tmp_path / "stop"
    exporter = EXPORTERS[kind](target)
    exporter.publish(generation(0))
    readers = [start(READER, kind, target, mode, stop) for mode in ("hold", "fresh")]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        for g in range(1, PUBLICATIONS + 1):
            exporter.publish(generation(g))
    finally:
        stop.touch()
        answers = [reader.communicate(timeout=120)[0] for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0]
    held, fresh = map(json.loads, answers)
    assert held["asked"] > 20
    assert held["seen"] == [0]
    # It did read while it went on, not before or after.
    assert len(fresh["seen"]) > 5
    assert set(tmp_path.iterdir()) == {target, stop}
    assert whole_generation(kind, target) == PUBLICATIONS


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_publisher_killed_in_the_middle_leaves_the_old_file(kind: str, tmp_path: Path) -> None:
    target = tmp_path / f"m.{kind}"
    EXPORTERS[kind](target).publish(generation(7))
    before = target.read_bytes()
    publisher = start(PUBLISHER, kind, target, "pause")
    assert publisher.stdout is not None
    assert publisher.stdout.readline() == "middle\n"
    (abandoned,) = tmp_path.glob(f"{PREFIX}*")
    # The living one is left alone by others ...
    EXPORTERS[kind](tmp_path / "other.db").publish([])
    assert any(abandoned.iterdir())
    publisher.kill()
    publisher.communicate(timeout=120)
    assert target.read_bytes() == before
    # ... and what it leaves is removed by the next publication.
    assert abandoned.exists()
    EXPORTERS[kind](target).publish(generation(8))
    assert set(tmp_path.iterdir()) == {target, tmp_path / "other.db"}
    assert whole_generation(kind, target) == 8


def test_publishers_killed_at_any_moment_leave_a_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "m.sqlite"
    SQLiteFile(target).publish(generation(7))
    for delay in (0.0, 0.013, 0.029):
        publisher = start(PUBLISHER, "sqlite", target, "go")
        assert publisher.stdout is not None
        assert publisher.stdout.readline() == "1000\n"
        time.sleep(delay)
        publisher.send_signal(signal.SIGKILL)
        last = ["1000", *publisher.communicate(timeout=120)[0].split()][-1]
        # The kill may fall between the swap and the word that it is done.
        assert whole_generation("sqlite", target) - int(last) in {0, 1}
    SQLiteFile(target).publish(generation(8))
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(kind: str, tmp_path: Path) -> None:
    target = tmp_path / f"m.{kind}"
    EXPORTERS[kind](target).publish(generation(7))
    program = dedent(
        """
        import pathlib, resource, signal, sys
        import pyarrow as pa
        from sqlorch.domain.errors import IntegrationError
        from sqlorch.engine.ports import ExportTable
        from sqlorch.exporters.duckdb_file import DuckDBFile
        from sqlorch.exporters.sqlite_file import SQLiteFile
        # No file may grow beyond this: the same failure of write() that a full disk is.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        rows = pa.table({"x": [f"{i * 7919 % 100003:032x}" for i in range(300_000)]})
        exporter = {"duckdb": DuckDBFile, "sqlite": SQLiteFile}[sys.argv[1]](pathlib.Path(sys.argv[2]))
        try:
            exporter.publish([ExportTable(name="big", open=rows.to_reader)])
        except IntegrationError as error:
            print(error)
        """
    )
    run = start(program, kind, target)
    out, _ = run.communicate(timeout=120)
    assert run.returncode == 0
    assert out.startswith(f"cannot publish to {target}: ")
    assert out.endswith("; the file published before is unchanged\n")
    assert out.count("\n") == 1
    assert list(tmp_path.iterdir()) == [target]
    assert whole_generation(kind, target) == 7
