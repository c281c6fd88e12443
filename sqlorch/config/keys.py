"""What every mapping of settings is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Keys(BaseModel):
    """A mapping that knows all of its keys."""

    # what was written may be a secret in the wrong place, which not even --debug is to print
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
