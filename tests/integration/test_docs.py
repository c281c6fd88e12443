"""The documents stay true: links, variables, keys, commands and code in them are held to the program."""

from __future__ import annotations

import contextlib
import re
import shlex
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from support.projects import REPOSITORY

from sqlorch.cli.main import cli
from sqlorch.config import group_model
from sqlorch.config.json_schema import settings_schema
from sqlorch.config.meta import read_options
from sqlorch.config.settings import settings_from
from sqlorch.config.yaml_loader import load_yaml
from sqlorch.domain.cron_syntax import PRESETS
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import IntegrationError
from sqlorch.domain.variables import VARIABLES
from sqlorch.engine.ports import ExportTable
from sqlorch.engine.sensor_ports import Occasion

MADE = {".venv", ".venv-dbt-oldest", ".git", ".pytest_cache", ".hypothesis", ".sqlorch", "node_modules"}
PAGES = sorted(
    path.relative_to(REPOSITORY)
    for path in REPOSITORY.rglob("*.md")
    if MADE.isdisjoint(path.relative_to(REPOSITORY).parts)
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text(page: Path | str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def blocks(page: Path | str, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(text(page)) if kind == language]


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_pages_are_found() -> None:
    assert {Path("README.md"), Path("docs/architecture.md"), Path("docs/adr/README.md")} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(BLOCK.sub("", text(page))):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (REPOSITORY / page).parent / file if file else REPOSITORY / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_decision_is_in_the_index() -> None:
    listed = set(LINK.findall(text("docs/adr/README.md")))
    assert listed == {path.name for path in (REPOSITORY / "docs/adr").glob("0*.md")}


def test_the_table_of_variables_is_the_programs() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (.+) \|$", text("README.md"), re.MULTILINE)
    assert rows == [(v.name, v.example, v.description) for v in VARIABLES]


def keys_of(schema: dict[str, Any]) -> set[str]:
    parts = [schema, *schema["$defs"].values()]
    return {key for part in parts for key in part["properties"]}


def test_every_key_is_explained() -> None:
    page = text("docs/configuration.md")
    keys = keys_of(settings_schema()) | set(group_model.NodeKeys.model_fields)
    keys |= set(group_model.TestKeys.model_fields)
    assert len(keys) > 15
    assert [key for key in sorted(keys) if f"`{key}`" not in page] == []


def test_the_keys_of_a_group_are_the_rows_of_its_table() -> None:
    section = text("docs/configuration.md").split("## `groups`")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(rows) == sorted(settings_schema()["$defs"]["GroupKeys"]["properties"])


def test_every_preset_is_explained() -> None:
    rows = re.findall(r"^\| (`@.+?) \| `([^`]+)` \|$", text("docs/intervals.md"), re.MULTILINE)
    told = {name: cron for names, cron in rows for name in re.findall(r"`(@\w+)`", names)}
    assert told == dict(PRESETS)


@pytest.mark.parametrize("page", ["README.md", "docs/configuration.md", "docs/sensors.md"])
def test_settings_in_the_documents_are_accepted(page: str) -> None:
    found = [body for body in blocks(page, "yaml") if not body.startswith("# dbt_project.yml")]
    assert found
    for body in found:
        assert settings_from(load_yaml(body, page), {}, project_dir=REPOSITORY).groups


def test_meta_in_the_documents_is_accepted() -> None:
    said = [
        yaml.safe_load(found)
        for page in ("README.md", "docs/configuration.md")
        for body in blocks(page, "sql")
        for found in re.findall(r"meta=(\{.*\})\)", body)
    ]
    (in_project,) = [body for body in blocks("docs/configuration.md", "yaml") if "+meta" in body]
    said.append(yaml.safe_load(in_project)["models"]["flights"]["weather"]["+meta"])
    assert len(said) == 5
    for number, meta in enumerate(said):
        node = Node(unique_id=f"model.a.m{number}", kind="model", name="m", config={"meta": meta})
        assert read_options(Dag([node], []), "UTC")


def commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for body in blocks(page, "sh"):
            for line in re.findall(r"^sqlorch .*", body, re.MULTILINE):
                words = shlex.split(line, comments=True)
                if "..." not in words:
                    yield str(page), words[1 : words.index(">") if ">" in words else None]


@pytest.mark.parametrize(
    ("page", "words"),
    list(commands()),
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_commands_in_the_documents_can_be_given(page: str, words: list[str]) -> None:
    if words == ["--help"]:
        return
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(click.Context(command), words)
        assert found is not None, f"{page}: there is no command {name}"
        command = found
    command.make_context("sqlorch", words)  # raises a usage error for what is not an option


def test_every_command_is_told_of() -> None:
    told = "".join(map(text, PAGES))
    names = [*cli.list_commands(click.Context(cli)), "runs list", "runs show", "runs logs"]
    assert [name for name in names if f"sqlorch {name}" not in told] == []


def test_the_exporter_of_the_how_to_works(tmp_path: Path) -> None:
    (code,) = blocks("docs/how-to/add-an-exporter.md", "python")
    made: dict[str, Any] = {}
    exec(compile(code, "add-an-exporter.md", "exec"), made)  # noqa: S102 - our own page
    file = tmp_path / "metrics.parquets"
    numbers = pa.table({"n": [1, 2, 3]})

    def failing() -> pa.RecordBatchReader:
        raise ValueError("no such table")

    publication = made["ParquetArchive"](file).publish([ExportTable(name="numbers", open=numbers.to_reader)])
    assert (publication.rows, publication.size) == ({"numbers": 3}, file.stat().st_size)
    before = file.read_bytes()
    with pytest.raises(IntegrationError, match=r"metrics\.parquets.*no such table"):
        made["ParquetArchive"](file).publish([ExportTable(name="broken", open=failing)])
    assert file.read_bytes() == before
    with zipfile.ZipFile(file) as archive, archive.open("numbers.parquet") as member:
        assert pq.read_table(member).equals(numbers)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_the_sensor_of_the_how_to_works(tmp_path: Path) -> None:
    (code,) = blocks("docs/how-to/add-a-sensor.md", "python")
    made: dict[str, Any] = {}
    exec(compile(code, "add-a-sensor.md", "exec"), made)  # noqa: S102 - our own page
    (said,) = yaml.safe_load(blocks("docs/how-to/add-a-sensor.md", "yaml")[0])["wait_for"]
    occasion = Occasion(
        target=said["sensor"],
        options={**said["with"], "text": "loaded 2013-01-03"},
        project_dir=tmp_path,
        allow_hosts=(),
        warehouse=contextlib.nullcontext,  # type: ignore[arg-type]
    )
    sensor = made["MessageSensor"](occasion)
    with pytest.raises(IntegrationError, match=r"queue\.db cannot be read"):
        sensor.look()
    with contextlib.closing(sqlite3.connect(tmp_path / "queue.db")) as connection, connection:
        connection.execute("create table message (text)")
    assert not sensor.look().met
    with contextlib.closing(sqlite3.connect(tmp_path / "queue.db")) as connection, connection:
        connection.execute("insert into message values ('loaded 2013-01-03')")
    assert (sensor.look().met, sensor.look().said) == (True, "1 messages")


@pytest.mark.parametrize(
    "picture", sorted((REPOSITORY / "docs/images").iterdir()), ids=lambda path: path.name
)
def test_pictures_are_small_and_load_nothing(picture: Path) -> None:
    assert picture.stat().st_size < 150_000
    if picture.suffix == ".svg":
        assert not re.search(r"url\(\"?http|<script|href=", picture.read_text(encoding="utf-8"))
