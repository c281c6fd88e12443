// The panel beside the drawing: everything that is known about the selected node.

const Panel = (() => {
  const panel = byId('panel');

  function show(...content) {
    fill(panel, ...content);
    panel.hidden = false;
    panel.scrollTop = 0;
    document.body.classList.add('with-panel');
  }

  function hide() {
    panel.hidden = true;
    document.body.classList.remove('with-panel');
  }

  const section = (title, ...content) => el('section', {}, el('h3', { text: title }), ...content);

  const closeButton = () => button({ class: 'icon close', 'aria-label': 'Close details', title: 'Close (Esc)', onclick: () => Act.clear() }, icon('close'));

  function header(kind, eyebrow, title, ...tools) {
    return el('header', {}, closeButton(), el('p', { class: `eyebrow k-${kind}` }, icon(kind), el('span', { text: eyebrow })), el('h2', { dir: 'auto', text: title }), el('div', { class: 'tools' }, ...tools));
  }

  /** A link to another node: selects it. */
  function nodeLink(graph, index, note = '') {
    const node = graph.nodes[index];
    return button(
      { class: 'node-link', onclick: () => Act.go(index), title: plain(node.path) },
      icon(node.kind, `k-${node.kind}`), el('span', { class: 'name', dir: 'auto', text: plain(node.name) }), el('span', { class: 'muted', text: note }),
    );
  }

  const stateBadge = (state) => el('span', { class: `state s-${state ? state.replaceAll('_', '-') : 'none'}` }, icon(ICONS[state] ? state : 'skipped'), el('span', { text: Format.state(state) }));

  const stateMark = (state) => el('span', { class: `state s-${state ? state.replaceAll('_', '-') : 'none'}` }, icon(ICONS[state] ? state : 'skipped'), el('span', { class: 'unseen', text: Format.state(state) }));

  function node(app, index) {
    const { graph, detail } = app;
    const about = graph.nodes[index];
    const more = detail?.nodes.get(about.id);
    const kind = about.materialized && about.materialized !== about.kind ? `${about.kind} · ${about.materialized}` : about.kind;
    show(
      header(about.kind, plain(kind), plain(about.name), ...tools(app, index, more)),
      more?.relation && el('p', { class: 'relation' }, el('code', { dir: 'auto', text: plain(more.relation) }), copyButton(more.relation, 'the table name')),
      more?.description ? Prose.element(more.description) : null,
      more?.message && section('Last error', el('pre', { class: 'problem', text: plainLines(more.message) })),
      facts(graph, about, more),
      detail ? null : el('p', { class: 'muted', text: 'Reading columns, tests and SQL…' }),
      more?.columns.length ? Columns.section(app, index, more.columns) : null,
      more?.tests.length ? tests(more.tests) : null,
      neighbours(graph, 'Reads from', graph.parents[index]),
      neighbours(graph, 'Read by', graph.children[index]),
      more?.sql ? code(more) : null,
    );
  }

  function tools(app, index, more) {
    const focused = app.state.mode === 'focus';
    const open = app.state.cards.has(index);
    return [
      button({ class: 'tool', 'aria-pressed': String(focused), onclick: () => (focused ? Act.whole() : Act.focus(index)), title: 'Focus (f)' }, icon('focus'), el('span', { text: 'Focus' })),
      more?.columns.length ? button({ class: 'tool', 'aria-pressed': String(open), onclick: () => Act.card(index), title: 'Columns on the card (c)' }, icon('columns'), el('span', { text: 'Columns' })) : null,
      copyButton(app.graph.nodes[index].name, 'the name'),
    ];
  }

  function facts(graph, node, more) {
    const group = graph.groups.find((each) => each.name === node.group);
    const rows = [
      ['Last run', node.state ? el('span', {}, stateBadge(node.state), node.last_run ? ` ${Format.instant(node.last_run)}` : '') : null],
      ['Duration', node.seconds === null ? null : el('span', { class: 'with-spark' }, el('b', { text: Format.seconds(node.seconds) }), more?.durations.length > 1 ? Sparkline.element(more.durations, Format.seconds) : '')],
      ['Rows', node.rows === null ? null : Format.number(node.rows)],
      ['Freshness', freshness(node)],
      ['Group', node.group === null ? null : plain(node.group)],
      ['Schedule', more?.schedule ?? group?.schedule ?? null],
      ['Owner', more?.owner || null],
      ['Tags', more?.tags.length ? el('span', { class: 'tags' }, ...more.tags.map((tag) => el('span', { class: 'tag', text: plain(tag) }))) : null],
      ['Schema', node.schema],
      ['Path', node.path ? el('code', { dir: 'auto', text: plain(node.path) }) : null],
      ['Package', node.package === graph.project ? null : node.package],
    ];
    const known = rows.filter(([, value]) => value !== null && value !== undefined && value !== '');
    return el('dl', { class: 'facts' }, ...known.flatMap(([name, value]) => [el('dt', { text: name }), el('dd', { dir: 'auto' }, typeof value === 'string' ? plain(value) : value)]));
  }

  function freshness(node) {
    if (node.freshness_seconds === null) return node.stale ? el('span', { class: 'state s-failed' }, icon('warn'), 'stale') : null;
    const age = `${Format.age(node.freshness_seconds)} old`;
    return node.stale ? el('span', { class: 'state s-failed' }, icon('warn'), el('span', { text: `${age}, stale` })) : age;
  }

  function tests(list) {
    const worst = [...list].sort((a, b) => rank(b) - rank(a));
    return section(`Tests · ${list.length}`, el('ul', { class: 'tests' }, ...worst.map(test)));
  }

  const rank = (test) => ({ failed: 3, warn: 2, success: 1 })[test.state] ?? 0;

  function test(about) {
    const failures = about.failures ? Format.count(about.failures, 'failure') : '';
    const notes = [about.state !== 'success' && Format.state(about.state), about.column && `column ${about.column}`, about.severity === 'warn' && 'warns only', failures].filter(Boolean).join(' · ');
    return el('li', {},
      stateMark(about.state), el('span', { class: 'name', dir: 'auto', text: plain(about.name) }),
      notes ? el('span', { class: 'muted', text: plain(notes) }) : null,
      about.message && about.state !== 'success' ? el('pre', { class: 'problem', text: plainLines(about.message) }) : null);
  }

  const SHOWN = 60;

  function neighbours(graph, title, list) {
    if (!list.length) return null;
    const links = el('div', { class: 'links' }, ...list.slice(0, SHOWN).map((index) => nodeLink(graph, index)));
    if (list.length > SHOWN) {
      const all = button({ class: 'quiet', text: `Show all ${list.length}` });
      all.addEventListener('click', () => all.replaceWith(...list.slice(SHOWN).map((index) => nodeLink(graph, index))));
      links.append(all);
    }
    return section(`${title} · ${list.length}`, links);
  }

  function code(more) {
    const what = more.sql_kind === 'compiled' ? 'compiled' : 'raw, as in the file';
    const title = more.language === 'python' ? 'Python' : 'SQL';
    const head = el('div', { class: 'code-head' }, el('h3', { text: title }), el('span', { class: 'muted', text: what }), el('span', { class: 'grow' }), copyButton(more.sql, 'the code'));
    return el('section', {}, head, el('pre', { class: 'code', tabindex: '0', 'aria-label': `${title}, ${what}` }, Sql.element(more.sql, more.language)));
  }

  function group(app, item) {
    const { graph, state } = app;
    const title = COLLAPSE_BY[state.collapse].label;
    const members = [...item.members].sort((a, b) => graph.nodes[a].name.localeCompare(graph.nodes[b].name));
    show(
      header('folder', title, item.label, button({ class: 'tool', onclick: () => Act.expand(item.key) }, icon('plus'), el('span', { text: 'Expand' }))),
      el('p', { class: 'prose', text: countKinds(members.map((index) => graph.nodes[index])) }),
      neighbours(graph, 'Nodes', members),
    );
  }

  return { node, group, hide, show, section, header, nodeLink, stateBadge };
})();
