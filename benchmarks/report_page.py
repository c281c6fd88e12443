"""How fast the lineage report opens and moves. Run it with `python benchmarks/report_page.py`.

Reports of made-up projects are opened from disk in headless Chromium without a GPU, each several times:

- file: size of the HTML file.
- first paint: from the start of the navigation until the graph is drawn (the page notes the moment itself).
- complete: until columns, tests and SQL are unpacked too.
- frames per second: while the whole project, and then a part of it zoomed in, is panned in circles for three
  seconds; the slowest of a hundred frames (p99) beside it, because that one is what is felt.

Figures of one machine and sitting compare with each other only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.browser import chromium, missing
from support.report_graphs import made_up_report

from sqlorch.reports.page import lineage_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WINDOW = {"width": 1600, "height": 1000}
FRAMES = 180
PAN = """async ({zoom, step, frames}) => {
  const { act } = window.sqlorch;
  act.fit();
  if (zoom > 1) act.zoom(zoom);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const times = [];
  let last = performance.now();
  for (let frame = 0; frame < frames; frame += 1) {
    const angle = (frame / 120) * 2 * Math.PI;
    act.pan(step * Math.cos(angle), step * Math.sin(angle));
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  return times;
}"""


def opening(browser: Browser, file: Path) -> tuple[float, float]:
    """Milliseconds to the first paint of the graph, and until everything is read."""
    page = browser.new_page(viewport=WINDOW)
    page.goto(file.as_uri())
    page.evaluate("window.sqlorch.ready")
    painted = page.evaluate("window.sqlorch.painted")
    complete = page.evaluate("window.sqlorch.complete.then(() => performance.now())")
    page.close()
    return painted, complete


def panning(browser: Browser, file: Path, zoom: float) -> dict[str, float]:
    """Frames per second, and the time of the slowest of a hundred frames in milliseconds."""
    page = browser.new_page(viewport=WINDOW)
    page.goto(file.as_uri())
    page.evaluate("window.sqlorch.complete")
    page.wait_for_timeout(500)
    times = page.evaluate(PAN, {"zoom": zoom, "step": 12, "frames": FRAMES})
    page.close()
    return {"fps": 1000 / statistics.fmean(times), "p99_ms": statistics.quantiles(times, n=100)[98]}


def measured(browser: Browser, folder: Path, nodes: int, rounds: int) -> dict[str, Any]:
    file = folder / f"{nodes}.html"
    file.write_text(lineage_page(made_up_report(nodes)), encoding="utf-8")
    openings = [opening(browser, file) for _ in range(rounds)]
    return {
        "nodes": nodes,
        "file_kb": file.stat().st_size / 1000,
        "first_paint_ms": statistics.median(painted for painted, _ in openings),
        "complete_ms": statistics.median(complete for _, complete in openings),
        "pan_whole": panning(browser, file, 1),
        "pan_zoomed": panning(browser, file, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, nargs="+", default=[150, 740, 1500, 5000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if reason := missing():
        raise SystemExit(f"this benchmark {reason}")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        rows = [measured(browser, Path(folder), nodes, arguments.rounds) for nodes in arguments.nodes]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    heads = f"{'nodes':>6} {'file kB':>8} {'first paint':>12} {'complete':>10}"
    print(f"{heads} {'pan, all in view':>22} {'pan, zoomed in':>22}")
    for row in rows:
        pans = [
            f"{p['fps']:.0f} fps, p99 {p['p99_ms']:.0f} ms" for p in (row["pan_whole"], row["pan_zoomed"])
        ]
        opened = f"{row['first_paint_ms']:>9.0f} ms {row['complete_ms']:>7.0f} ms"
        print(f"{row['nodes']:>6} {row['file_kb']:>8.0f} {opened} {pans[0]:>22} {pans[1]:>22}")


if __name__ == "__main__":
    main()
