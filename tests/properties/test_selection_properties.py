"""Whatever is typed after --select, the answer is nodes or one sentence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.fuzz import fuzz

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ProjectError
from sqlorch.domain.selection_methods import METHODS
from sqlorch.domain.selector import Indirect, select

FQNS = {"exposure.p.e": (), "model.p.b": ("p", "x", "b", "v2")}
UIDS = ["source.p.raw.a", "model.p.a", "model.p.b", "model.p.c", "test.p.t", "unit_test.p.u", "exposure.p.e"]
DAG = Dag(
    [
        Node(
            unique_id=uid,
            kind=uid.split(".")[0],
            name=uid.split(".")[-1],
            fqn=FQNS.get(uid, ("p", "x", uid.split(".")[-1])),
            package="p",
            path=f"models/x/{uid.split('.')[-1]}.sql" if uid != "model.p.c" else "",
            tags=frozenset({"daily"}),
            config={"meta": {"k": ["v", 1]}},
            version=2 if uid == "model.p.b" else None,
            latest_version="2b",
        )
        for uid in UIDS
    ],
    [
        ("source.p.raw.a", "model.p.a"),
        ("model.p.a", "model.p.b"),
        ("model.p.b", "model.p.c"),
        ("model.p.a", "test.p.t"),
        ("model.p.c", "test.p.t"),
        ("model.p.b", "unit_test.p.u"),
        ("model.p.c", "exposure.p.e"),
    ],
)
MODES = st.sampled_from(["eager", "cautious", "buildable", "empty"])
PIECES = [*METHODS, "state", "config.meta.k", *"abcptue", "daily", "models", "x", "v2", "this", "latest", "v"]
SYNTAX = [*"@+:.,*?[]!-/ 0129\\", "**", "[a-", "[!", "\n", "\x85", "²", "٣", "(", "{", "$", "%"]
TEXTS = st.lists(st.sampled_from(PIECES + SYNTAX), max_size=12).map("".join)


@fuzz("text")
@given(st.one_of(TEXTS, st.text(max_size=40)), st.one_of(TEXTS, st.text(max_size=10)), MODES)
def test_any_text_gives_nodes_or_one_sentence(selection: str, exclude: str, mode: Indirect) -> None:
    found: frozenset[str] = frozenset()
    sentence = ""
    try:
        found = select(DAG, selection, exclude, indirect=mode)
    except ProjectError as error:
        sentence = str(error)
    assert found <= frozenset(DAG.nodes)
    assert found or sentence or exclude.strip()
    assert len(sentence) < 800


@given(
    st.lists(st.sampled_from(["a", "+b", "c+", "@a", "tag:daily", "1+c", "p.x.*", "a,+c"]), min_size=1), MODES
)
def test_items_are_a_union_in_any_order(items: list[str], mode: Indirect) -> None:
    together = select(DAG, " ".join(items), indirect=mode)
    assert together == select(DAG, list(reversed(items)), indirect=mode)
    assert together >= frozenset().union(*(select(DAG, item, indirect=mode) for item in items))


@given(st.sampled_from(UIDS[1:4]), st.integers(0, 4), st.integers(0, 4))
def test_more_depth_never_selects_less(uid: str, up: int, down: int) -> None:
    name = uid.rsplit(".", maxsplit=1)[-1]
    narrow = select(DAG, f"{up}+{name}+{down}")
    assert narrow <= select(DAG, f"{up + 1}+{name}+{down + 1}") <= select(DAG, f"+{name}+")
