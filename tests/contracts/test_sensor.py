"""What every sensor promises, whatever it looks at."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from support.web import serving

from sqlorch.domain.errors import IntegrationError
from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness
from sqlorch.engine.sensor_ports import Occasion, Sensor, Warehouse
from sqlorch.sensors.file import FileSensor
from sqlorch.sensors.freshness import FreshnessSensor
from sqlorch.sensors.http import HttpSensor
from sqlorch.sensors.registry import GROUP, sensor_factory
from sqlorch.sensors.sql import SqlSensor


def source(name: str, status: FreshnessStatus = FreshnessStatus.PASS) -> SourceFreshness:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return SourceFreshness(
        unique_id=f"source.shop.raw.{name}", source=f"raw.{name}", status=status, snapshotted_at=now
    )


@dataclass
class Table:
    """A warehouse with one table; the real ones are in tests/integration/test_sensor_warehouse.py."""

    row: tuple[Any, ...] | None = None
    tables: Sequence[SourceFreshness] = ()
    broken: bool = False

    def first_row(self, sql: str) -> tuple[Any, ...] | None:
        if self.broken:
            raise IntegrationError("no such table")
        assert sql == "select done from loads"
        return self.row

    def freshness(self, source: str) -> Sequence[SourceFreshness]:
        if self.broken:
            raise IntegrationError("no such source")
        assert source == "raw"
        return self.tables


@dataclass
class Case:
    """How to make one kind of sensor, make it come true, and keep it from looking."""

    make: Callable[[Occasion], Sensor]
    target: str
    come_true: Callable[[], object]
    break_it: Callable[[], str | None]  # another target where that is what breaks it
    folder: Path
    warehouse: Table = field(default_factory=Table)
    options: Mapping[str, Any] = field(default_factory=dict)

    def sensor(self, target: str | None = None) -> Sensor:
        @contextmanager
        def opened() -> Iterator[Warehouse]:
            yield self.warehouse

        occasion = Occasion(
            target=target or self.target,
            options=self.options,
            project_dir=self.folder,
            allow_hosts=["127.0.0.1"],
            warehouse=opened,
        )
        return self.make(occasion)


@contextmanager
def local_file(folder: Path) -> Iterator[Case]:
    home = folder / "it's [here]"  # the project's own folder is no pattern
    home.mkdir()
    yield Case(
        make=FileSensor,
        target="in/2013-*.csv",
        come_true=lambda: ((home / "in").mkdir(), (home / "in" / "2013-01-03.csv").touch()),
        break_it=lambda: "~nobody-of-this-name/x",
        folder=home,
    )


@contextmanager
def s3(folder: Path) -> Iterator[Case]:
    bucket = f"raw-{secrets.token_hex(4)}"  # every server in this process has the same buckets
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    values = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    client = boto3.client("s3")

    def upload() -> None:
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key="flights/2013-01-03.csv", Body=b"x")

    try:
        yield Case(
            make=FileSensor,
            target=f"s3://{bucket}/flights/2013-01-0?.csv",
            come_true=upload,
            break_it=lambda: "nosuchstore://raw/x",
            folder=folder,
        )
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        server.stop()


@contextmanager
def http(folder: Path) -> Iterator[Case]:
    with serving() as web:
        web.body = b'{"state": "loading"}'

        def finish() -> None:
            web.body = b'{"state": "complete"}'

        def stop() -> None:
            web.status, web.headers = 302, {"Location": "http://localhost/elsewhere"}

        case = Case(
            make=HttpSensor, target=f"{web.url}/state", come_true=finish, break_it=stop, folder=folder
        )
        case.options = {"json": {"state": "complete"}}
        yield case


@contextmanager
def sql(folder: Path) -> Iterator[Case]:
    table = Table(row=(0,))
    yield Case(
        make=SqlSensor,
        target="select done from loads;",
        come_true=lambda: setattr(table, "row", (1,)),
        break_it=lambda: setattr(table, "broken", True),
        folder=folder,
        warehouse=table,
    )


@contextmanager
def freshness(folder: Path) -> Iterator[Case]:
    table = Table(tables=(source("flights", FreshnessStatus.ERROR), source("airports")))
    yield Case(
        make=FreshnessSensor,
        target="raw",
        come_true=lambda: setattr(table, "tables", (source("flights"), source("airports"))),
        break_it=lambda: setattr(table, "broken", True),
        folder=folder,
        warehouse=table,
    )


CASES: dict[str, Callable[[Path], AbstractContextManager[Case]]] = {
    "file": local_file,
    "s3": s3,
    "http": http,
    "sql": sql,
    "freshness": freshness,
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with CASES[request.param](tmp_path) as made:
        yield made


def test_it_says_no_until_it_is_there_and_then_yes(case: Case) -> None:
    first = case.sensor().look()
    assert (first.met, first.failed) == (False, False)
    case.come_true()
    assert case.sensor().look().met


def test_what_it_says_is_a_few_words_that_fit_into_a_reason(case: Case) -> None:
    said = [case.sensor().look().said]
    case.come_true()
    said.append(case.sensor().look().said)
    assert all(words and words.isprintable() and len(words) < 80 and words[-1] != "." for words in said)
    assert said[0] != said[1]


def test_looking_again_finds_the_same_and_leaves_nothing_behind(case: Case) -> None:
    before = sorted(case.folder.rglob("*"))
    assert case.sensor().look() == case.sensor().look()
    assert sorted(case.folder.rglob("*")) == before


def test_what_cannot_be_looked_at_is_an_integration_error_on_one_line(case: Case) -> None:
    target = case.break_it()
    with pytest.raises(IntegrationError) as caught:
        case.sensor(target).look()
    assert "\n" not in str(caught.value)


def test_every_built_in_is_registered_as_those_of_third_parties_are() -> None:
    assert set(CASES) - {"s3"} <= set(entry_points(group=GROUP).names)
    assert sensor_factory("file") is FileSensor
