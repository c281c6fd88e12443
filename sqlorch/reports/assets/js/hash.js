// What is looked at, kept in the address: a link or a reload shows the same.

const Hash = (() => {
  let written = '';

  function write(app, push) {
    const { state, graph } = app;
    const set = new URLSearchParams();
    if (state.selected >= 0) set.set('node', graph.nodes[state.selected].id);
    if (state.column !== null) set.set('column', state.column);
    if (state.mode === 'focus') set.set('focus', `${state.up},${state.down}`);
    if (state.overlay !== 'kind') set.set('colour', state.overlay);
    if (state.collapse) set.set('collapse', state.collapse);
    for (const key of state.expanded) set.append('open', key);
    if (state.view !== 'graph') set.set('view', state.view);
    if (state.filter) set.set('filter', state.filter);
    const next = `#${set}`;
    if (next === written || (next === '#' && !location.hash)) return;
    written = next;
    history[push ? 'pushState' : 'replaceState'](null, '', next);
  }

  /** What the address asks for, as far as this project knows it. */
  function read(graph) {
    written = location.hash || '#';
    const set = new URLSearchParams(location.hash.slice(1));
    const overlay = Overlays.all.find((each) => each.id === set.get('colour'));
    const collapse = Object.hasOwn(COLLAPSE_BY, set.get('collapse') ?? '') ? set.get('collapse') : '';
    const hops = /^(\d{1,3}),(\d{1,3})$/.exec(set.get('focus') ?? '');
    const selected = graph.indexOf.get(set.get('node')) ?? -1;
    return {
      selected,
      column: selected >= 0 ? set.get('column') : null,
      mode: hops && selected >= 0 ? 'focus' : 'whole',
      up: hops ? Number(hops[1]) : 1,
      down: hops ? Number(hops[2]) : 1,
      overlay: overlay && !overlay.missing(graph) ? overlay.id : 'kind',
      collapse,
      expanded: new Set(collapse ? set.getAll('open') : []),
      view: set.get('view') === 'timeline' && graph.gantt?.bars.length ? 'timeline' : 'graph',
      filter: set.get('filter') ?? '',
    };
  }

  return { write, read, changed: () => (location.hash || '#') !== written };
})();
