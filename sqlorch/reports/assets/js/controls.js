// What floats over the drawing: view, colours, folders, hops, zoom, legend.

const Controls = (() => {
  let app = null;

  function start(given) {
    app = given;
    byId('toggle-list').append(icon('list'));
    byId('open-export').append(icon('export'));
    byId('open-help').append(icon('help'));
    document.querySelector('.find-icon').append(icon('search'));
    byId('toggle-list').addEventListener('click', toggleList);
    byId('open-search').addEventListener('click', () => Search.open());
    byId('open-help').addEventListener('click', () => Help.open());
    byId('theme').addEventListener('click', Theme.toggle);
    byId('skip').addEventListener('click', () => {
      document.body.classList.remove('no-list');
      Tree.focusFirst();
    });
    zoomButtons();
    exportMenu();
    header();
    themeButton();
  }

  function toggleList() {
    const hidden = document.body.classList.toggle('no-list');
    byId('toggle-list').setAttribute('aria-expanded', String(!hidden));
    Act.resized();
  }

  function themeButton() {
    const next = Theme.name() === 'dark' ? 'light' : 'dark';
    const made = byId('theme');
    fill(made, icon(next === 'dark' ? 'moon' : 'sun'));
    made.setAttribute('aria-label', `Switch to ${next} colours`);
    made.title = `Switch to ${next} colours`;
  }

  function header() {
    const { graph } = app;
    byId('project').textContent = plain(graph.project);
    byId('summary').textContent = countKinds(graph.nodes) || 'empty project';
    const { run } = graph;
    const others = (graph.runs ?? []).slice(1);
    const pill = byId('run');
    pill.hidden = !run;
    if (!run) return;
    const when = run.finished_at ?? run.started_at;
    pill.className = `pill state s-${plain(run.state).replaceAll('_', '-')}`;
    const details = `${plain(run.interval)}${when ? ` · ${Format.instant(when)}` : ''}${others.length ? ` · and ${Format.count(others.length, 'group')}` : ''}`;
    fill(pill, icon(ICONS[run.state] ? run.state : 'skipped'), el('span', { text: `${plain(run.group)} ${Format.state(run.state)}` }), el('span', { class: 'muted', text: details }));
    pill.title = [run, ...others].map((each) => plain(`${each.group}: ${Format.state(each.state)}, ${each.interval}, run ${each.run_id}`)).join('\n');
  }

  function zoomButtons() {
    const make = (name, label, act) => button({ class: 'icon', 'aria-label': label, title: label, onclick: act }, icon(name));
    fill(byId('zoom'), make('plus', 'Zoom in (+)', () => Act.zoom(1.3)), make('minus', 'Zoom out (-)', () => Act.zoom(1 / 1.3)), make('fit', 'Fit (0)', () => Stage.fit()));
  }

  function exportMenu() {
    const menu = byId('export-menu');
    const entry = (label, note, act) => button({ class: 'entry', onclick: () => (menu.hidePopover(), act()) }, el('span', { text: label }), el('span', { class: 'muted', text: note }));
    fill(menu,
      entry('PNG of this view', 'twice the pixels', () => Export.png(false)), entry('PNG of the whole drawing', 'large', () => Export.png(true)),
      entry('SVG of the whole drawing', 'any size, text stays text', () => Export.svg()), entry('Print…', 'or save as PDF', () => window.print()));
  }

  function segments(place, label, entries, chosen) {
    place.setAttribute('aria-label', label);
    fill(place, ...entries.map(({ key, text, act, missing, title }) => button({ class: 'segment', 'aria-pressed': String(key === chosen), disabled: Boolean(missing), title: missing || title, onclick: act }, text)));
    return place;
  }

  function picker(label, value, entries, act) {
    const made = el('select', { 'aria-label': label, onchange: () => act(made.value) }, ...entries.map(({ key, text, missing }) => el('option', { value: key, disabled: Boolean(missing), text: missing ? `${text} (${missing})` : text })));
    made.value = value;
    return el('label', { class: 'picker' }, el('span', { text: label }), made);
  }

  function bar() {
    const { graph, state } = app;
    const modes = [{ key: 'whole', text: 'Whole project', act: Act.whole, title: 'Whole project (w)' }, { key: 'focus', text: 'Focus', act: () => Act.focus(), missing: state.selected < 0 ? 'choose a node first' : '', title: 'Focus (f)' }];
    const overlays = Overlays.all.map((overlay) => ({ key: overlay.id, text: overlay.label, missing: overlay.missing(graph) }));
    const folds = [{ key: '', text: 'Nothing' }, ...Object.entries(COLLAPSE_BY).map(([key, { label }]) => ({ key, text: label }))];
    fill(byId('bar'),
      segments(el('div', { class: 'segments', role: 'group' }), 'Extent', modes, app.path ? '' : state.mode),
      picker('Colour', state.overlay, overlays, Act.overlay),
      state.mode === 'whole' ? picker('Collapse', state.collapse, folds, Act.collapse) : null,
      state.mode === 'focus' && state.selected >= 0 && !app.path ? hops() : null,
      ...[...state.expanded].map(chip),
      app.path ? button({ class: 'chip', onclick: () => Act.select(state.selected), title: 'Leave the column path (Esc)' }, icon('columns'), el('span', { dir: 'auto', text: plain(app.path.column) }), icon('close')) : null);
  }

  function hops() {
    const stepper = (side, label) => el('span', { class: 'stepper', role: 'group', 'aria-label': label },
      el('span', { text: label }), button({ class: 'icon', 'aria-label': `Fewer hops ${side}`, onclick: () => Act.hops(side, -1) }, icon('minus')),
      el('output', { text: String(app.state[side]) }), button({ class: 'icon', 'aria-label': `More hops ${side}`, onclick: () => Act.hops(side, 1) }, icon('plus')));
    return el('span', { class: 'hops' }, stepper('up', 'Up'), stepper('down', 'Down'));
  }

  const chip = (key) => button({ class: 'chip', onclick: () => Act.fold(key), title: 'Collapse again' }, icon('folder'), el('span', { dir: 'auto', text: plain(key) }), icon('close'));

  function views() {
    const { graph, state } = app;
    const missing = graph.gantt?.bars.length ? '' : NO_RUN;
    segments(byId('views'), 'View', [{ key: 'graph', text: 'Lineage', act: () => Act.view('graph') }, { key: 'timeline', text: 'Timeline', act: () => Act.view('timeline'), missing }], state.view);
  }

  const LINES = [['inferred', 'found by table name'], ['indirect', 'filter, join, group, order'], ['back', 'reads from right to left']];

  function legend() {
    const { overlay, state } = app;
    const lines = LINES.filter(([kind]) => Stage.picture().scene.edges.some((edge) => (edge.back ? 'back' : edge.kind) === kind));
    fill(byId('legend'),
      ...overlay.legend.map(({ key, label, count }) => legendEntry(key, label, count, overlay.color(key), state.only)),
      ...lines.map(([kind, label]) => el('span', { class: 'key' }, el('i', { class: `dash ${kind}` }), label)));
  }

  function legendEntry(key, label, count, color, only) {
    const swatch = el('i', { class: 'swatch' });
    swatch.style.background = color;
    return button({ class: 'key', 'aria-pressed': String(only === key), title: `Show only: ${label}`, onclick: () => Act.only(key) }, swatch, el('span', { text: label }), el('span', { class: 'count', text: Format.number(count) }));
  }

  function update() {
    bar();
    views();
    legend();
  }

  return { start, update, themeButton, toggleList };
})();
