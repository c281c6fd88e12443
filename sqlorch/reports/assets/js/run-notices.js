// Warnings, hints, and what was not run and why: lines, not cards.

const Notices = (() => {
  const UNTRIED = new Set(['upstream_failed', 'skipped', 'cancelled']);

  function warnings({ nodes, freshness }) {
    const lines = freshness.filter(({ text }) => text).map(({ state, text }) => el('li', { class: 'notice' }, stateMark(state), el('p', { class: 'why', dir: 'auto', text: `source ${plainLines(text)}` })));
    nodes.forEach((node, index) => {
      if (node.state === 'warn') lines.push(line(node, index, 'warn', node.message, Findings.element(node.findings)));
      for (const hint of node.hints) lines.push(line(node, index, 'warn', hint));
    });
    return section('warnings', Format.count(lines.length, 'warning'), lines.length ? list(lines) : null);
  }

  /** What was not run, by the reason: a hundred nodes below one failure are one entry. */
  function untried({ nodes }) {
    const reasons = new Map();
    nodes.forEach((node, index) => {
      if (!UNTRIED.has(node.state) || node.tries.length) return;
      const key = JSON.stringify([node.state, node.reason]);
      if (!reasons.has(key)) reasons.set(key, { state: node.state, reason: node.reason, members: [] });
      reasons.get(key).members.push({ node, index });
    });
    const count = [...reasons.values()].reduce((sum, { members }) => sum + members.length, 0);
    return section('untried', `${Format.count(count, 'node')} not run`, count ? list([...reasons.values()].map(group)) : null);
  }

  function group({ state, reason, members }) {
    const names = el('span', { class: 'names' }, ...members.map(({ node, index }) => nodeLink(node, index)));
    return el('li', { class: 'notice' }, stateMark(state), el('div', {}, el('p', { class: 'why', dir: 'auto', text: plain(reason) || stateWord(state) }), names));
  }

  const line = (node, index, state, text, more = null) => el('li', { class: 'notice' }, stateMark(state), el('div', {}, nodeLink(node, index), el('p', { class: 'why', dir: 'auto', text: plainLines(text) }), more));

  const list = (lines) => el('ul', { class: 'notices' }, ...lines);

  return { warnings, untried };
})();
