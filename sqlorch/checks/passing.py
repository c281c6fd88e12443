"""Errors of the database that may pass, noticed while Great Expectations works.

The library puts whatever a query raises into its results, where a lock that was not to be had looks like data
that is not as expected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlorch.domain.errors import TransientError
from sqlorch.domain.retry import classify
from sqlorch.domain.run import ErrorClass


class Passing:
    """The first error of an engine that may pass.

    Only its words are kept: the frames of an exception hold the connection.

    Args:
        tell: makes of the driver's words what may be shown.
    """

    def __init__(self, tell: Callable[[str], str]) -> None:
        self._tell = tell
        self._told: str | None = None

    def watch(self, engine: Any) -> None:
        """Be told of each error of what is executed on a SQLAlchemy engine."""
        from sqlalchemy import event  # noqa: PLC0415 - only with expectations

        event.listen(engine, "handle_error", self._heed)

    def _heed(self, context: Any) -> None:
        error = context.original_exception
        if self._told is None and classify(error) is ErrorClass.TRANSIENT:
            self._told = self._tell(str(error))

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Whatever comes of the work within, once there was such an error: it says nothing of the data.

        Raises:
            TransientError: there was one.
        """
        try:
            yield
        finally:
            if self._told is not None:
                raise TransientError(
                    f"the database could not answer while expectations were checked: {self._told}"
                )
