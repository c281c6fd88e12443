"""The names of the variables that each run sets for the project."""

from __future__ import annotations

INJECTED = (
    "data_interval_start",
    "data_interval_end",
    "logical_date",
    "ds",
    "ds_nodash",
    "ts",
    "ts_nodash",
    "prev_ds",
    "next_ds",
    "run_id",
    "group",
)
