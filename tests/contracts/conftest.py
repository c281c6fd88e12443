"""Opens a store of every kind; a kind that is added here is held to all that stores promise."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.postgres import Postgres, running_postgres
from support.stores import ME

from sqlorch.state.store import SqlStore


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], SqlStore]]:
    """Opens the same store again each time it is called."""
    opened: list[SqlStore] = []
    url: str | None = None
    if request.param == "postgresql":
        url = request.getfixturevalue("server").new_schema()

    def opener() -> SqlStore:
        opened.append(SqlStore.open(tmp_path / "state" / "state.db", url=url, owner=ME))
        return opened[-1]

    yield opener
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], SqlStore]) -> SqlStore:
    return open_store()
