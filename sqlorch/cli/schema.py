"""``sqlorch schema``: what an editor needs to complete and check ``sqlorch.yml``."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of sqlorch.yml.

    Save it beside the file and let editors with a YAML language server find it by a first line like
    "# yaml-language-server: $schema=sqlorch.schema.json".
    """
    from sqlorch.config.json_schema import settings_schema  # noqa: PLC0415 - pydantic is slow to import

    click.echo(json.dumps(settings_schema(), indent=2))
