// Opening: the graph first, so that something is to be seen at once; columns, tests and SQL after that.

async function start() {
  Theme.start();
  app.graph = makeGraph(await unpack('graph'));
  if (innerWidth < 900) document.body.classList.add('no-list');
  Stage.resize();
  Search.start(app);
  Controls.start(app);
  Tree.start(app.graph);
  Minimap.start();
  Pointer.start();
  Keys.start();
  listen();
  Object.assign(app.state, Hash.read(app.graph));
  showEmpty();
  render();
  Stage.draw();
  window.sqlorch.painted = performance.now();
}

async function readDetail() {
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const raw = await unpack('detail');
  app.columns = makeColumns(raw.column_edges);
  app.detail = { nodes: new Map(Object.entries(raw.nodes)) };
  render();
}

function listen() {
  addEventListener('popstate', () => {
    if (!Hash.changed()) return;
    Object.assign(app.state, { group: null, opened: [], only: null }, Hash.read(app.graph));
    render();
  });
  new ResizeObserver(() => Act.resized()).observe(byId('stage'));
  Theme.onChange(repaint);
  matchMedia('print').addEventListener('change', (event) => onPaper(event.matches));
}

function repaint() {
  Controls.themeButton();
  Minimap.forget();
  render();
  Stage.draw();
}

/** On paper: light, and the whole drawing, whatever is in view. Afterwards everything is as it was. */
function onPaper(printing) {
  if (printing) app.beforePrint = Stage.place();
  Stage.resize();
  repaint();
  if (printing) Stage.fit(false);
  else if (app.beforePrint) Stage.restore(app.beforePrint);
  Stage.draw();
}

function showEmpty() {
  const empty = byId('empty');
  empty.hidden = app.graph.nodes.length > 0;
  document.body.classList.toggle('nothing', !empty.hidden);
  if (!empty.hidden) fill(empty, el('h2', { text: 'Nothing to draw yet' }), el('p', { text: 'This project has no models, seeds, snapshots or sources. Add a .sql file to its models folder and make the report again.' }));
}

/** An old browser or a damaged file: say so instead of staying blank. */
function showFailure(error) {
  const empty = byId('empty');
  empty.hidden = false;
  document.body.classList.add('nothing');
  const old = typeof DecompressionStream === 'undefined';
  const advice = old ? 'This browser is too old for it: any of 2024 or later will do.' : `The file seems to be damaged (${plain(error.message)}). Make it again.`;
  fill(empty, el('h2', { text: 'The report cannot be opened' }), el('p', { text: advice }));
  throw error;
}

/** What the page shows, as plain data: for tests and for anyone who scripts it. */
function snapshot() {
  const { state, graph, path, scene } = app;
  const name = (index) => (index < 0 ? null : graph.nodes[index].id);
  const lit = path ? [...path.lit].flatMap(([node, columns]) => [...columns].map((column) => [name(node), column])) : [];
  return {
    selected: name(state.selected), group: state.group, column: state.column, mode: state.mode, up: state.up, down: state.down, overlay: state.overlay,
    collapse: state.collapse, expanded: [...state.expanded], view: state.view, filter: state.filter, only: state.only, indirect: state.indirect,
    theme: Theme.name(), zoom: Stage.camera.zoom, x: Stage.camera.x, y: Stage.camera.y, scene: scene.name,
    items: scene.items.map((item) => (item.members ? { group: item.key, count: item.members.length } : { id: name(item.node) })),
    visible: Stage.visibleNodes().map((item) => (item.members ? item.key : name(item.node))),
    edges: scene.edges.length, columns: lit, steps: path ? { up: path.up.size, down: path.down.size, indirect: path.indirect.size } : null,
    dimmed: [...Stage.picture().lights.items].filter((tone) => tone === TONE.dim).length, legend: app.overlay.legend.map(({ key, label, count }) => ({ key, label, count })),
  };
}

/** Where a node, a collapsed card or a column of an open card is, in pixels of the page. */
function locate(id, column = null) {
  const { graph, scene } = app;
  const at = graph.indexOf.has(id) ? (scene.place.get(graph.indexOf.get(id)) ?? -1) : scene.items.findIndex((item) => item.key === id);
  if (at < 0) return null;
  const item = scene.items[at];
  const box = boxOf(item, Stage.view());
  const page = Stage.canvas.getBoundingClientRect();
  const row = item.rows.findIndex((each) => each.name === column);
  const down = row < 0 ? Math.min(box.height, CARD.height * Stage.camera.scaleY()) / 2 : (CARD.height + 2 + (row + 0.5) * CARD.row) * Stage.camera.scaleY();
  return { x: page.left + box.left + box.width / 2, y: page.top + box.top + down };
}

const withId = (act) => (id, ...rest) => act(app.graph.indexOf.get(id) ?? -1, ...rest);

window.sqlorch = {
  version: 1,
  painted: null,
  state: snapshot,
  locate,
  act: {
    select: withId(Act.go), focus: withId(Act.focus), whole: Act.whole, column: withId(Act.column), clear: Act.clear, overlay: Act.overlay, collapse: Act.collapse,
    expand: Act.expand, fold: Act.fold, filter: Act.filter, only: Act.only, view: Act.view, hops: Act.hops, indirect: Act.indirect, card: withId(Act.card), zoom: Act.zoom,
    pan: Stage.pan, fit: () => Stage.fit(false), theme: Theme.toggle, search: (query) => Search.find(query), draw: Stage.draw, svg: () => SvgExport.make(Stage.picture()), png: Export.pngBlob,
  },
};
window.sqlorch.ready = start().catch(showFailure);
window.sqlorch.complete = window.sqlorch.ready.then(readDetail);
