from __future__ import annotations

import errno
from pathlib import Path

import pytest

from sqlorch.domain.errors import IntegrationError
from sqlorch.exporters.refusal import in_one_line, refusing


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("first line.\n\nStack trace:\n 0x1"), "first line"),
        (
            OSError("IOError: Invalid Input Error: bang. Detail: Python exception: Traceback"),
            "Invalid Input Error: bang",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "No space left on device (/x/y)"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (KeyError(), "KeyError"),
    ],
)
def test_what_an_exception_says_fits_one_line(error: Exception, sentence: str) -> None:
    assert in_one_line(error) == sentence


def test_names_the_target_and_what_was_done() -> None:
    with (
        pytest.raises(IntegrationError, match=r"^cannot publish to /nowhere/m\.duckdb: table x: boom$"),
        refusing(Path("/nowhere/m.duckdb"), ValueError, about="table x"),
    ):
        raise ValueError("boom")


def test_leaves_other_exceptions_alone() -> None:
    with pytest.raises(KeyError), refusing(Path("/nowhere/m.duckdb"), ValueError):
        raise KeyError("x")
