// The slowest path: which nodes, one after the other, decided how long the run took.

const SlowestPath = (() => {
  function element(run) {
    if (!run.path.length) return null;
    const whole = run.path.reduce((sum, step) => sum + step.waited + step.seconds, 0) || 1;
    const longest = Math.max(...run.path.map((step) => step.waited + step.seconds), 1e-9);
    const [nodes, time] = [Format.count(run.path.length, 'node'), Format.seconds(whole)];
    const intro = `${run.path.length > 1 ? `${nodes}, one after the other, took ${time}` : `${nodes} took ${time}`}. Only what is here can make the run shorter.`;
    return section('path', 'Slowest path', el('p', { class: 'muted', text: intro }), el('ol', { class: 'path' }, ...run.path.map((step) => row(run, step, whole, longest))));
  }

  function row(run, step, whole, longest) {
    const node = run.nodes[step.node];
    const bar = el('span', { class: 'path-bar', 'aria-hidden': 'true' }, piece('queued', step.waited / longest), piece(node.state, step.seconds / longest));
    const waited = step.waited >= 0.05 ? `waited ${Format.seconds(step.waited)}` : '';
    return el('li', {}, nodeLink(node, step.node), bar, el('span', { class: 'path-words' }, el('b', { text: Format.seconds(step.seconds) }), el('span', { class: 'muted', text: [`${Math.round(((step.waited + step.seconds) / whole) * 100)} %`, waited].filter(Boolean).join(', ') })));
  }

  function piece(state, part) {
    const made = el('span', { class: `path-piece ${stateClass(state)}` });
    made.style.width = `${part * 100}%`;
    return made;
  }

  return { element };
})();
