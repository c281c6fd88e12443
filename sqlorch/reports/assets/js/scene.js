// What is on the canvas: cards and the lines between them, in world pixels.
// A card is a node, or stands for all nodes of a folder, schema or group.

const PITCH_Y = 56;
const MAX_ROWS = 24;

function buildScene(graph, state, path, detail) {
  const scene = chooseScene(graph, state, path, detail);
  scene.place = new Map();
  scene.items.forEach((item, at) => (item.members ? item.members : [item.node]).forEach((node) => scene.place.set(node, at)));
  scene.near = nearItems(scene);
  scene.bounds = boundsOf(scene);
  return scene;
}

function chooseScene(graph, state, path, detail) {
  if (path) return columnScene(graph, path, detail);
  if (state.mode === 'focus' && state.selected >= 0) return focusScene(graph, state, detail);
  if (state.collapse) return collapsedScene(graph, state);
  return wholeScene(graph, state, detail);
}

function nodeItem(graph, node, rows = []) {
  const { name, x, y } = graph.nodes[node];
  const more = Math.max(0, rows.length - MAX_ROWS);
  const shown = rows.slice(0, MAX_ROWS);
  const height = CARD.height + (shown.length ? shown.length * CARD.row + (more ? CARD.row : 0) + 6 : 0);
  return { node, label: plain(name), x: x * PITCH_X, y: y * PITCH_Y, width: CARD.width, height, rows: shown, more };
}

const columnsOf = (graph, detail, node) => detail?.nodes.get(graph.nodes[node].id)?.columns ?? [];

/** Every node where the file says. Cards opened to their columns hang down over what is below them. */
function wholeScene(graph, state, detail) {
  const items = graph.nodes.map((_, node) => {
    const item = nodeItem(graph, node, state.cards.has(node) ? columnsOf(graph, detail, node) : []);
    item.y += (item.height - CARD.height) / 2;
    return item;
  });
  const edges = graph.edges.map(([a, b, kind, bends]) => ({ a, b, kind, bends: bends.map(([x, y]) => [x * PITCH_X, y * PITCH_Y]) }));
  return { items, edges, name: 'whole' };
}

/** One node and what is near it; `opened` are nodes whose hidden neighbours were asked for. */
function focusScene(graph, state, detail) {
  const shown = new Set([...reach(graph.parents, state.selected, state.up).keys(), ...reach(graph.children, state.selected, state.down).keys()]);
  for (const [node, side] of state.opened) if (shown.has(node)) graph[side][node].forEach((other) => shown.add(other));
  const items = [...shown].map((node) => nodeItem(graph, node, state.cards.has(node) ? columnsOf(graph, detail, node) : []));
  for (const item of items) {
    item.hiddenUp = graph.parents[item.node].filter((other) => !shown.has(other)).length;
    item.hiddenDown = graph.children[item.node].filter((other) => !shown.has(other)).length;
  }
  return arrange({ items, edges: edgesAmong(graph, items), name: 'focus' });
}

function edgesAmong(graph, items) {
  const at = new Map(items.map((item, index) => [item.node, index]));
  const inside = graph.edges.filter(([a, b]) => at.has(a) && at.has(b));
  return inside.map(([a, b, kind]) => ({ a: at.get(a), b: at.get(b), kind, bends: [] }));
}

/** The tables a column passes through, each with the columns that matter, and the lines from row to row. */
function columnScene(graph, path, detail) {
  const items = [...path.lit].map(([node, names]) => {
    const known = columnsOf(graph, detail, node).filter((column) => names.has(column.name));
    const extra = [...names].filter((name) => !known.some((column) => column.name === name)).map((name) => ({ name, type: '' }));
    return nodeItem(graph, node, [...known, ...extra]);
  });
  const at = new Map(items.map((item, index) => [item.node, index]));
  const row = (node, name) => (name === null ? -1 : items[at.get(node)].rows.findIndex((column) => column.name === name));
  const edges = [...path.up, ...path.down, ...path.indirect].map((edge) => ({
    a: at.get(edge.from), b: at.get(edge.to), kind: edge.dashed ? 'indirect' : 'ref', bends: [], step: edge,
    fromRow: row(edge.from, edge.fromColumn), toRow: row(edge.to, edge.toColumn),
  }));
  return arrange({ items, edges, name: 'column' });
}

/** One card for each folder, schema or group, except those that were opened. */
function collapsedScene(graph, state) {
  const { of } = COLLAPSE_BY[state.collapse];
  const short = state.collapse === 'folder' ? withoutSharedFolder(graph) : (key) => key;
  const items = [];
  const at = new Int32Array(graph.nodes.length);
  const boxes = new Map();
  graph.nodes.forEach((node, index) => {
    const key = of(node);
    if (!state.expanded.has(key)) {
      if (!boxes.has(key)) boxes.set(key, items.push({ key, label: plain(short(key)), members: [], width: CARD.width, height: CARD.height + 12, rows: [], x: 0, y: 0 }) - 1);
      at[index] = boxes.get(key);
      items[at[index]].members.push(index);
    } else at[index] = items.push({ ...nodeItem(graph, index), inside: key }) - 1;
  });
  for (const item of items) if (item.members) centre(item, graph);
  return arrange({ items, edges: bundled(graph, at), name: 'collapsed' });
}

/** Folder names without the first folder, where nearly all share it: "models/" says nothing on every card. */
function withoutSharedFolder(graph) {
  const first = (path) => path.split('/')[0];
  const counts = new Map();
  for (const { folder } of graph.nodes) counts.set(first(folder), (counts.get(first(folder)) ?? 0) + 1);
  const [shared] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [''];
  return (key) => (key.startsWith(`${shared}/`) ? key.slice(shared.length + 1) : key);
}

function centre(item, graph) {
  for (const index of item.members) {
    item.x += (graph.nodes[index].x * PITCH_X) / item.members.length;
    item.y += (graph.nodes[index].y * PITCH_Y) / item.members.length;
  }
}

function bundled(graph, at) {
  const found = new Map();
  for (const [from, to, kind] of graph.edges) {
    const [a, b] = [at[from], at[to]];
    if (a === b) continue;
    const key = `${a} ${b}`;
    if (found.has(key)) found.get(key).count += 1;
    else found.set(key, { a, b, kind, bends: [], count: 1 });
  }
  return [...found.values()];
}

function arrange(scene) {
  const boxes = scene.items.map((item) => ({ height: item.height, hintX: item.x, hintY: item.y }));
  const { x, y, bends, back } = layered(boxes, scene.edges.map((edge) => [edge.a, edge.b]));
  scene.items.forEach((item, at) => Object.assign(item, { x: x[at], y: y[at] }));
  scene.edges.forEach((edge, at) => {
    edge.bends = bends[at];
    edge.back = back[at];
  });
  return scene;
}

function nearItems(scene) {
  const near = scene.items.map(() => ({ up: [], down: [] }));
  scene.edges.forEach((edge, index) => {
    near[edge.a].down.push(index);
    near[edge.b].up.push(index);
  });
  return near;
}

function boundsOf({ items, edges }) {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const item of items) {
    box.left = Math.min(box.left, item.x - item.width / 2);
    box.right = Math.max(box.right, item.x + item.width / 2);
    box.top = Math.min(box.top, item.y - item.height / 2);
    box.bottom = Math.max(box.bottom, item.y + item.height / 2);
  }
  for (const { bends } of edges) {
    for (const [, y] of bends) {
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
    }
  }
  return items.length ? box : { left: 0, top: 0, right: 1, bottom: 1 };
}
