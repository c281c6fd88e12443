"""The JSON Schema of ``sqlorch.yml``, made of the models that check it."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

from sqlorch.config.model import File

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXAMPLE = {
    "groups": {
        "flights_daily": {
            "select": "tag:daily",
            "schedule": "@daily",
            "start": "2013-01-01",
            "timezone": "America/New_York",
            "retries": 2,
        },
        "weather_hourly": {
            "select": "path:models/weather",
            "schedule": "@hourly",
            "start": "2013-01-01",
            "batch": 24,
        },
    },
    "exports": {"select": "tag:metrics", "to": ["metrics.duckdb", "metrics.sqlite"]},
}


class _ForPeople(GenerateJsonSchema):
    """Leaves out what only repeats a key's name or its being optional."""

    schema_dialect = DIALECT

    def generate(self, schema: CoreSchema, mode: Any = "validation") -> JsonSchemaValue:
        return {"$schema": self.schema_dialect, **super().generate(schema, mode=mode)}

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema  # an editor shows the key itself
        return False


def settings_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of ``sqlorch.yml``, with descriptions and examples for editors."""
    made = File.model_json_schema(schema_generator=_ForPeople)
    for part in made["$defs"].values():
        del part["title"]  # the name of our class
    return {**made, "title": "sqlorch.yml", "examples": [_EXAMPLE]}
