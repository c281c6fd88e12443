from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlorch.domain.errors import ExecutionError
from sqlorch.executors.lines import LineReader
from sqlorch.executors.messages import LONGEST, Broken, Drive, NodeEnded, RunEnded, Suspend, decode, encode


@pytest.mark.parametrize(
    "message",
    [
        Drive(run_id="sched-1", max_active=2),
        Suspend(grace=1.5),
        Broken(error="models/a.sql:3: no such thing\nsecond line"),
        NodeEnded(run_id="r", node="n", attempt=1, outcome="error", seconds=0.5, message="é", retry_in=None),
    ],
)
def test_a_message_comes_back_as_it_was_sent(message: Drive) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


@given(st.text(min_size=0, max_size=200).map(lambda text: text * 400))
def test_no_text_makes_a_line_longer_than_is_read(text: str) -> None:
    ended = RunEnded(run_id=text, group=text, state="failed", reason=text, seconds=1.0)
    line = encode(ended)
    assert len(line) <= LONGEST
    assert isinstance(decode(line), RunEnded)


@pytest.mark.parametrize(
    "line",
    [
        b"Traceback (most recent call last):",
        b"{}",
        b"[1, 2]",
        b'{"v": 1, "type": "no such"}',
        b'{"v": 1, "type": "drive"}',
        b'{"v": 1, "type": ["drive"]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ExecutionError, match="not a message"):
        decode(line)


def test_another_version_is_refused_by_its_number() -> None:
    with pytest.raises(ExecutionError, match="version 2"):
        decode(b'{"v": 2, "type": "drive", "run_id": "x"}')


def test_a_field_of_a_younger_worker_is_passed_over() -> None:
    assert decode(b'{"v": 1, "type": "suspend", "grace": 2.0, "mood": "good"}') == Suspend(grace=2.0)


def test_lines_are_put_together_from_pieces() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    reader = LineReader(reading)
    os.write(writing, b"one\ntw")
    assert reader.read() == [b"one"]
    os.write(writing, b"o\n\nthree\nrest")
    assert reader.read() == [b"two", b"three"]
    assert not reader.ended
    os.close(writing)
    assert reader.read() == []
    assert reader.ended
    os.close(reading)


def test_a_line_that_never_ends_is_not_collected_for_ever() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    reader = LineReader(reading)
    with pytest.raises(ExecutionError, match="longer than"):  # noqa: PT012 - it takes several pieces
        for _ in range(3):
            os.write(writing, b"x" * 40_000)
            reader.read()
    os.close(reading)
    os.close(writing)
