"""Small dbt projects as dictionaries of files, and dbt's own reading of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

PROFILE = """\
probe:
  target: dev
  outputs:
    dev: {type: duckdb, path: probe.duckdb, schema: main}
"""
PROJECT = "name: probe\nversion: '1.0'\nprofile: probe\n"


def write_files(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder; ``dbt_project.yml`` and ``profiles.yml`` are added where missing."""
    for name, text in {"dbt_project.yml": PROJECT, "profiles.yml": PROFILE, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return root


def dbt_manifest(root: Path, **variables: Any) -> dict[str, Any]:
    """Let dbt parse a project, in a process of its own, and return its manifest."""
    dbt = Path(sys.executable).with_name("dbt")
    command = [str(dbt), "--no-partial-parse", "parse", "--profiles-dir", str(root)]
    command += ["--vars", json.dumps(variables)]
    environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest: dict[str, Any] = json.loads((root / "target" / "manifest.json").read_text())
    return manifest
