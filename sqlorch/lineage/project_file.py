"""dbt_project.yml: where a package keeps its files and how it configures them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlorch.domain.errors import ProjectError
from sqlorch.lineage.jinja.functions import TemplateFaultError
from sqlorch.lineage.jinja.state import State, Subject
from sqlorch.lineage.merge import as_list
from sqlorch.lineage.text import YamlText, skip_in_project
from sqlorch.lineage.yaml_io import read_yaml

FILE_NAME = "dbt_project.yml"
_PATHS = {
    "model": ("model-paths", "source-paths", "models"),
    "seed": ("seed-paths", "data-paths", "seeds"),
    "test": ("test-paths", "test-paths", "tests"),
    "analysis": ("analysis-paths", "analysis-paths", "analyses"),
    "macro": ("macro-paths", "macro-paths", "macros"),
    "snapshot": ("snapshot-paths", "snapshot-paths", "snapshots"),
    "function": ("function-paths", "function-paths", "functions"),
}
_CONFIG_KEYS = {
    "model": ("models",),
    "analysis": ("models",),
    "seed": ("seeds",),
    "snapshot": ("snapshots",),
    "source": ("sources",),
    "test": ("data_tests", "tests"),
    "unit_test": ("unit_tests", "unit-tests"),
    "exposure": ("exposures",),
    "metric": ("metrics",),
    "semantic_model": ("semantic-models", "semantic_models"),
    "saved_query": ("saved-queries", "saved_queries"),
    "function": ("functions",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """One package's dbt_project.yml, rendered.

    Attributes:
        name: of the package.
        root: its folder.
        profile: the profile it asks for.
        paths: folders by kind of file: ``model``, ``seed``, ``test``, ...
        docs_paths: folders of ``{% docs %}`` files.
        configs: configuration tree by kind of node.
        variables: ``vars``, unrendered, as dbt keeps them.
        search_orders: ``dispatch``: packages to search by macro namespace.
        quoting: which parts of a relation's name are quoted.
        flags: behaviour flags.
        packages_dir: where packages are installed.
    """

    name: str
    root: Path
    profile: str | None = None
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    docs_paths: tuple[str, ...] = ()
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    search_orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quoting: Mapping[str, Any] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    packages_dir: str = "dbt_packages"

    @property
    def all_paths(self) -> tuple[str, ...]:
        """Every folder that may hold properties files, each once."""
        return tuple(dict.fromkeys(path.rstrip("/") for paths in self.paths.values() for path in paths))


def read_raw(root: Path, where: str) -> dict[str, Any]:
    """Read dbt_project.yml without rendering it.

    Raises:
        ProjectError: there is none, or it is not a mapping with a name.
    """
    path = root / FILE_NAME
    if not path.is_file():
        raise ProjectError(f"there is no {FILE_NAME} in {root}; name the folder of a dbt project")
    data = read_yaml(path, where)
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise ProjectError(f"{where} must be a mapping with a 'name'")
    return data


def read_project_file(root: Path, raw: Mapping[str, Any], state: State, where: str) -> ProjectFile:
    """Render and read a package's dbt_project.yml.

    Args:
        root: the package's folder.
        raw: what :func:`read_raw` gave.
        state: the target and the command line's variables, which are all that is known yet.
        where: the file, for messages.

    Raises:
        ProjectError: a value cannot be rendered or is of the wrong kind.
    """
    state.subject = Subject(unique_id="", kind="project", name="", package=raw["name"])
    try:
        data = YamlText(state).deep(dict(raw), skip_in_project)
    except TemplateFaultError as problem:
        raise ProjectError(f"{where}: {problem}") from problem
    paths = {kind: _paths(data, keys, where) for kind, keys in _PATHS.items()}
    profile = data.get("profile")
    return ProjectFile(
        name=data["name"],
        root=root,
        profile=str(profile) if profile else None,
        paths=paths,
        docs_paths=_strings(data.get("docs-paths"), f"{where}: docs-paths"),
        configs={kind: _first_mapping(data, keys) for kind, keys in _CONFIG_KEYS.items()},
        variables=_mapping(data.get("vars")),
        search_orders=_search_orders(data.get("dispatch"), where),
        quoting=_mapping(data.get("quoting")),
        flags=_mapping(data.get("flags")),
        packages_dir=str(data.get("packages-install-path") or data.get("modules-path") or "dbt_packages"),
    )


def _paths(data: Mapping[str, Any], keys: tuple[str, str, str], where: str) -> tuple[str, ...]:
    current, former, default = keys
    value = data.get(current, data.get(former))
    return (default,) if value is None else _strings(value, f"{where}: {current}")


def _strings(value: Any, where: str) -> tuple[str, ...]:
    values = as_list(value)
    if not all(isinstance(item, str) for item in values):
        raise ProjectError(f"{where} must be a list of folders")
    return tuple(values)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first_mapping(data: Mapping[str, Any], keys: tuple[str, ...]) -> Mapping[str, Any]:
    return next((_mapping(data[key]) for key in keys if key in data), {})


def _search_orders(value: Any, where: str) -> dict[str, tuple[str, ...]]:
    orders: dict[str, tuple[str, ...]] = {}
    for entry in as_list(value):
        if not isinstance(entry, Mapping) or "macro_namespace" not in entry:
            raise ProjectError(f"{where}: each entry of dispatch needs a macro_namespace and a search_order")
        orders.setdefault(str(entry["macro_namespace"]), tuple(map(str, as_list(entry.get("search_order")))))
    return orders
