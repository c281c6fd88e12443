"""Whatever is written as an expectation: suites, or sentences; never anything else."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.fuzz import fuzz

from sqlorch.checks.catalogue import catalogue
from sqlorch.config.expectations import read_suites
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.expectations import Suite

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_WORDS = st.sampled_from(["column", "mostly", "severity", "value_set", "min_value", "expectations", "rows"])
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_WORDS | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
_NAMES = st.sampled_from(sorted(catalogue())) | st.text(max_size=12)
_SUITES = st.lists(st.dictionaries(_NAMES, _ANYTHING, max_size=2) | _ANYTHING, max_size=4)
_TEXTS = st.text(alphabet=st.sampled_from("- :[]{}&*!|>'\"%@`\n\t#,?abcexpect_column_to_exist"), max_size=120)


def _node(**config: Any) -> Node:
    return Node(unique_id="model.shop.orders", kind="model", name="orders", package="shop", config=config)


@fuzz("expectations")
@given(said=_SUITES | _ANYTHING)
def test_meta_of_any_shape(said: Any) -> None:
    dag = Dag([_node(meta={"sqlorch": {"expectations": said}})], [], project="shop")
    _read(Path("/nowhere"), dag)


@fuzz("expectations")
@given(text=_TEXTS)
def test_a_file_of_any_text(text: str) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "expectations").mkdir()
        (Path(folder) / "expectations" / "orders.yml").write_text(text, encoding="utf-8")
        _read(Path(folder), Dag([_node()], [], project="shop"))


def _read(folder: Path, dag: Dag) -> None:
    try:
        suites = read_suites(folder, dag)
    except ConfigError as error:
        lines = str(error).splitlines()
        assert lines
        assert all(": " in line for line in lines)
    else:
        assert all(isinstance(suite, Suite) and suite.expectations for suite in suites)
