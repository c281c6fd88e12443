// What the sections of a run's report share.

/** Classes of a state: its colour. */
const stateClass = (state) => `s-${plain(state).replaceAll('_', '-')}`;

/** How a state is called: people say "not run" of what was held up. */
const stateWord = (state) => (state === 'upstream_failed' ? 'not run' : Format.state(state));

/** A state as an icon; its word is read out, or shown when `words` is given. */
function stateMark(state, words = false) {
  const word = stateWord(state);
  return el('span', { class: `state ${stateClass(state)}` }, icon(ICONS[state] ? state : 'skipped'), words ? el('span', { text: word }) : el('span', { class: 'unseen', text: word }));
}

/** A section of the page; nothing where there is nothing to show. */
function section(id, title, ...children) {
  const shown = children.flat().filter(Boolean);
  return shown.length ? el('section', { id, class: 'part', 'aria-labelledby': `${id}-title` }, el('h2', { id: `${id}-title`, text: title }), ...shown) : null;
}

/** Names and values below each other; values are texts or elements. */
function factList(facts) {
  const shown = facts.filter(([, value]) => value);
  return el('dl', { class: 'facts' }, ...shown.flatMap(([name, value]) => [el('dt', { text: plain(name) }), el('dd', { dir: 'auto' }, typeof value === 'string' ? plain(value) : value)]));
}

/** A command to copy. */
function command(text) {
  return el('p', { class: 'command' }, el('code', { text: plain(text), translate: 'no' }), copyButton(text, 'the command'));
}

/** The name of a node, which leads to its entry in the list of all nodes. */
function nodeLink(node, index) {
  return button({ class: 'node-name', onclick: () => Nodes.show(index) }, icon(node.kind, `k-${plain(node.kind)}`), el('span', { class: 'name', dir: 'auto', text: plain(node.name) }));
}

const isSpent = (node) => node.seconds !== null && node.seconds !== undefined;
