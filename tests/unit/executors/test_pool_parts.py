"""Frames between a process and its forks, and when a worker is replaced."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sqlorch.domain.errors import ExecutionError
from sqlorch.executors.pool import wire as wire_module
from sqlorch.executors.pool.member import Limits, Member, how_it_ended
from sqlorch.executors.pool.rooms import rooms_for
from sqlorch.executors.pool.wire import Wire
from sqlorch.executors.pool.words import Beat, Cancel
from sqlorch.executors.pool.zygote import UNKILLABLE

LIMITS = Limits(nodes=10, growth=1_000, silence=30.0, heed=5.0)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    yield one, other
    one.close()
    other.close()


def all_of(wire: Wire, count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        assert wire.readable(5)
        messages = wire.receive()
        assert messages is not None
        found += messages
    return found


def test_messages_arrive_whole_and_in_order(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = map(Wire, ends)
    sent = [Beat(resident=7), Cancel(unique_ids=["x" * 1_000_000]), Cancel(unique_ids=None)]
    sender = threading.Thread(target=lambda: [ours.send(message) for message in sent])
    sender.start()
    assert all_of(theirs, 3) == sent
    sender.join()
    assert theirs.receive() == []


def test_the_end_is_told_apart_from_silence(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = map(Wire, ends)
    assert not theirs.readable(0)
    ours.close()
    assert theirs.readable(0)
    assert theirs.receive() is None
    assert theirs.send(Beat(resident=1)) is False


def test_what_is_no_frame_is_refused(ends: tuple[socket.socket, socket.socket]) -> None:
    raw, theirs = ends[0], Wire(ends[1])
    raw.sendall(b"\x09\xff\xff\xff\xff")
    with pytest.raises(ExecutionError, match="no message"):
        theirs.receive()


def test_a_message_has_a_largest_size(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_module, "LARGEST", 100)
    with pytest.raises(ExecutionError, match="too large"):
        Wire(ends[0]).send(Cancel(unique_ids=["x" * 200]))


def test_who_is_not_patient_does_not_wait_for_one_who_does_not_read(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours = Wire(ends[0])
    ends[0].setblocking(False)
    while select.select([], [ends[0]], [], 0)[1]:
        ends[0].send(b"\0" * 65_536)
    ends[0].setblocking(True)
    assert ours.send(Cancel(unique_ids=None), patient=False) is False


@pytest.mark.parametrize(
    ("threads", "processes", "processors", "rooms"),
    [
        (4, None, 2, [2, 2]),
        (5, None, 2, [3, 2]),
        (1, None, 8, [1]),
        (3, None, 8, [1, 1, 1]),
        (4, 1, 8, [4]),
        (4, 9, 2, [1, 1, 1, 1]),
    ],
)
def test_threads_are_shared_out(
    threads: int, processes: int | None, processors: int, rooms: list[int]
) -> None:
    assert rooms_for(threads, processes, processors=processors) == rooms


def member(end: socket.socket, **more: Any) -> Member:
    return Member(number=1, pid=1, wire=Wire(end), room=2, heard=100.0, **more)


def test_a_worker_is_worn_by_nodes_or_memory(ends: tuple[socket.socket, socket.socket]) -> None:
    assert not member(ends[0], nodes=9, baseline=5_000, resident=6_000).worn(LIMITS)
    assert member(ends[0], nodes=10).worn(LIMITS)
    assert member(ends[0], baseline=5_000, resident=6_001).worn(LIMITS)


def test_a_worker_is_stuck_when_silent_or_when_a_node_does_not_stop(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    one = member(ends[0])
    assert one.stuck(LIMITS, 130.0) == ""
    assert "no sign of life for 30 s" in one.stuck(LIMITS, 130.1)
    one.expect(1, "model.a")
    one.expect(2, "model.b")
    one.cancel({"model.b"})
    began = one.asked[2].cancelled
    assert began is not None
    assert one.asked[1].cancelled is None
    one.heard = began
    assert one.stuck(LIMITS, began + 5.0) == ""
    assert one.stuck(LIMITS, began + 5.1) == "model.b did not stop within 5 s"
    (told,) = all_of(Wire(ends[1]), 1)
    assert told == Cancel(unique_ids=["model.b"])


def test_a_full_or_doomed_worker_takes_nothing(ends: tuple[socket.socket, socket.socket]) -> None:
    one = member(ends[0])
    assert one.free == 2
    one.expect(1, "a")
    assert one.free == 1
    one.doomed = "stuck"
    assert one.free == 0


def test_how_a_process_ended_is_told_in_words() -> None:
    assert how_it_ended(9) == "signal 9"
    assert how_it_ended(1 << 8) == "exit code 1"
    assert how_it_ended(UNKILLABLE) == "the system does not let go of it"
