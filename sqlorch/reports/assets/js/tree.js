// The same nodes as a list: folders that open, for keyboards and screen readers, and a filter.
// Follows the ARIA tree pattern; one entry at a time is in the tab order.

const Tree = (() => {
  const SHOWN = 400;
  const root = byId('tree');
  const filter = byId('filter');
  let graph = null;
  let folders = new Map();
  let found = null;

  function start(given) {
    graph = given;
    folders = new Map();
    graph.nodes.forEach((node, index) => {
      const key = node.folder || 'no folder';
      if (!folders.has(key)) folders.set(key, []);
      folders.get(key).push(index);
    });
    folders = new Map([...folders].sort(([a], [b]) => (a < b ? -1 : 1)));
    for (const list of folders.values()) list.sort((a, b) => graph.nodes[a].name.localeCompare(graph.nodes[b].name));
    filter.addEventListener('input', () => Act.filter(filter.value));
    root.addEventListener('keydown', keys);
    draw();
  }

  function draw() {
    const openAll = graph.nodes.length <= 60;
    fill(root, ...(found ? matches() : [...folders].map(([name, list]) => folder(name, list, openAll || folders.size === 1))));
    const first = root.querySelector('[role=treeitem]');
    if (first) first.tabIndex = 0;
  }

  function matches() {
    const list = [...found].sort((a, b) => graph.nodes[a].name.localeCompare(graph.nodes[b].name));
    const items = list.slice(0, SHOWN).map((index) => leaf(index, 1));
    if (list.length > SHOWN) items.push(el('p', { class: 'muted', text: `and ${Format.number(list.length - SHOWN)} more` }));
    return items;
  }

  function folder(name, list, open) {
    const head = el('div', { class: 'folder' }, icon('down', 'twist'), el('span', { class: 'name', dir: 'auto', text: plain(name) }), el('span', { class: 'count', text: Format.number(list.length) }));
    const inside = el('div', { role: 'group' });
    const item = el('div', { role: 'treeitem', 'aria-expanded': 'false', 'aria-level': '1', tabindex: '-1', 'aria-label': `${plain(name)}, ${Format.count(list.length, 'node')}` }, head, inside);
    item.setOpen = (wanted) => {
      item.setAttribute('aria-expanded', String(wanted));
      if (wanted && !inside.childElementCount) inside.append(...list.map((index) => leaf(index, 2)));
      inside.hidden = !wanted;
    };
    item.setOpen(open);
    head.addEventListener('click', () => {
      item.setOpen(item.getAttribute('aria-expanded') === 'false');
      focus(item, false);
    });
    return item;
  }

  function leaf(index, level) {
    const node = graph.nodes[index];
    const state = node.state ? `, ${Format.state(node.state)}` : '';
    const bad = ['failed', 'upstream_failed', 'warn'].includes(node.state);
    const item = el('div',
      { role: 'treeitem', class: 'leaf', 'aria-level': String(level), tabindex: '-1', 'aria-selected': 'false', 'data-node': String(index), 'aria-label': `${plain(node.name)}, ${node.kind}${state}` },
      icon(node.kind, `k-${node.kind}`), el('span', { class: 'name', dir: 'auto', text: plain(node.name) }), bad ? el('span', { class: `bullet s-${node.state.replaceAll('_', '-')}` }) : null);
    item.addEventListener('pointerenter', () => Act.point(index));
    item.addEventListener('pointerleave', () => Act.point(-1));
    item.addEventListener('click', () => {
      Act.go(index);
      if (innerWidth < 900) document.body.classList.add('no-list'); // there it lies over the drawing
    });
    return item;
  }

  const items = () => [...root.querySelectorAll('[role=treeitem]')].filter((item) => !item.parentElement.closest('[hidden]'));

  function focus(item, move = true) {
    if (!item) return;
    root.querySelectorAll('[tabindex="0"]').forEach((other) => (other.tabIndex = -1));
    item.tabIndex = 0;
    if (move) item.focus();
  }

  function keys(event) {
    const item = event.target.closest('[role=treeitem]');
    const act = item && { ArrowDown: () => step(item, 1), ArrowUp: () => step(item, -1), ArrowRight: () => inward(item), ArrowLeft: () => outward(item), Home: () => focus(items()[0]), End: () => focus(items().at(-1)), Enter: () => choose(item), ' ': () => choose(item) }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  const step = (item, by) => focus(items()[items().indexOf(item) + by]);
  const isFolder = (item) => item.hasAttribute('aria-expanded');

  function inward(item) {
    if (!isFolder(item)) return Act.go(Number(item.dataset.node));
    if (item.getAttribute('aria-expanded') === 'false') return item.setOpen(true);
    return step(item, 1);
  }

  function outward(item) {
    if (isFolder(item) && item.getAttribute('aria-expanded') === 'true') return item.setOpen(false);
    return focus(item.parentElement.closest('[role=treeitem]'));
  }

  function choose(item) {
    if (isFolder(item)) item.setOpen(item.getAttribute('aria-expanded') === 'false');
    else Act.go(Number(item.dataset.node));
  }

  /** Shows which nodes match (a set), or all of them (null). */
  function setMatches(set, text) {
    found = set;
    if (filter.value !== text) filter.value = text;
    byId('filter-count').textContent = set ? `${Format.number(set.size)} of ${Format.number(graph.nodes.length)}` : '';
    draw();
  }

  function select(index) {
    root.querySelectorAll('[aria-selected=true]').forEach((item) => item.setAttribute('aria-selected', 'false'));
    if (index < 0) return;
    if (!found) openFolder(graph.nodes[index].folder || 'no folder');
    const item = root.querySelector(`[data-node="${index}"]`);
    if (!item) return;
    item.setAttribute('aria-selected', 'true');
    focus(item, false);
    item.scrollIntoView({ block: 'nearest' });
  }

  function openFolder(name) {
    const at = [...folders.keys()].indexOf(name);
    root.children[at]?.setOpen?.(true);
  }

  return { start, setMatches, select, items, focusFirst: () => focus(root.querySelector('[tabindex="0"]')) };
})();
