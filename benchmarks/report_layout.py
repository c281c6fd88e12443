"""How long the layout of the lineage page takes, how many edges cross, and how large the page is.

    python benchmarks/report_layout.py [--sizes 740,5000] [--rounds 5] [--keep FOLDER]

The projects are made up (tests/support/report_graphs.py) and the same every time. Crossings are those of the
drawn lines, where long edges of one node share their way; beside them, after eight barycentre sweeps that
keep nothing. Seconds are processor time, the least of the rounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.report_graphs import SIZES, made_up_graph, made_up_report

from sqlorch.reports.layout import lay_out
from sqlorch.reports.layout.layers import Layered, layered
from sqlorch.reports.layout.ordering import count_crossings, ordered
from sqlorch.reports.page import lineage_page


def main() -> None:
    arguments = read_arguments()
    print(f"{'nodes':>6} {'edges':>6} {'layout s':>9} {'crossings':>10} {'swept':>10} {'page kB':>8}  page s")
    for size in arguments.sizes:
        names, edges = made_up_graph(size)
        seconds = min(timed(lay_out, names, edges)[0] for _ in range(arguments.rounds))
        graph = as_layers(names, edges)
        crossings, plain = count_crossings(graph, ordered(graph)), swept(graph)
        making, page = timed(lineage_page, made_up_report(size))
        print(
            f"{size:>6,} {len(edges):>6,} {seconds:>9.3f} {crossings:>10,} {plain:>10,} "
            f"{len(page) / 1000:>8,.0f} {making:>7.2f}"
        )
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            (arguments.keep / f"{size}.html").write_text(page, encoding="utf-8")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=lambda text: [int(word) for word in text.split(",")], default=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="write the pages into this folder")
    return parser.parse_args()


def timed(work, *given):
    begin = time.process_time()
    result = work(*given)
    return time.process_time() - begin, result


def as_layers(names: list[str], edges: list[tuple[str, str]]) -> Layered:
    number = {name: place for place, name in enumerate(sorted(names))}
    children: list[list[int]] = [[] for _ in names]
    for parent, child in sorted(set(edges)):
        children[number[parent]].append(number[child])
    return layered(children, stay_left=[True] * len(names))


def swept(graph: Layered, rounds: int = 8) -> int:
    order: list[list[int]] = [[] for _ in range(graph.layers)]
    place = [0.0] * len(graph.depth)
    for item, depth in enumerate(graph.depth):
        place[item] = len(order[depth])
        order[depth].append(item)
    for turn in range(rounds):
        beside = graph.left if turn % 2 == 0 else graph.right
        for layer in order if turn % 2 == 0 else reversed(order):
            layer.sort(
                key=lambda i: sum(place[n] for n in beside[i]) / len(beside[i]) if beside[i] else place[i]
            )
            for at, item in enumerate(layer):
                place[item] = at
    return count_crossings(graph, order)


if __name__ == "__main__":
    main()
