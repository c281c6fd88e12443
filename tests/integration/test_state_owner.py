import os
import subprocess
import sys
import time
from dataclasses import replace

from sqlorch.state.owner import current_owner, is_alive


def test_this_process_is_alive_and_always_the_same():
    assert current_owner() == current_owner()
    assert current_owner().pid == os.getpid()
    assert is_alive(current_owner())


def test_an_ended_process_is_gone():
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert not is_alive(replace(current_owner(), pid=child.pid))


def test_a_running_child_is_alive_and_gone_once_killed_even_before_it_is_waited_for():
    script = (
        "from sqlorch.state.owner import current_owner as o; import dataclasses, time\n"
        "print(o().started, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
        owner = replace(current_owner(), pid=child.pid, started=int(child.stdout.readline()))
        assert is_alive(owner)
        child.kill()
        deadline = time.monotonic() + 10
        while is_alive(owner) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert child.returncode is None, "nobody has waited for it yet"
        assert not is_alive(owner)


def test_a_later_process_with_the_same_pid_is_another_one():
    me = current_owner()
    assert me.started > 0
    assert not is_alive(replace(me, started=me.started - 1))


def test_a_process_from_before_the_last_boot_is_gone():
    assert not is_alive(replace(current_owner(), boot_id="another-boot"))


def test_a_process_of_another_host_cannot_be_seen_and_counts_as_alive():
    assert is_alive(replace(current_owner(), host="elsewhere", boot_id="another", pid=1))


def test_someone_elses_process_is_alive():
    init = replace(current_owner(), pid=1, started=0)
    assert is_alive(init)
