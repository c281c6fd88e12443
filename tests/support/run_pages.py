"""What a page of ``sqlorch report`` holds."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any


class Page:
    """What a page holds, and its nodes by unique id."""

    def __init__(self, file: Path) -> None:
        self.text = file.read_text(encoding="utf-8")
        self.run = self._unpacked("run")
        self.head: dict[str, Any] = self.run["head"]
        self.ids = [node["id"] for node in self.run["nodes"]]
        self.nodes = {node["id"]: node for node in self.run["nodes"]}
        self.sources = {self.ids[index]: rest for index, *rest in self._unpacked("texts")["sources"]}

    def _unpacked(self, name: str) -> dict[str, Any]:
        found = re.search(rf'id="{name}">([A-Za-z0-9+/=]+)<', self.text)
        assert found
        document: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(found[1]), -15))
        return document
