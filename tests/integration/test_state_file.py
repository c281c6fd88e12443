"""The state file: made, found again, refused when it is not what it was."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlorch.domain.errors import StateError
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeSpec, RunSpec
from sqlorch.state.schema import make_private_folder
from sqlorch.state.store import SqlStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def spec(run_id: str, nodes: int = 1) -> RunSpec:
    return RunSpec(
        run_id=run_id,
        group="daily",
        interval=Interval(T0, T0),
        timezone="UTC",
        variables={},
        nodes=[
            NodeSpec(unique_id=f"model.shop.number_{n}", name=f"number_{n}", kind="model")
            for n in range(nodes)
        ],
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state file with one run in it, closed."""
    path = tmp_path / ".sqlorch" / "state.db"
    with SqlStore.open(path) as store:
        store.create_run(spec("r1", nodes=200), now=T0)
    return path


def run_ids(path: Path) -> list[str]:
    with SqlStore.open(path) as store:
        return [run.run_id for run in store.runs()]


def refusal(path: Path) -> str:
    with pytest.raises(StateError) as refused:
        SqlStore.open(path, busy_timeout=0.2)
    message = str(refused.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_folder_and_files_are_private_whatever_the_umask(tmp_path: Path):
    before = os.umask(0)
    try:
        path = tmp_path / "deep" / ".sqlorch" / "state.db"
        with SqlStore.open(path) as store:
            store.create_run(spec("r1"), now=T0)
            modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert modes == dict.fromkeys(
        [".gitignore", "state.db", "state.db-wal", "state.db-shm", "state.uuid", "state.lock"], 0o600
    )


def test_a_folder_that_exists_is_left_as_it_is(tmp_path: Path):
    tmp_path.chmod(0o750)
    SqlStore.open(tmp_path / "state.db").close()
    assert tmp_path.stat().st_mode & 0o777 == 0o750
    make_private_folder(tmp_path, within=["runs"])
    assert (tmp_path / "runs").stat().st_mode & 0o777 == 0o700
    assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_what_was_written_is_there_at_the_next_opening(path: Path):
    assert run_ids(path) == ["r1"]
    left = sorted(file.name for file in path.parent.iterdir())
    assert left == [".gitignore", "state.db", "state.lock", "state.uuid"]
    assert (path.parent / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("existing", [True, False])
def test_opening_a_current_or_new_file_does_not_import_alembic(tmp_path: Path, existing: bool):
    path = tmp_path / "state.db"
    if existing:
        SqlStore.open(path).close()
    script = (
        "import sys; from pathlib import Path; from sqlorch.state.store import SqlStore\n"
        "SqlStore.open(Path(sys.argv[1])).close(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)


def test_a_folder_in_place_of_the_file(tmp_path: Path):
    (tmp_path / "state.db").mkdir()
    assert "is a folder; move it away" in refusal(tmp_path / "state.db")


def test_a_file_in_place_of_the_folder(tmp_path: Path):
    (tmp_path / ".sqlorch").write_text("")
    with pytest.raises(StateError, match=r"cannot be kept at .*/\.sqlorch: File exists"):
        SqlStore.open(tmp_path / ".sqlorch" / "state.db")


def test_an_emptied_file_is_not_taken_for_a_new_one(path: Path):
    path.write_bytes(b"")
    assert "is damaged (it has been emptied); put a good copy in its place" in refusal(path)
    assert path.stat().st_size == 0


def test_an_empty_file_never_used_is_a_new_one(tmp_path: Path):
    (tmp_path / "state.db").touch()
    assert run_ids(tmp_path / "state.db") == []


def test_a_deleted_file_is_not_silently_made_anew(path: Path):
    path.unlink()
    message = refusal(path)
    assert "is gone, with the history of runs it held; put a copy back" in message
    assert f"or delete {path.with_suffix('.uuid')} to start with an empty history" in message
    path.with_suffix(".uuid").unlink()
    assert run_ids(path) == []


def test_a_file_whose_tables_are_gone(path: Path):
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert "is damaged (its tables are gone)" in refusal(path)


@pytest.mark.parametrize(
    "content", [b"hello, this is a text file\n" * 300, b"SQLite format 3\0" + b"\xff" * 8000]
)
def test_another_kind_of_file(path: Path, content: bytes):
    path.write_bytes(content)
    assert "is damaged (" in refusal(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("kept", [100, 4096, 20_000])
def test_a_truncated_file(path: Path, kept: int):
    whole = path.read_bytes()
    assert len(whole) > kept
    path.write_bytes(whole[:kept])
    assert "is damaged (" in refusal(path)
    path.write_bytes(whole)
    assert run_ids(path) == ["r1"]


def test_damage_inside_a_page_is_found_at_the_start(path: Path):
    page = 4096
    content = bytearray(path.read_bytes())
    leaf = next(n for n in range(1, len(content) // page) if content[n * page] in {10, 13})
    content[leaf * page + 8 : leaf * page + 200] = b"\xff" * 192
    path.write_bytes(content)
    assert "is damaged (" in refusal(path)


def test_the_database_of_another_program(tmp_path: Path):
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title)")
    connection.close()
    assert "is a database of another program" in refusal(path)


def test_the_state_of_another_project_put_in_its_place(path: Path, tmp_path: Path):
    other = tmp_path / "other" / "state.db"
    SqlStore.open(other).close()
    shutil.copy(other, path)
    side = path.with_suffix(".uuid")
    assert f"is not the one that was here before; put that one back, or delete {side}" in refusal(path)
    side.unlink()
    assert run_ids(path) == []


def test_a_good_copy_put_back_is_accepted(path: Path, tmp_path: Path):
    connection = sqlite3.connect(path)
    connection.execute("VACUUM INTO ?", [str(tmp_path / "copy.db")])
    connection.close()
    path.write_bytes(b"")
    (tmp_path / "copy.db").replace(path)
    assert run_ids(path) == ["r1"]


def test_a_large_file_is_checked_once_a_day(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sqlorch.state.schema._CHECK_ALWAYS_BELOW", 0)
    side = path.with_suffix(".uuid")
    checked = side.stat().st_mtime
    os.utime(side, (checked - 3600, checked - 3600))
    SqlStore.open(path).close()
    assert side.stat().st_mtime == checked - 3600
    os.utime(side, (checked - 90_000, checked - 90_000))
    SqlStore.open(path).close()
    assert side.stat().st_mtime >= checked


def test_a_full_disk_loses_nothing_and_says_so(path: Path):
    with SqlStore.open(path) as store:
        with store._database.read() as connection:
            raw = connection.connection.driver_connection
            raw.execute(f"PRAGMA max_page_count = {raw.execute('PRAGMA page_count').fetchone()[0]}")
        with pytest.raises(StateError, match=r"the disk is full; free some space and repeat \(everything"):
            store.create_run(spec("r2", nodes=2000), now=T0)
        assert [run.run_id for run in store.runs()] == ["r1"]
        with store._database.read() as connection:
            connection.connection.driver_connection.execute("PRAGMA max_page_count = 1000000")
        store.create_run(spec("r2", nodes=2000), now=T0)
    assert run_ids(path) == ["r2", "r1"]


@pytest.fixture
def tiny_disk() -> Iterator[Path]:
    """A file system of 300 kB, where this user may mount one; else a folder of the ordinary disk."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], check=False, capture_output=True
        )
        yield Path(folder)
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_fills_up_while_runs_are_written(tiny_disk: Path):
    path = tiny_disk / ".sqlorch" / "state.db"
    acknowledged = []
    store = SqlStore.open(path)
    capacity = os.statvfs(tiny_disk).f_blocks * os.statvfs(tiny_disk).f_frsize
    # Where no small file system could be mounted the writes all succeed: then there is nothing to refuse.
    for n in range(40):
        try:
            store.create_run(spec(f"r{n}", nodes=50), now=T0)
        except StateError as error:
            message = str(error)
            assert "disk is full" in message or "could not be read or written" in message
            assert "everything recorded before is kept" in message
            break
        acknowledged.append(f"r{n}")
    else:
        assert capacity > 10_000_000
    assert [run.run_id for run in reversed(store.runs())] == acknowledged
    store.close()


def as_nobody(work: Callable[[], str]) -> str:
    """What ``work`` returns in a child process that has no special rights."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            answer = work()
        except Exception as error:  # noqa: BLE001 - the parent shows whatever it was
            answer = f"{type(error).__name__}: {error}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return answer


def open_and_write(path: Path) -> str:
    try:
        with SqlStore.open(path) as store:
            store.create_run(spec("r9"), now=T0)
    except StateError as error:
        return str(error)
    return "written"


@pytest.fixture
def anyones_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)
        Path(folder).chmod(0o700)


def test_a_folder_nobody_may_write_to(anyones_folder: Path):
    path = anyones_folder / "state.db"
    anyones_folder.chmod(0o555)
    message = as_nobody(lambda: open_and_write(path))
    assert f"the state cannot be kept at {anyones_folder}/state.lock: Permission denied" in message
    deeper = as_nobody(lambda: open_and_write(anyones_folder / ".sqlorch" / "state.db"))
    assert f"the state cannot be kept at {anyones_folder}/.sqlorch: Permission denied" in deeper


def test_a_folder_nobody_may_look_into(anyones_folder: Path):
    path = anyones_folder / "state.db"
    anyones_folder.chmod(0o000)
    message = as_nobody(lambda: open_and_write(path))
    assert message.startswith(f"the state cannot be kept at {path}: Permission denied; {anyones_folder} must")


def test_a_side_file_of_garbage_is_another_store(path: Path):
    path.with_suffix(".uuid").write_bytes(b"\xff\xfe\x00")
    assert "is not the one that was here before" in refusal(path)


def test_a_file_that_became_read_only(anyones_folder: Path):
    path = anyones_folder / "state.db"
    assert as_nobody(lambda: open_and_write(path)) == "written"
    path.chmod(0o444)
    anyones_folder.chmod(0o555)
    message = as_nobody(lambda: open_and_write(path))
    assert message.startswith(f"the state file {path} ")
    assert "writable for you" in message
    path.chmod(0o000)
    message = as_nobody(lambda: open_and_write(path))
    assert message.startswith(f"the state file {path} cannot be opened")
