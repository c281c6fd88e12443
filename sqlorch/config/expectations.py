"""What is expected of models: ``expectations/MODEL.yml`` and ``meta.sqlorch.expectations``, checked.

Every name and argument is checked here, before anything runs and without importing Great Expectations; each
fault has its file and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sqlorch.checks.catalogue import argument_fault, missing_arguments, unknown_type
from sqlorch.config.dbt_yaml import emptied
from sqlorch.config.places import Document, Place, file_name, shown
from sqlorch.config.places import Path as At
from sqlorch.config.yaml_loader import load_yaml, read_text
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.expectations import Expectation, Suite
from sqlorch.domain.grouping import ASSIGNED_KINDS
from sqlorch.domain.template import check_template

FOLDER = "expectations"
_KEYS = ("expectations", "rows", "event_time", "where", "mask")
_SEVERITIES = ("error", "warn")
_MOST = 100


def read_suites(project_dir: Path, dag: Dag) -> list[Suite]:
    """The suites of a project, in the order of its graph.

    Args:
        project_dir: the folder that holds ``dbt_project.yml``.
        dag: the project, for the models' names, their ``event_time`` and their ``meta``.

    Raises:
        ConfigError: whatever is wrong, all of it, one line each with its file and line.
    """
    faults: list[str] = []
    found: dict[str, Suite] = {}
    for file in suite_files(project_dir):
        _take(_from_file(file, project_dir, dag, faults), found, faults)
    for node in dag.nodes.values():
        said = node.meta.get("sqlorch")
        if isinstance(said, Mapping) and FOLDER in said and node.kind in ASSIGNED_KINDS:
            written = (
                project_dir / node.patch_path if node.patch_path and node.package == dag.project else None
            )
            _take(_from_meta(node, said[FOLDER], written, faults), found, faults)
    if faults:
        raise ConfigError("\n".join(faults[:_MOST]))
    return [found[uid] for uid in dag.order if uid in found]


def suite_files(project_dir: Path) -> list[Path]:
    """The files of ``expectations/``, sorted; empty where there is no such folder."""
    folder = project_dir / FOLDER
    return sorted([*folder.rglob("*.yml"), *folder.rglob("*.yaml")]) if folder.is_dir() else []


def _take(suite: Suite | None, found: dict[str, Suite], faults: list[str]) -> None:
    if suite is None:
        return
    if other := found.get(suite.model):
        faults.append(
            f"{suite.origin}: {suite.model} has expectations in {other.origin} already; keep one of them"
        )
        return
    found[suite.model] = suite


def _from_file(file: Path, project_dir: Path, dag: Dag, faults: list[str]) -> Suite | None:
    try:
        document = load_yaml(read_text(file), file_name(file))
    except ConfigError as error:
        faults.append(str(error))
        return None
    node = _named(file.stem, dag)
    if node is None:
        near = get_close_matches(file.stem, [n.name for n in _buildable(dag)], n=1)
        hint = f"did you mean {near[0]}{file.suffix}?" if near else "the file is called like its model"
        faults.append(f"{file_name(file)}: the project has no model {file.stem}; {hint}")
        return None
    origin = file.relative_to(project_dir).as_posix()
    return _Reader(document, origin, faults).suite(node)


def _from_meta(node: Node, said: object, written: Path | None, faults: list[str]) -> Suite | None:
    """The suite that dbt found, unless its file, where that is the project's, said something else."""
    if written is not None and (lost := emptied(written, node.name)):
        faults += [
            f"{file_name(written)}:{line}: dbt reads {{{{ {variable} }}}} before sqlorch does "
            f"and leaves nothing of it; write ${{{variable}}} instead"
            for line, variable in lost
        ]
        return None
    place = Place(f"{node.patch_path or node.path}: meta.sqlorch.expectations of {node.unique_id}")
    document = Document(data=said, values={(): place})
    return _Reader(document, node.patch_path or node.path, faults).suite(node)


def _buildable(dag: Dag) -> Iterator[Node]:
    return (node for node in dag.nodes.values() if node.kind in ASSIGNED_KINDS)


def _named(name: str, dag: Dag) -> Node | None:
    """The node of that name; the root project's when packages have one too."""
    found = [n for n in _buildable(dag) if name in {n.name, f"{n.name}.v{n.version}"}]
    return min(found, key=lambda n: (n.package != dag.project, n.unique_id), default=None)


@dataclass(slots=True)
class _Reader:
    """Reads one document; what is wrong goes to ``faults``.

    Attributes:
        document: what is read; messages name its places as seen from the current folder.
        origin: its file, relative to the project, which is what records keep.
        faults: what is wrong so far.
    """

    document: Document
    origin: str
    faults: list[str]
    bad: bool = field(default=False, init=False)

    def suite(self, node: Node) -> Suite | None:
        data = self.document.data
        at: At = ()
        if isinstance(data, Mapping):
            data, at = self._known(data).get("expectations"), ("expectations",)
        settings = self._settings()
        expectations = tuple(self._all(data, at))
        if self.bad:
            return None
        event_time = settings.get("event_time") or str(node.config.get("event_time") or "")
        if settings.get("rows") == "table" or settings.get("where"):
            event_time = ""
        if settings.get("rows") == "interval" and not event_time:
            self._refuse(("rows",), f"{node.name} has no event_time; name the column here: event_time: ...")
            return None
        return Suite(
            model=node.unique_id,
            expectations=expectations,
            event_time=event_time,
            where=str(settings.get("where") or ""),
            mask=bool(settings.get("mask")),
            origin=self.origin,
        )

    def _settings(self) -> Mapping[str, Any]:
        data = self.document.data
        if not isinstance(data, Mapping):
            return {}
        if data.get("rows") not in (None, "interval", "table"):  # a tuple: what is not hashable may be said
            self._refuse(("rows",), f"rows is interval or table, not {shown(data['rows'])}")
        for key in ("event_time", "where"):
            if not isinstance(data.get(key, ""), str):
                self._refuse((key,), f"{key} must be text, not {shown(data[key])}")
        self._check_where(data.get("where"))
        if not isinstance(data.get("mask", False), bool):
            self._refuse(("mask",), f"mask is true or false, not {shown(data['mask'])}")
        if data.get("where") and data.get("rows") is not None:
            self._refuse(("where",), "where already says which rows; remove rows")
        return data

    def _check_where(self, condition: object) -> None:
        """A variable that is not filled in would leave no rows to look at, and nothing to be found."""
        try:
            check_template(condition if isinstance(condition, str) else "")
        except ConfigError as error:
            self._refuse(("where",), str(error))

    def _known(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        for key in data:
            if key not in _KEYS:
                near = get_close_matches(key, _KEYS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_KEYS)}"
                self._refuse((key,), f"there is no key {shown(key)}; {hint}")
        return data

    def _all(self, data: object, at: At) -> Iterator[Expectation]:
        if not isinstance(data, list) or not data:
            said = "nothing" if data in (None, []) else shown(data)
            self._refuse(at, f"expectations is a list such as '- expect_column_to_exist: ...', not {said}")
            return
        for number, said in enumerate(data):
            one = self._one(said, (*at, number))
            if one is not None:
                yield one

    def _one(self, said: object, at: At) -> Expectation | None:
        if isinstance(said, str):
            said = {said: {}}
        if not isinstance(said, Mapping) or len(said) != 1:
            self._refuse(at, f"an expectation is one name with its arguments below it, not {shown(said)}")
            return None
        name, arguments = next(iter(said.items()))
        name = str(name)
        if sentence := unknown_type(name):
            self._refuse(at, sentence)
            return None
        if not isinstance(arguments or {}, Mapping):
            self._refuse((*at, name), f"the arguments of {name} are a mapping, not {shown(arguments)}")
            return None
        return self._checked(name, dict(arguments or {}), (*at, name))

    def _checked(self, name: str, arguments: dict[str, Any], at: At) -> Expectation | None:
        severity = arguments.pop("severity", "error")
        if severity not in _SEVERITIES:
            self._refuse((*at, "severity"), f"severity is error or warn, not {shown(severity)}")
        for argument, value in arguments.items():
            if sentence := argument_fault(name, argument, value):
                self._refuse((*at, argument), sentence)
        if missing := missing_arguments(name, arguments):
            self._refuse(at, f"{name} needs {' and '.join(missing)}")
        line = self.document.value_place(at).line
        origin = self.origin if line is None else f"{self.origin}:{line}"
        return Expectation(type=name, arguments=arguments, severity=str(severity), origin=origin)

    def _refuse(self, at: At, sentence: str) -> None:
        self.bad = True
        self.faults.append(f"{self.document.key_place(at)}: {sentence}")
