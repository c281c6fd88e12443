from itertools import pairwise

import pytest
from support.report_graphs import made_up_graph

from sqlorch.reports.layout import lay_out
from sqlorch.reports.layout.layers import layered
from sqlorch.reports.layout.ordering import count_crossings, ordered
from sqlorch.reports.layout.packing import packed


def edges_of(text):
    """``a>b>c a>c``: chains of edges."""
    chains = [chain.split(">") for chain in text.split()]
    edges = [pair for chain in chains for pair in pairwise(chain)]
    return sorted({name for chain in chains for name in chain}), edges


def drawn(text, **options):
    names, edges = edges_of(text)
    return lay_out(names, edges, **options)


def spots(layout):
    return {name: (place.x, place.y) for name, place in layout.places.items()}


def test_nothing_is_laid_out_as_nothing():
    layout = lay_out([], [])
    assert not layout.places
    assert not layout.bends


def test_a_chain_is_one_straight_line():
    assert spots(drawn("a>b>c>d")) == {"a": (0, 0), "b": (1, 0), "c": (2, 0), "d": (3, 0)}


def test_a_node_stands_in_the_middle_of_what_it_reads():
    found = spots(drawn("a>d b>d c>d"))
    assert sorted(found[name][1] for name in "abc") == [0, 1, 2]
    assert found["d"] == (1, 1)


def test_a_long_edge_passes_the_nodes_of_the_layers_between():
    layout = drawn("a>b>c>d a>d")
    bends = layout.bends["a", "d"]
    heights = {layout.places[name].y for name in "bc"}
    assert [x for x, _ in bends] == [0.6, 2.4]
    assert len({y for _, y in bends}) == 1, "it is straight"
    assert all(abs(bends[0][1] - height) >= 0.65 for height in heights)


def test_the_long_edges_of_a_node_share_their_way():
    layout = drawn("a>b>c>d>e a>d a>e")
    assert layout.bends["a", "e"][0] == layout.bends["a", "d"][0]


def test_a_table_without_parents_moves_to_what_uses_it_unless_it_is_to_stay_left():
    text = "raw>stg>mid>mart calendar>mart"
    assert drawn(text).places["calendar"].layer == 0
    assert drawn(text, stay_left={"raw"}).places["calendar"].layer == 2


def test_nodes_without_edges_stand_in_a_block_of_their_own():
    names, edges = edges_of("a>b>c")
    layout = lay_out([*names, *(f"lone{number}" for number in range(9))], edges)
    lone = [layout.places[f"lone{number}"] for number in range(9)]
    assert len({(place.x, place.y) for place in lone}) == 9
    assert len({place.x for place in lone}) == 2


def test_parts_do_not_overlap():
    text = "a>b>c a2>b2 a3>b3 a4>b4 a5>b5>c5>d5 x1>y1 x2>y1 x3>y1"
    spots_taken = list(spots(drawn(text)).values())
    for number, (x, y) in enumerate(spots_taken):
        for other_x, other_y in spots_taken[number + 1 :]:
            assert abs(x - other_x) >= 1 or abs(y - other_y) >= 1


def test_parts_fill_a_drawing_instead_of_one_long_column():
    layout = drawn(" ".join(f"a{number}>b{number}" for number in range(60)))
    width = max(place.x for place in layout.places.values()) + 1
    height = max(place.y for place in layout.places.values()) + 1
    assert 0.5 < width * 5 / height < 4


def test_boxes_are_packed_without_touching():
    sizes = [(4, 6), (3, 2), (2, 2), (2, 1), (2, 1), (1, 1)]
    places = packed(sizes)
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(places, sizes, strict=True)]
    for number, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[number + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


@pytest.mark.parametrize("size", [150, 740, 1500])
def test_fewer_edges_cross_than_after_eight_sweeps_that_keep_nothing(size):
    names, edges = made_up_graph(size)
    number = {name: place for place, name in enumerate(sorted(names))}
    children = [[] for _ in names]
    for parent, child in sorted(edges):
        children[number[parent]].append(number[child])
    graph = layered(children, stay_left=[True] * len(names))
    assert count_crossings(graph, ordered(graph)) < 0.7 * swept(graph)


def swept(graph, rounds=8):
    """Crossings after plain barycentre sweeps."""
    order = [[] for _ in range(graph.layers)]
    place = [0.0] * len(graph.depth)
    for item, depth in enumerate(graph.depth):
        place[item] = len(order[depth])
        order[depth].append(item)
    for turn in range(rounds):
        beside = graph.left if turn % 2 == 0 else graph.right
        for layer in order if turn % 2 == 0 else reversed(order):
            means = {
                item: sum(place[n] for n in beside[item]) / len(beside[item]) if beside[item] else place[item]
                for item in layer
            }
            layer.sort(key=means.__getitem__)
            for at, item in enumerate(layer):
                place[item] = at
    return count_crossings(graph, order)


@pytest.mark.parametrize(("size", "tallest"), [(15, 12), (150, 60), (1500, 160), (5000, 500)])
def test_big_graphs_are_no_long_strip(size, tallest):
    layout = lay_out(*made_up_graph(size))
    width = (max(place.x for place in layout.places.values()) + 1) * 5
    height = max(place.y for place in layout.places.values()) + 1
    assert height < tallest
    assert height < 2 * width


def test_lines_beside_a_folded_layer_pass_between_its_nodes():
    names, edges = made_up_graph(1500)
    layout = lay_out(names, edges)
    columns = {}
    for place in layout.places.values():
        columns.setdefault(place.x, []).append(place.y)
    stubs = [
        pair for points in layout.bends.values() for pair in pairwise(points) if pair[0][1] == pair[1][1]
    ]
    assert stubs
    for (start, level), (end, _) in stubs:
        for x, heights in columns.items():
            if start < x < end:
                assert min(abs(level - height) for height in heights) > 0.35
