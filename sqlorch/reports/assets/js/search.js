// Find anything from the keyboard: names, columns, paths. An ARIA combobox with a list box.

const Search = (() => {
  const MOST = 50;
  const dialog = byId('search');
  const input = el('input', { type: 'text', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'found', 'aria-autocomplete': 'list', autocomplete: 'off', spellcheck: 'false', placeholder: 'Search names, columns, paths…', 'aria-label': 'Search names, columns and paths' });
  const list = el('div', { id: 'found', role: 'listbox', 'aria-label': 'Results' });
  const hint = el('p', { class: 'muted hint', role: 'status' });
  let app = null;
  let results = [];
  let at = 0;

  function start(given) {
    app = given;
    fill(dialog, el('div', { class: 'palette-head' }, icon('search'), input, el('kbd', { text: 'esc' })), list, hint);
    input.addEventListener('input', refresh);
    input.addEventListener('keydown', keys);
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  }

  function open(text = '') {
    if (dialog.open) return;
    input.value = text;
    dialog.showModal();
    refresh();
    input.focus();
  }

  function keys(event) {
    const act = { ArrowDown: () => mark(at + 1), ArrowUp: () => mark(at - 1), Enter: () => choose(at) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  function refresh() {
    results = find(input.value.trim().toLowerCase());
    fill(list, ...results.slice(0, MOST).map(option));
    const columnsLater = app.detail ? '' : ' Columns are still being read.';
    hint.textContent = results.length > MOST ? `${Format.number(results.length)} found, the best ${MOST} shown` : results.length ? `${Format.count(results.length, 'result')}.${columnsLater}` : `Nothing has that name.${columnsLater}`;
    mark(0);
  }

  /** Names before paths before columns; the start of a name before its middle; short before long. */
  function find(query) {
    if (!query) return app.graph.ranked.slice(0, 12).map((node) => ({ node, column: null }));
    const fits = matcher(query);
    const scored = [];
    app.graph.nodes.forEach((node, index) => {
      const score = scoreOf(node, query, fits);
      if (score) scored.push({ node: index, column: null, score });
      if (app.detail) addColumns(scored, index, node, query, fits);
    });
    return scored.sort((a, b) => b.score - a.score || app.graph.nodes[a.node].name.localeCompare(app.graph.nodes[b.node].name));
  }

  function scoreOf(node, query, fits) {
    const name = node.name.toLowerCase();
    if (name === query) return 100;
    if (name.startsWith(query)) return 80 - Math.min(9, name.length / 10);
    if (name.includes(query)) return 60 - Math.min(9, name.length / 10);
    if (fits(name)) return 50;
    return fits(searchText(node)) ? 20 : 0;
  }

  function addColumns(scored, index, node, query, fits) {
    for (const { name } of app.detail.nodes.get(node.id)?.columns ?? []) {
      const lower = name.toLowerCase();
      const full = `${node.name}.${name}`.toLowerCase();
      const score = lower === query ? 70 : lower.startsWith(query) ? 45 : lower.includes(query) ? 30 : (query.includes('.') || query.includes(' ')) && fits(full) ? 40 : 0;
      if (score) scored.push({ node: index, column: name, score });
    }
  }

  function option({ node, column }, index) {
    const about = app.graph.nodes[node];
    const made = el('div', { role: 'option', id: `found-${index}`, 'aria-selected': 'false' },
      icon(column === null ? about.kind : 'columns', `k-${about.kind}`),
      el('span', { class: 'name', dir: 'auto', text: plain(column ?? about.name) }),
      el('span', { class: 'muted', dir: 'auto', text: plain(column === null ? about.path || about.schema : about.name) }));
    made.addEventListener('click', () => choose(index));
    made.addEventListener('pointermove', () => at !== index && mark(index, false));
    return made;
  }

  function mark(index, scroll = true) {
    const shown = Math.min(results.length, MOST);
    list.querySelector('[aria-selected=true]')?.setAttribute('aria-selected', 'false');
    if (!shown) return input.removeAttribute('aria-activedescendant');
    at = (index + shown) % shown;
    const option = list.children[at];
    option.setAttribute('aria-selected', 'true');
    input.setAttribute('aria-activedescendant', option.id);
    if (scroll) option.scrollIntoView({ block: 'nearest' });
    return undefined;
  }

  function choose(index) {
    const result = results[index];
    if (!result) return;
    dialog.close();
    if (result.column === null) Act.go(result.node);
    else Act.column(result.node, result.column);
    Stage.canvas.focus();
  }

  return { start, open, find: (query) => find(query.toLowerCase()), isOpen: () => dialog.open };
})();
