// Every node of the run, each to be opened: its attempts, its message, its SQL, its times before.

const Nodes = (() => {
  const FEW = 12; // rows from which it is worth searching
  let entries = [];
  let run = null;

  function element(given) {
    run = given;
    entries = run.nodes.map(entry);
    const input = el('input', { type: 'search', class: 'filter', placeholder: 'Filter by name, kind or state', 'aria-label': 'Filter nodes by name, kind or state', autocomplete: 'off', spellcheck: 'false', oninput: () => filter(input.value) });
    const head = el('div', { class: 'node-head', 'aria-hidden': 'true' }, ...['', 'Node', 'Time', 'Rows', 'Waited', 'Tries'].map((text) => el('span', { text })));
    return section('nodes', 'All nodes', entries.length >= FEW ? input : null, entries.length ? el('div', { class: 'node-list' }, head, ...entries) : el('p', { class: 'muted', text: 'This run has no nodes.' }));
  }

  function entry(node, index) {
    const numbers = [isSpent(node) ? Format.seconds(node.seconds) : '', node.rows === null ? '' : Format.number(node.rows), node.waited >= 0.05 ? Format.seconds(node.waited) : '', node.tries.length > 1 ? String(node.tries.length) : ''];
    const name = el('span', { class: 'node-title' }, icon(node.kind, `k-${plain(node.kind)}`), el('span', { class: 'name', dir: 'auto', text: plain(node.name) }));
    const line = el('summary', {}, stateMark(node.state), name, ...numbers.map((text) => el('span', { class: 'figure', text })));
    const made = el('details', { class: 'node', id: `node-${index}` }, line);
    made.addEventListener('toggle', () => made.open && fill(made, index));
    return made;
  }

  function fill(made, index) {
    if (made.childElementCount === 1) made.append(body(run.nodes[index], index));
  }

  function body(node, index) {
    const source = run.sources.get(index);
    return el('div', { class: 'node-body' },
      node.message ? el('pre', { class: node.state === 'failed' ? 'problem' : 'said', dir: 'auto', text: plainLines(node.message) }) : null,
      factList([
        ['State', stateWord(node.state)],
        ['Reason', node.reason],
        ['Id', node.id],
        ['File', node.where || node.path],
        ['Built as', node.materialized],
        ['Tests', node.on === null ? '' : run.nodes[node.on].name],
        ['Severity', node.severity],
        ['Waited', node.waited >= 0.05 ? `${Format.seconds(node.waited)} for its turn, all it needs being done` : ''],
        ['Unusual', node.hints.join('; ')],
        ['Times', times(node)],
        ['Attempts', node.tries.length > 1 ? attempts(node) : ''],
      ]),
      Findings.element(node.findings),
      node.log ? command(node.log) : null,
      source ? Code.element(source, `SQL of ${plain(node.name)}`) : null);
  }

  /** Its times before this run, and this one last. */
  function times({ usual, seconds, state }) {
    const all = state === 'success' || state === 'warn' ? [...usual, seconds] : usual;
    return all.length > 1 ? el('span', { class: 'with-spark' }, Sparkline.element(all, Format.seconds), el('span', { class: 'muted', text: `the last ${all.length} successes` })) : '';
  }

  const attempts = ({ tries }) => tries.map((each) => `${each.number}: ${Format.state(each.state)} in ${Format.seconds(each.end - each.start)}`).join('; ');

  function filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    run.nodes.forEach((node, index) => {
      const about = `${node.name} ${node.kind} ${node.state} ${stateWord(node.state)}`.toLowerCase();
      entries[index].hidden = !words.every((word) => about.includes(word));
    });
  }

  /** Opens the entry of a node and goes there. */
  function show(index) {
    const made = entries[index];
    made.hidden = false;
    made.open = true;
    fill(made, index); // before going there: its own event comes only later, and what is empty cannot be gone to
    made.scrollIntoView({ block: 'start', behavior: 'smooth' });
    made.querySelector('summary').focus({ preventScroll: true });
  }

  return { element, show, shown: () => entries.filter(({ hidden }) => !hidden).length };
})();
