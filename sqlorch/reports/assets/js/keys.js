// Keys that work wherever the focus is, except while typing.

const Keys = (() => {
  const TYPING = new Set(['INPUT', 'TEXTAREA', 'SELECT']);

  const KEYS = {
    '/': () => Search.open(), '?': () => Help.open(), l: () => Controls.toggleList(), f: () => Act.toggleFocus(), w: () => Act.whole(), c: () => Act.card(),
    t: () => Act.toggleView(), 0: () => Stage.fit(), '+': () => Act.zoom(1.3), '=': () => Act.zoom(1.3), '-': () => Act.zoom(1 / 1.3),
    '[': () => Act.hops('both', -1), ']': () => Act.hops('both', 1), Escape: () => Act.clear(),
    ArrowLeft: () => Walk.along('parents'), ArrowRight: () => Walk.along('children'), ArrowUp: () => Walk.within(-1), ArrowDown: () => Walk.within(1),
  };
  const ARROWS = /^Arrow/;

  function press(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      return Search.open();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || Search.isOpen() || byId('help').open) return undefined;
    if (TYPING.has(event.target.tagName)) return leave(event);
    if (event.key === 'Enter' && event.target === Stage.canvas) return Act.details();
    if (ARROWS.test(event.key) && !onStage(event.target)) return undefined; // elsewhere arrows scroll
    const act = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
    if (!act) return undefined;
    event.preventDefault();
    return act();
  }

  const onStage = (target) => target === document.body || target === Stage.canvas;

  function leave(event) {
    if (event.key !== 'Escape') return;
    if (event.target.value && event.target.id === 'filter') Act.filter('');
    else event.target.blur();
  }

  return { start: () => document.addEventListener('keydown', press) };
})();

/** Steps from card to card: along the lines, or up and down a layer. */
const Walk = (() => {
  const items = () => Stage.picture().scene.items;

  function current() {
    const { scene } = Stage.picture();
    return chosen(app.state, scene);
  }

  function go(at) {
    const item = items()[at];
    if (!item) return;
    if (item.members) Act.selectGroup(item.key);
    else Act.select(item.node, { walk: true });
    Stage.reveal(Stage.picture().scene.items.indexOf(item) >= 0 ? at : (Stage.picture().scene.place.get(item.node) ?? -1));
  }

  /** To the linked card at the most similar height. */
  function along(side) {
    const from = current();
    if (from < 0) return go(first());
    const { scene } = Stage.picture();
    const linked = side === 'parents' ? scene.near[from].up.map((edge) => scene.edges[edge].a) : scene.near[from].down.map((edge) => scene.edges[edge].b);
    const away = (at) => Math.abs(scene.items[at].y - scene.items[from].y);
    return go(linked.sort((a, b) => away(a) - away(b))[0]);
  }

  function within(by) {
    const from = current();
    if (from < 0) return go(first());
    const column = items().map((_, at) => at).filter((at) => Math.abs(items()[at].x - items()[from].x) < PITCH_X / 2);
    column.sort((a, b) => items()[a].y - items()[b].y);
    return go(column[column.indexOf(from) + by]);
  }

  function first() {
    const shown = Stage.visibleNodes();
    const corner = (item) => item.x + item.y / 4;
    return items().indexOf([...shown].sort((a, b) => corner(a) - corner(b))[0]);
  }

  return { along, within };
})();
