// Failures, before everything else: what is wrong, where, with the SQL, and what it held up.

const Problems = (() => {
  const MOST = 40; // shown in full; a run in which everything fails is not read to its end

  function element(run) {
    const failed = run.nodes.map((node, index) => ({ node, index })).filter(({ node }) => node.state === 'failed');
    if (!failed.length) return null;
    const shown = failed.slice(0, MOST).map(({ node, index }) => card(run, node, index));
    const more = failed.length > MOST ? el('p', { class: 'muted', text: `And ${Format.count(failed.length - MOST, 'more failure')}: see all nodes below.` }) : null;
    return section('failures', Format.count(failed.length, 'failure'), shown, more);
  }

  function card(run, node, index) {
    const on = node.on === null ? null : run.nodes[node.on];
    const head = el('div', { class: 'card-head' },
      el('p', { class: `eyebrow k-${plain(node.kind)}` }, icon(node.kind), el('span', { text: plain(node.kind).replaceAll('_', ' ') }), on ? el('span', { class: 'muted', dir: 'auto', text: `of ${plain(on.name)}` }) : null),
      el('h3', { dir: 'auto', text: plain(node.name) }),
      node.where ? el('p', {}, el('code', { class: 'where', dir: 'auto', text: plain(node.where) })) : null);
    return el('article', { class: 'card', id: `failure-${index}` }, head, el('pre', { class: 'problem', dir: 'auto', text: plainLines(node.message || node.reason || 'It gave no reason.') }), consequences(node), tries(node), Findings.element(node.findings), ...listing(run, node, index), node.log ? el('div', { class: 'log' }, command(node.log)) : null);
  }

  const consequences = (node) => (node.held ? el('p', { class: 'held', text: `${Format.count(node.held, 'node')} below ${node.held === 1 ? 'was' : 'were'} not run.` }) : null);

  /** Attempts before the last one: what they said. */
  function tries({ tries: list }) {
    if (list.length < 2) return null;
    return el('ol', { class: 'tries' }, ...list.slice(0, -1).map((each) => el('li', {}, el('span', { class: 'muted', text: `Attempt ${each.number}, ${Format.seconds(each.end - each.start)}: ` }), el('span', { dir: 'auto', text: plain(each.message || Format.state(each.state)) }))));
  }

  function listing(run, node, index) {
    const source = run.sources.get(index);
    return source ? [Code.element(source, `SQL of ${plain(node.name)}`)] : [];
  }

  return { element };
})();
