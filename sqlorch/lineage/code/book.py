"""The fingerprints of a project's nodes, and the texts behind them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlorch.lineage.code.record import compact

if TYPE_CHECKING:
    from pathlib import Path

    from sqlorch.lineage.project import Project

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBook:
    """What every node of a project is made by, at one moment.

    Attributes:
        fingerprints: by unique id; equal only for nodes made by the same code, byte by byte.
        documents: the text behind each fingerprint, by unique id.
        macros: the text of every macro that a document names, by digest.
    """

    fingerprints: Mapping[str, str]
    documents: Mapping[str, str]
    macros: Mapping[str, str]

    def texts(self, unique_ids: Iterable[str]) -> dict[str, str]:
        """What is to be remembered of some nodes: documents by fingerprint, macros by digest."""
        found: dict[str, str] = {}
        todo = [uid for uid in unique_ids if uid in self.documents]
        while todo:
            uid = todo.pop()
            if self.fingerprints[uid] not in found:
                found[self.fingerprints[uid]] = self.documents[uid]
                document = json.loads(self.documents[uid])
                found |= {digest: self.macros[digest] for digest in document["macros"].values()}
                todo += document.get("inlined", ())
        return found


def read_code(project: Project) -> CodeBook:
    """Fingerprint every node of a project.

    A seed's document holds a hash of its file, which is read here. A node that reads an ephemeral model holds
    its fingerprint, because dbt writes that model into it.
    """
    documents: dict[str, str] = {}
    fingerprints: dict[str, str] = {}
    dag = project.dag
    for uid in dag.order:
        if uid not in project.made_by:
            continue
        more: dict[str, object] = {}
        inlined = sorted(p for p in dag.parents(uid) if dag[p].materialized == "ephemeral" and p in documents)
        if inlined:
            more["inlined"] = {parent: fingerprints[parent] for parent in inlined}
        if dag[uid].kind == "seed":
            more["file"] = _file_hash(project.root / project.seeds[uid])
        text = project.made_by[uid]
        documents[uid] = compact({**json.loads(text), **more}) if more else text
        fingerprints[uid] = hashlib.blake2b(documents[uid].encode(), digest_size=12).hexdigest()
    return CodeBook(fingerprints=fingerprints, documents=documents, macros=project.macro_texts)


def _file_hash(path: Path) -> str:
    """A hash of a seed's content, line ends of any system being one; "" for a file that cannot be read."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as handle:
            while chunk := handle.read(_CHUNK):
                digest.update(chunk.replace(b"\r\n", b"\n"))
    except OSError:
        return ""
    return digest.hexdigest()
