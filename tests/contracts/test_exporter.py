"""What every exporter to a file promises, whatever the format."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from sqlorch.domain.errors import IntegrationError
from sqlorch.engine.ports import ExportTable
from sqlorch.exporters.duckdb_file import DuckDBFile
from sqlorch.exporters.sqlite_file import SQLiteFile
from sqlorch.exporters.workplace import PREFIX, workplace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlorch.engine.ports import Exporter

Rows = list[tuple[Any, ...]]
NOBODY = 65534


def duckdb_query(path: Path, sql: str) -> Rows:
    with closing(duckdb.connect(str(path), read_only=True)) as connection:
        return connection.execute(sql).fetchall()


def sqlite_query(path: Path, sql: str) -> Rows:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


@dataclass(frozen=True)
class Kind:
    make: Callable[[Path], Exporter]
    query: Callable[[Path, str], Rows]
    suffix: str


@pytest.fixture(params=["duckdb", "sqlite"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return {
        "duckdb": Kind(DuckDBFile, duckdb_query, "duckdb"),
        "sqlite": Kind(SQLiteFile, sqlite_query, "sqlite"),
    }[request.param]


@pytest.fixture
def target(kind: Kind, tmp_path: Path) -> Path:
    return tmp_path / f"metrics.{kind.suffix}"


def table(name: str, **columns: list[Any]) -> ExportTable:
    return ExportTable(name=name, open=pa.table(columns).to_reader)


def failing(name: str, error: Exception) -> ExportTable:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise error

    schema = pa.schema([("a", pa.int64())])
    return ExportTable(name=name, open=lambda: pa.RecordBatchReader.from_batches(schema, batches()))


def test_publishes_tables_in_many_batches(kind: Kind, target: Path) -> None:
    many = pa.table({"i": list(range(5000))})
    tables = [
        ExportTable(
            name="many", open=lambda: pa.RecordBatchReader.from_batches(many.schema, many.to_batches(7))
        ),
        table("few", a=["x", None]),
    ]
    publication = kind.make(target).publish(iter(tables))
    assert (publication.path, dict(publication.rows)) == (target, {"many": 5000, "few": 2})
    assert publication.size == target.stat().st_size
    assert kind.query(target, "SELECT count(*), min(i), max(i), sum(i) FROM many") == [
        (5000, 0, 4999, 12_497_500)
    ]
    assert kind.query(target, "SELECT a FROM few") == [("x",), (None,)]


def test_a_publication_replaces_all_of_the_one_before(kind: Kind, target: Path) -> None:
    kind.make(target).publish([table("old", a=[1]), table("kept", a=[1])])
    kind.make(target).publish([table("kept", b=[2])])
    assert kind.query(target, "SELECT b FROM kept") == [(2,)]
    with pytest.raises((duckdb.Error, sqlite3.Error)):
        kind.query(target, "SELECT * FROM old")


def test_leaves_one_file_and_nothing_else(kind: Kind, target: Path) -> None:
    for _ in range(3):
        kind.make(target).publish([table("t", a=[1, 2, 3])])
    assert list(target.parent.iterdir()) == [target]


def test_no_tables_and_no_rows(kind: Kind, target: Path) -> None:
    assert kind.make(target).publish([]).rows == {}
    assert target.exists()
    empty = pa.schema(
        [("a", pa.timestamp("us")), ("b", pa.decimal128(38, 4)), ("c", pa.null())]
    ).empty_table()
    assert kind.make(target).publish([ExportTable(name="empty", open=empty.to_reader)]).rows == {"empty": 0}
    assert kind.query(target, "SELECT a, b, c FROM empty") == []


@pytest.mark.parametrize(
    "name", ["select", 'a"b', "it's", "Ünïcödé 😀", "a b\tc", "-- x", "{c}", "%s", "arriving", "1"]
)
def test_any_name_is_kept(kind: Kind, target: Path, name: str) -> None:
    kind.make(target).publish([table(name, **{name: ["v"], "other": ["w"]}), table("next", a=[1])])
    quoted = '"' + name.replace('"', '""') + '"'
    assert kind.query(target, f"SELECT {quoted}, other FROM {quoted}") == [("v", "w")]
    assert kind.query(target, "SELECT a FROM next") == [(1,)]


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ([table("t", id=[1], ID=[2])], "table t: the columns id and ID are one name"),
        (
            [ExportTable(name="t", open=pa.table([[1], [2]], names=["a", "a"]).to_reader)],
            "columns a and a are one name",
        ),
        ([table("t", **{"": [1]})], "table t: a column has no name"),
        ([ExportTable(name="t", open=pa.table([], names=[]).to_reader)], "table t: it has no columns"),
        ([table("Runs", a=[1]), table("runs", a=[1])], "two tables are named Runs and runs"),
        ([table("", a=[1])], "a table has no name"),
    ],
)
def test_names_that_cannot_be_kept_are_refused(
    kind: Kind, target: Path, tables: list[ExportTable], sentence: str
) -> None:
    kind.make(target).publish([table("before", a=[7])])
    with pytest.raises(IntegrationError) as refused:
        kind.make(target).publish(tables)
    assert str(refused.value).startswith(f"cannot publish to {target}: ")
    assert sentence in str(refused.value)
    assert kind.query(target, "SELECT a FROM before") == [(7,)]
    assert list(target.parent.iterdir()) == [target]


def test_names_that_differ_beyond_ascii_case_are_two(kind: Kind, target: Path) -> None:
    kind.make(target).publish([table("t", É=[1], é=[2])])
    assert kind.query(target, 'SELECT "É", "é" FROM t') == [(1, 2)]


@pytest.mark.parametrize("error", [ValueError("the source is gone"), IntegrationError("the source is gone")])
def test_a_source_that_fails_leaves_the_old_file(kind: Kind, target: Path, error: Exception) -> None:
    kind.make(target).publish([table("t", a=[7])])
    with pytest.raises(IntegrationError) as refused:
        kind.make(target).publish([table("t", a=[8]), failing("u", error)])
    assert str(refused.value) == (
        f"cannot publish to {target}: table u: the source is gone; the file published before is unchanged"
    )
    assert kind.query(target, "SELECT a FROM t") == [(7,)]
    assert list(target.parent.iterdir()) == [target]


def test_a_source_that_does_not_open_is_named(kind: Kind, target: Path) -> None:
    @contextmanager
    def broken() -> Iterator[Any]:
        raise OSError("warehouse unreachable\nwith details")
        yield

    with pytest.raises(IntegrationError) as refused:
        kind.make(target).publish([ExportTable(name="u", open=broken)])
    assert str(refused.value) == f"cannot publish to {target}: table u: warehouse unreachable"
    assert list(target.parent.iterdir()) == []


def test_an_interrupt_cleans_up_and_goes_on(kind: Kind, target: Path) -> None:
    def tables() -> Iterator[ExportTable]:
        yield table("t", a=[1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kind.make(target).publish(tables())
    assert list(target.parent.iterdir()) == []


def test_sources_are_let_go_of(kind: Kind, target: Path) -> None:
    events: list[str] = []

    @contextmanager
    def source() -> Iterator[Any]:
        events.append("open")
        yield pa.table({"a": [1]}).to_reader()
        events.append("closed")

    kind.make(target).publish(ExportTable(name=name, open=source) for name in ("t", "u"))
    assert events == ["open", "closed"] * 2


def test_a_handle_opened_before_reads_the_old_rows_for_ever(kind: Kind, target: Path) -> None:
    kind.make(target).publish([table("t", a=[1] * 3000)])
    connect = duckdb.connect if kind.suffix == "duckdb" else sqlite3.connect
    with closing(connect(str(target))) as held, target.open("rb") as raw:
        before = raw.read()
        kind.make(target).publish([table("t", a=[2] * 10)])
        assert held.execute("SELECT min(a), max(a), count(*) FROM t").fetchall() == [(1, 1, 3000)]
        raw.seek(0)
        assert raw.read() == before


def test_follows_symbolic_links(kind: Kind, target: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / f"real.{kind.suffix}"
    target.symlink_to(real)
    for value in (1, 2):  # first while the link dangles
        kind.make(target).publish([table("t", a=[value])])
        assert target.is_symlink()
        assert kind.query(real, "SELECT a FROM t") == [(value,)]
    assert list(real.parent.iterdir()) == [real]


def test_a_link_to_itself_is_refused(kind: Kind, target: Path) -> None:
    target.symlink_to(target)
    with pytest.raises(IntegrationError, match="it is a symbolic link to itself"):
        kind.make(target).publish([table("t", a=[1])])


def test_makes_missing_folders(kind: Kind, tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / f"m.{kind.suffix}"
    kind.make(target).publish([table("t", a=[1])])
    assert kind.query(target, "SELECT a FROM t") == [(1,)]


def test_a_folder_is_no_target(kind: Kind, target: Path) -> None:
    target.mkdir()
    with pytest.raises(IntegrationError, match="it is a folder; name a file"):
        kind.make(target).publish([table("t", a=[1])])


def test_a_file_is_no_folder(kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    target = tmp_path / "file" / f"m.{kind.suffix}"
    with pytest.raises(IntegrationError, match=f"^cannot publish to {target}: "):
        kind.make(target).publish([table("t", a=[1])])


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """A folder that may be read and not written by the user this test runs as."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:  # the superuser may write everywhere: be somebody else meanwhile
        os.seteuid(NOBODY)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
    for left in folder.iterdir():
        left.unlink()
    folder.rmdir()


def test_a_read_only_folder_is_named(kind: Kind, forbidden: Path) -> None:
    target = forbidden / f"m.{kind.suffix}"
    with pytest.raises(IntegrationError) as refused:
        kind.make(target).publish([table("t", a=[1])])
    assert str(refused.value).startswith(f"cannot publish to {target}: Permission denied")
    assert list(forbidden.iterdir()) == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_keeps_the_permissions_of_the_old_file(kind: Kind, target: Path, mode: int) -> None:
    kind.make(target).publish([table("t", a=[1])])
    target.chmod(mode)
    kind.make(target).publish([table("t", a=[2])])
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert kind.query(target, "SELECT a FROM t") == [(2,)]


def test_logs_of_the_old_file_do_not_reach_the_new_one(kind: Kind, target: Path) -> None:
    # Somebody wrote into the published file and died: replayed into the next one, this would corrupt it.
    kind.make(target).publish([table("t", a=[1])])
    for ending in (".wal", "-wal", "-journal", "-shm"):
        target.with_name(target.name + ending).write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" * 512)
    kind.make(target).publish([table("t", a=[2])])
    assert kind.query(target, "SELECT a FROM t") == [(2,)]
    assert list(target.parent.iterdir()) == [target]


def test_removes_what_the_dead_left_and_nothing_of_the_living(kind: Kind, target: Path) -> None:
    empty = target.with_name(f"{PREFIX}empty")
    empty.mkdir()
    dead = target.with_name(f"{PREFIX}dead")
    (dead / "spill").mkdir(parents=True)
    for name in ("lock", "landing.duckdb", "spill/part"):
        (dead / name).write_bytes(b"x")
    strange = target.with_name(f"{PREFIX}strange")  # no lock: not made by us
    strange.mkdir()
    (strange / "theirs").write_bytes(b"x")
    link = target.with_name(f"{PREFIX}link")
    link.symlink_to(strange)
    with workplace(target.parent) as alive:
        (alive / "half").write_bytes(b"x")
        kind.make(target).publish([table("t", a=[1])])
        assert (alive / "half").exists()
        assert set(target.parent.iterdir()) == {target, strange, link, alive}
    assert set(target.parent.iterdir()) == {target, strange, link}
