// What was built, coloured by how it ended: places were found when the report was made.

const Graph = (() => {
  const [ACROSS, DOWN, WIDTH, HEIGHT, AIR] = [232, 56, 184, 38, 10];
  const [LEAST, FINGER] = [0.6, 0.85]; // of its size: names are to be read, and hit by a finger where it is scrolled sideways anyway

  let frame = null;

  function element(run) {
    const { places, edges } = run.drawing;
    if (places.length < 2) return null;
    const at = new Map(places.map(([index, x, y]) => [index, { x: x * ACROSS, y: y * DOWN }]));
    const box = bounds([...at.values(), ...edges.flatMap(([, , bends]) => bends.map(([x, y]) => ({ x: x * ACROSS, y: y * DOWN })))]);
    const steps = new Set(run.path.slice(1).map((step, place) => `${onNode(run, run.path[place].node)} ${onNode(run, step.node)}`));
    const lines = edges.map(([from, to, bends]) => edge(at.get(from), at.get(to), bends, steps.has(`${from} ${to}`)));
    const cards = places.map(([index]) => card(run.nodes[index], index, at.get(index)));
    const svg = svgEl('svg', { viewBox: `${box.left} ${box.top} ${box.width} ${box.height}`, width: box.width, height: box.height, class: 'graph', role: 'group', 'aria-label': 'Graph of the run' }, ...lines.sort((a, b) => a.order - b.order).map(({ line }) => line), ...cards);
    svg.style.minWidth = `${Math.round(Math.min(box.width, Math.max(box.width * least(box.width), 320)))}px`;
    frame = el('div', { class: 'frame scroll', tabindex: '0', role: 'region', 'aria-label': 'Graph of the run' }, svg);
    return section('graph', 'Graph', frame);
  }

  const least = (width) => (matchMedia('(pointer: coarse)').matches && width * LEAST > innerWidth ? FINGER : LEAST);

  /** Once it is on the page: a graph larger than its frame opens where something failed, or where the slowest path begins. */
  function start() {
    const card = frame?.querySelector('.graph-card.s-failed') ?? frame?.querySelector('.graph-card.critical');
    if (!card) return;
    const [here, there] = [frame.getBoundingClientRect(), card.getBoundingClientRect()];
    frame.scrollLeft = there.left - here.left - (here.width - there.width) / 2;
    frame.scrollTop = there.top - here.top - (here.height - there.height) / 2;
  }

  /** A test stands with what it tests. */
  const onNode = (run, index) => run.nodes[index].on ?? index;

  function bounds(points) {
    const xs = points.map(({ x }) => x);
    const ys = points.map(({ y }) => y);
    const [left, top] = [Math.min(...xs) - WIDTH / 2 - AIR, Math.min(...ys) - HEIGHT / 2 - AIR];
    return { left, top, width: Math.max(...xs) + WIDTH / 2 + AIR - left, height: Math.max(...ys) + HEIGHT / 2 + AIR - top };
  }

  function edge(from, to, bends, critical) {
    let [x, y] = [from.x + WIDTH / 2, from.y];
    let path = `M${x} ${y}`;
    for (const [nextX, nextY] of [...bends.map(([a, b]) => [a * ACROSS, b * DOWN]), [to.x - WIDTH / 2, to.y]]) {
      const reach = Math.max((nextX - x) / 2, 0);
      path += `C${x + reach} ${y} ${nextX - reach} ${nextY} ${nextX} ${nextY}`;
      [x, y] = [nextX, nextY];
    }
    return { order: Number(critical), line: svgEl('path', { d: path, class: critical ? 'graph-edge critical' : 'graph-edge' }) };
  }

  function card(node, index, { x, y }) {
    const spent = isSpent(node) ? Format.seconds(node.seconds) : stateWord(node.state);
    const label = `${plain(node.name)}, ${stateWord(node.state)}${isSpent(node) ? `, ${spent}` : ''}`;
    const face = button({ class: `graph-card ${stateClass(node.state)}${node.critical ? ' critical' : ''}`, title: label, 'aria-label': label, onclick: () => Nodes.show(index) },
      icon(ICONS[node.state] ? node.state : 'skipped'), el('span', { class: 'name', dir: 'auto', text: plain(node.name) }), el('span', { class: 'count', text: spent }));
    return svgEl('foreignObject', { x: x - WIDTH / 2, y: y - HEIGHT / 2, width: WIDTH, height: HEIGHT }, face);
  }

  return { element, start };
})();
