"""The variables of the user's own, and whether they clash with those that each run sets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from sqlorch.config.locate import PROJECT_FILE
from sqlorch.config.places import file_name, shown
from sqlorch.config.yaml_errors import describe, place_at
from sqlorch.config.yaml_loader import LOADER, load_yaml, read_text
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.variables import VARIABLES

_DEEPEST = 200
_PACKAGES = "dbt_packages"


def parse_vars(text: str) -> dict[str, Any]:
    """Read ``--vars`` as dbt does: a YAML mapping, by the rules of YAML 1.1.

    Raises:
        ConfigError: not YAML, not a mapping, or what :func:`~sqlorch.config.yaml_loader.load_yaml` refuses.
    """
    if not isinstance(load_yaml(text, "--vars").data, dict):
        raise ConfigError(f"--vars must be a mapping like '{{name: value}}', not {shown(text)}")
    try:
        values = yaml.load(text, Loader=LOADER)  # noqa: S506 - LOADER is a safe loader
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2013-02-30
        raise ConfigError(f"--vars cannot be read: {error}") from error
    return dict(values)


def check_clashes(project_dir: Path, cli_vars: Mapping[str, Any], skip: Collection[str] = ()) -> None:
    """Refuse variables of the user's own that have the name of one each run sets.

    A run's variables reach dbt like ``--vars``: they would win over the project's without a word. Looked at
    are ``vars:`` of ``dbt_project.yml`` and of installed packages, for all packages and for a single one.

    Args:
        project_dir: the folder that holds ``dbt_project.yml``.
        cli_vars: what ``--vars`` says.
        skip: injected variables that are not set, so that nothing clashes with them.

    Raises:
        ConfigError: every clash with its place, or a ``dbt_project.yml`` that is not YAML.
    """
    names = {variable.name for variable in VARIABLES}.difference(skip)
    files = {file: _root(file) for file in _project_files(project_dir)}
    packages = {name for root in files.values() if (name := _text(root, "name"))}
    clashes = [_clash(str(name), "--vars", "") for name in cli_vars if name in names]
    for file, root in files.items():
        for key, scope in _declared(root, packages):
            if key.value in names:
                clashes.append(_clash(key.value, str(place_at(key.start_mark, file_name(file))), scope))
    if clashes:
        raise ConfigError("\n".join(dict.fromkeys(clashes)))


def _clash(name: str, place: str, scope: str) -> str:
    own = f"the variable {name!r}{f' of {scope}' if scope else ''}"
    return (
        f"{place}: {own} is one that sqlorch sets for every run; rename it, or keep yours by adding "
        f"'variables: {{skip: [{name}]}}' to sqlorch.yml"
    )


def _project_files(project_dir: Path) -> list[Path]:
    own = project_dir / PROJECT_FILE
    install_path = _text(_root(own), "packages-install-path") or _PACKAGES
    try:
        installed = sorted((project_dir / install_path).glob(f"*/{PROJECT_FILE}"))
    except (OSError, ValueError):  # no such folder, or one that may not be read: dbt says so when it needs it
        installed = []
    return [own, *installed]


def _root(file: Path) -> yaml.MappingNode | None:
    """The top mapping of a file with its places; anchors, aliases and merges are allowed, as by dbt."""
    text = read_text(file)
    try:
        _refuse_depth(text, file)
        root = yaml.compose(text, Loader=LOADER)
        _merge(root, levels=3)  # the file, its vars, the vars of one package
    except yaml.YAMLError as error:
        raise ConfigError(describe(error, text, file_name(file))) from error
    return root if isinstance(root, yaml.MappingNode) else None


def _refuse_depth(text: str, file: Path) -> None:
    """Composing recurses, so what is too deep is refused from the flat stream of events before."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            place = place_at(event.start_mark, file_name(file))
            raise ConfigError(f"{place}: this is nested more than {_DEEPEST} levels deep")


def _merge(node: yaml.Node | None, *, levels: int) -> None:
    """Carry out the merges (``<<: *other``) of a mapping and of those in it."""
    if levels and isinstance(node, yaml.MappingNode):
        yaml.constructor.SafeConstructor().flatten_mapping(node)
        for _, value in node.value:
            _merge(value, levels=levels - 1)


def _declared(
    root: yaml.MappingNode | None, packages: Collection[str]
) -> Iterator[tuple[yaml.ScalarNode, str]]:
    """The keys that declare variables, each with the package it is for, ``""`` meaning all."""
    for key, value in _items(_value(root, "vars")):
        if isinstance(value, yaml.MappingNode) and key.value in packages:
            yield from ((inner, key.value) for inner, _ in _items(value))
        else:
            yield key, ""


def _items(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            yield key, value


def _value(root: yaml.MappingNode | None, name: str) -> yaml.Node | None:
    return next((value for key, value in _items(root) if key.value == name), None)


def _text(root: yaml.MappingNode | None, name: str) -> str:
    value = _value(root, name)
    return str(value.value) if isinstance(value, yaml.ScalarNode) else ""
