// Columns in the panel: the list of a node's columns, and the path of one of them step by step.

const Columns = (() => {
  const KINDS = {
    'pass-through': 'as it is', rename: 'renamed', transform: 'computed', aggregate: 'aggregated', unknown: 'unknown',
    filter: 'filters', join: 'joins', group: 'groups', order: 'orders', window: 'windows',
  };

  function section(app, node, columns) {
    const traced = columns.filter((column) => app.columns && hasLineage(app.columns, node, column.name)).length;
    const note = el('p', { class: 'muted', text: traced ? 'Choose a column to light its path up and down.' : 'No column lineage is known for this node.' });
    return Panel.section(`Columns · ${columns.length}`, note, el('div', { class: 'columns' }, ...columns.map((column) => row(node, column))));
  }

  function hasLineage(columns, node, name) {
    const key = columnKey(node, name);
    return columns.into.has(key) || columns.from.has(key) || columns.decides.has(key);
  }

  function row(node, column) {
    return button(
      { class: 'column', onclick: () => Act.column(node, column.name) },
      el('span', { class: 'name', dir: 'auto', text: plain(column.name) }),
      el('span', { class: 'type', text: plain(column.type ?? '').toLowerCase() }),
      column.status === 'unknown' ? el('span', { class: 'tag', text: 'origin unknown' }) : null,
      column.description ? el('span', { class: 'about', dir: 'auto', text: plain(column.description.split(/\n\s*\n/)[0]) }) : null,
    );
  }

  function panel(app, path) {
    const { graph, detail, state } = app;
    const node = graph.nodes[path.node];
    const column = detail.nodes.get(node.id)?.columns.find((each) => each.name === path.column);
    const back = button({ class: 'tool', onclick: () => Act.select(path.node) }, icon('up'), el('span', { dir: 'auto', text: plain(node.name) }));
    Panel.show(
      Panel.header(node.kind, `column of ${plain(node.name)}`, plain(path.column), back, copyButton(`${node.name}.${path.column}`, 'the column')),
      column?.type ? el('p', { class: 'relation' }, el('code', { text: plain(column.type).toLowerCase() })) : null,
      column?.description ? Prose.element(column.description) : null,
      indirectSwitch(app, path, state),
      steps(graph, `Where it comes from · ${path.up.size}`, path.up, 'It comes from no other column of this project.'),
      steps(graph, `What is made from it · ${path.down.size}`, path.down, 'Nothing in this project is made from it.'),
      path.indirect.size ? steps(graph, `Decides about rows · ${path.indirect.size}`, path.indirect, '') : null,
    );
  }

  function indirectSwitch(app, path, state) {
    const count = countIndirect(path, app.columns);
    if (!count) return null;
    const box = el('input', { type: 'checkbox', onchange: () => Act.indirect(box.checked) });
    box.checked = state.indirect;
    return el('label', { class: 'check' }, box, el('span', { text: `Show ${Format.count(count, 'filter, join and group', 'filters, joins and groups')}` }));
  }

  function steps(graph, title, edges, nothing) {
    if (!edges.size) return Panel.section(title, el('p', { class: 'muted', text: nothing }));
    return Panel.section(title, el('ol', { class: 'steps' }, ...pathSteps(graph, edges).map((edge) => step(graph, edge))));
  }

  function step(graph, edge) {
    const end = (node, column) => button(
      { class: 'end', onclick: () => (column === null ? Act.go(node) : Act.column(node, column)) },
      el('span', { class: 'muted', dir: 'auto', text: plain(graph.nodes[node].name) }), el('span', { class: 'name', dir: 'auto', text: column === null ? 'all rows' : plain(column) }),
    );
    return el('li', { class: edge.dashed ? 'indirect' : '' },
      end(edge.from, edge.fromColumn), el('span', { class: `how h-${plain(edge.kind)}`, text: KINDS[edge.kind] ?? plain(edge.kind) }), end(edge.to, edge.toColumn),
      edge.expression ? el('pre', { class: 'expression' }, Sql.element(edge.expression)) : null);
  }

  return { section, panel };
})();
