// The state of the page and everything that may change it. Each act changes the state and then shows it.

const FOCUS_FROM = 300; // nodes from which choosing one shows its surroundings instead of the whole project
const FOCUS_FROM_PHONE = 12;

const app = {
  graph: null, detail: null, columns: null, overlay: null, path: null, timeline: null, sceneKey: '',
  state: {
    selected: -1, group: null, column: null, mode: 'whole', up: 1, down: 1, opened: [], overlay: 'kind', collapse: '', expanded: new Set(),
    view: 'graph', filter: '', only: null, indirect: true, cards: new Set(),
  },
};

const Act = {
  select(node, { walk = false } = {}) {
    const { state, graph } = app;
    const many = graph.nodes.length > (innerWidth < 640 ? FOCUS_FROM_PHONE : FOCUS_FROM);
    const focus = many && state.view === 'graph' && !state.collapse && state.selected < 0 && !walk;
    change({ selected: node, group: null, column: null, opened: [], ...(focus ? { mode: 'focus', up: 1, down: 1 } : {}) }, true);
    announceNode(node);
  },

  /** Chooses a node that may be out of sight: from the list, a link, the search. */
  go(node) {
    const { state, graph } = app;
    if (state.collapse) state.expanded.add(COLLAPSE_BY[state.collapse].of(graph.nodes[node]));
    Act.select(node);
    Stage.reveal(Stage.picture().scene.place.get(node) ?? -1);
  },

  selectGroup(key) {
    change({ selected: -1, group: key, column: null }, true);
    announce(`${key} selected`);
  },

  column(node, column) {
    change({ selected: node, group: null, column, view: 'graph' }, true);
    const { path } = app;
    if (path) announce(`Path of ${column}: ${Format.count(path.up.size, 'step')} up, ${Format.count(path.down.size, 'step')} down`);
  },

  /** One step back: from a column to its node, from focus to the whole, from a node to nothing. */
  clear() {
    const { state } = app;
    if (state.column !== null) return change({ column: null }, true);
    if (state.only !== null) return change({ only: null });
    if (state.filter) return change({ filter: '' });
    if (state.mode === 'focus') return change({ mode: 'whole', selected: -1 }, true);
    return change({ selected: -1, group: null }, true);
  },

  focus(node = app.state.selected) {
    if (node >= 0) change({ selected: node, group: null, column: null, mode: 'focus', opened: [], view: 'graph' }, true);
  },
  whole: () => change({ mode: 'whole', column: null }, true),
  toggleFocus: () => (app.state.mode === 'focus' ? Act.whole() : Act.focus()),
  open: (node, side) => change({ opened: [...app.state.opened, [node, side]] }),
  hops(side, by) {
    const more = (hops) => Math.min(50, Math.max(0, hops + by));
    const { up, down } = app.state;
    change({ up: side === 'down' ? up : more(up), down: side === 'up' ? down : more(down) });
  },

  overlay: (id) => change({ overlay: id, only: null }),
  collapse: (by) => change({ collapse: by, expanded: new Set(), group: null, mode: 'whole', column: null }),
  expand: (key) => change({ expanded: new Set([...app.state.expanded, key]), group: null }),
  fold: (key) => change({ expanded: new Set([...app.state.expanded].filter((other) => other !== key)) }),
  only: (key) => change({ only: app.state.only === key ? null : key }),
  filter: (text) => change({ filter: text }),
  indirect: (on) => change({ indirect: on }),
  view: (view) => change({ view }, true),
  toggleView: () => app.graph.gantt?.bars.length && Act.view(app.state.view === 'graph' ? 'timeline' : 'graph'),
  card(node = app.state.selected) {
    if (node < 0 || !app.detail) return;
    const cards = new Set(app.state.cards);
    if (!cards.delete(node)) cards.add(node);
    change({ cards });
  },

  /** Outlines a card without choosing it. */
  point: (node) => Stage.hover(node < 0 ? -1 : (app.scene.place.get(node) ?? -1)),
  zoom: (factor) => Stage.zoomAt(factor, Stage.camera.width / 2, Stage.camera.height / 2),
  details() {
    if (!byId('panel').hidden) byId('panel').focus();
  },
  resized() {
    const [x, y] = Stage.camera.toWorld(Stage.camera.width / 2, Stage.camera.height / 2);
    if (!Stage.resize()) return;
    if (Stage.isFitted()) Stage.fit(false);
    else Stage.camera.centreOn(x, y);
    Stage.redraw();
  },
};

function change(patch, push = false) {
  Object.assign(app.state, patch);
  render();
  Hash.write(app, push);
}

function announceNode(node) {
  const { graph } = app;
  const { name, kind, state } = graph.nodes[node];
  announce(`${name}, ${kind}, reads from ${graph.parents[node].length}, read by ${graph.children[node].length}${state ? `, last run ${Format.state(state)}` : ''}`);
}

function render() {
  const { state, graph } = app;
  app.path = state.column !== null && app.columns ? tracePath(app.columns, state.selected, state.column, state.indirect) : null;
  app.overlay = Overlays.apply(state.overlay, graph.nodes);
  const scene = currentScene();
  const matches = state.filter ? filtered() : null;
  const lights = makeLights(graph, state, scene, app.overlay, app.path, matches);
  const fresh = app.sceneKey !== sceneName();
  app.sceneKey = sceneName();
  const moved = Stage.picture()?.scene !== scene && scene.name !== 'whole';
  const before = Stage.remember();
  Stage.show({ graph, scene, lights, overlay: app.overlay, column: state.column });
  showPanel();
  showView();
  if (fresh || (moved && Stage.isFitted()) || Stage.isCovered()) {
    Stage.fit(false);
    Stage.glideFrom(before);
  }
  showFilter(matches);
  Controls.update();
}

/** What the camera is fitted to anew; opening a card or a neighbour is no reason to lose one's place. */
function sceneName() {
  const { state, path } = app;
  if (path) return `column ${state.selected} ${state.column}`;
  if (state.mode === 'focus' && state.selected >= 0) return `focus ${state.selected} ${state.up} ${state.down}`;
  return state.collapse ? `collapse ${state.collapse}` : 'whole';
}

function currentScene() {
  const { state } = app;
  const key = JSON.stringify([sceneName(), state.indirect, [...state.expanded], state.opened, [...state.cards], Boolean(app.detail)]);
  if (app.madeFor !== key) {
    app.scene = buildScene(app.graph, state, app.path, app.detail);
    app.madeFor = key;
  }
  return app.scene;
}

function filtered() {
  const fits = matcher(app.state.filter);
  const found = new Set();
  app.graph.nodes.forEach((node, index) => fits(searchText(node, app.detail?.nodes.get(node.id))) && found.add(index));
  return found;
}

function showView() {
  const timeline = app.state.view === 'timeline';
  byId('timeline').hidden = !timeline;
  byId('stage').hidden = timeline;
  if (!timeline) return Act.resized();
  app.timeline ??= makeTimeline(byId('timeline'), {
    rows: timelineRows(app.graph), seconds: app.graph.gantt.seconds, choose: (node) => Act.select(node), critical: app.graph.nodes.some((node) => node.critical), skipped: app.graph.gantt.skipped_bars,
  });
  return app.timeline.select(app.state.selected);
}

let shownPanel = '';

function showPanel() {
  const { state, scene, path } = app;
  const key = JSON.stringify([state.selected, state.group, state.column, state.mode, state.indirect, state.collapse, [...state.cards], Boolean(app.detail), Boolean(path)]);
  if (key === shownPanel) return;
  shownPanel = key;
  const item = state.group === null ? null : scene.items.find((each) => each.members && each.key === state.group);
  if (path) Columns.panel(app, path);
  else if (state.selected >= 0) Panel.node(app, state.selected);
  else if (item) Panel.group(app, item);
  else Panel.hide();
  Act.resized();
  Tree.select(state.selected);
}

let shownFilter = '';

function showFilter(matches) {
  if (app.state.filter === shownFilter) return;
  shownFilter = app.state.filter;
  Tree.setMatches(matches, shownFilter);
}
