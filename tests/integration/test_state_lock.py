import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.projects import environment

from sqlorch.domain.errors import StateError
from sqlorch.state.lock import FileLock, LockedError, run_lock

HOLD = """
import sys, time
from pathlib import Path
from sqlorch.state.lock import run_lock
with run_lock(Path(sys.argv[1]), command="sqlorch run --interval 2013-01"):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    return child


def test_the_loser_is_told_who_holds_it_since_when_and_what_to_do(tmp_path: Path):
    with holder(tmp_path) as child:
        with pytest.raises(StateError) as refused, run_lock(tmp_path, command="sqlorch retry x"):
            pytest.fail("two processes held the lock")
        child.kill()
    message = str(refused.value)
    assert (
        f"process {child.pid} on {os.uname().nodename} (sqlorch run --interval 2013-01), since 20" in message
    )
    assert (
        f"is driving runs of this project; wait until it has finished or end it (lock file {tmp_path}"
        in message
    )


def test_a_killed_holder_lets_go_at_once(tmp_path: Path):
    with holder(tmp_path) as child:
        os.kill(child.pid, signal.SIGKILL)
    with run_lock(tmp_path, command="next"):
        assert '"command": "next"' in (tmp_path / "run.lock").read_text()


def test_waiting_for_the_lock_ends_with_it(tmp_path: Path):
    with holder(tmp_path) as child:
        began = time.monotonic()
        with pytest.raises(StateError), run_lock(tmp_path, command="b", timeout=0.2):
            pytest.fail("two processes held the lock")
        assert time.monotonic() - began >= 0.2
        child.terminate()
        with run_lock(tmp_path, command="b", timeout=20):
            pass


def test_it_is_exclusive_within_a_process_and_free_after(tmp_path: Path):
    first = run_lock(tmp_path, command="a")
    first.acquire()
    with pytest.raises(StateError, match=f"process {os.getpid()} "):
        run_lock(tmp_path, command="b").acquire()
    first.release()
    first.release()
    with run_lock(tmp_path, command="b"):
        pass


def test_a_holder_that_has_not_signed_yet_is_another_process(tmp_path: Path):
    with run_lock(tmp_path, command="a"):
        (tmp_path / "run.lock").write_text("{")
        with pytest.raises(StateError, match=r"^another process is driving runs"):
            run_lock(tmp_path, command="b").acquire()


def test_the_lock_file_is_private(tmp_path: Path):
    with run_lock(tmp_path, command="a"):
        assert (tmp_path / "run.lock").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path):
    with pytest.raises(StateError, match=r"cannot be kept at .*gone/run.lock: No such file"):
        FileLock(tmp_path / "gone" / "run.lock", doing="works", command="x").acquire()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system does not have")
def test_the_children_of_a_killed_holder_are_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from sqlorch.state.lock import FileLock\n"
        "FileLock(Path(sys.argv[1]), doing='is busy', command='c').acquire()\n"
        "if os.fork() == 0:\n"
        "    time.sleep(1.0)\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], env=environment(), check=True)
    with pytest.raises(LockedError), FileLock(path, doing="is busy", command="d", keep_open=True):
        pass  # a daemon does not wait: it looks again
    with FileLock(path, doing="is busy", command="d"):
        pass
