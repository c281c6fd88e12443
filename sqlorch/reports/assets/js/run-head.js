// The head of the report: how it ended, over which interval, what it took, and how to go on.

const Head = (() => {
  const ORDER = ['success', 'warn', 'failed', 'upstream_failed', 'skipped', 'cancelled', 'running'];
  const WORDS = { success: 'ok', warn: 'warned', upstream_failed: 'not run' };

  function element({ head, nodes, freshness }) {
    const again = head.generation > 1 ? `generation ${head.generation}` : '';
    const took = head.seconds === null ? '' : `took ${Format.seconds(head.seconds)}`;
    const state = el('p', { class: `verdict ${stateClass(head.state)}` }, stateMark(head.state), el('strong', { text: Format.state(head.state) }), el('span', { class: 'muted', text: [took, again].filter(Boolean).join(', ') }));
    const reason = head.reason ? el('p', { class: 'problem', dir: 'auto', text: plainLines(head.reason) }) : null;
    return el('section', { id: 'head', class: 'part head' }, state, reason, mix(nodes), facts(head, freshness), retry(head), variables(head));
  }

  /** Nodes by state, as one bar and in words. */
  function mix(nodes) {
    const counts = new Map();
    for (const { state } of nodes) counts.set(state, (counts.get(state) ?? 0) + 1);
    const states = [...counts.keys()].sort((a, b) => (ORDER.indexOf(a) + 99) % 99 - (ORDER.indexOf(b) + 99) % 99);
    const bar = el('div', { class: 'mix', 'aria-hidden': 'true' });
    for (const state of states) {
      const piece = el('span', { class: stateClass(state) });
      piece.style.flexGrow = String(counts.get(state));
      bar.append(piece);
    }
    const words = states.map((state) => el('li', { class: stateClass(state) }, el('span', { class: 'bullet' }), `${Format.number(counts.get(state))} ${WORDS[state] ?? stateWord(state)}`));
    return nodes.length ? el('div', {}, bar, el('ul', { class: 'mix-words' }, ...words)) : null;
  }

  function facts(head, freshness) {
    const fresh = freshness.filter(({ state }) => state === 'success').length;
    const id = el('span', { class: 'with-copy' }, el('code', { text: plain(head.run_id) }), copyButton(head.run_id, 'the run id'));
    return factList([
      ['Group', head.group],
      ['Interval', head.interval_full],
      ['Run', id],
      ['Made by', head.kind],
      ['Started', head.started_at && Format.instant(head.started_at)],
      ['Ended', head.finished_at && Format.instant(head.finished_at)],
      ['Queued', head.queued === null ? '' : Format.seconds(head.queued)],
      ['Sources', freshness.length ? `${Format.number(fresh)} of ${Format.number(freshness.length)} fresh` : ''],
      ...head.settings.map(([name, value]) => [name === 'target' ? 'Target' : name, value]),
    ]);
  }

  const retry = ({ retry: text }) => (text ? el('div', { class: 'retry' }, el('p', { text: 'Resume what failed and what was not run, with the same interval and variables:' }), command(text)) : null);

  function variables({ variables: list }) {
    if (!list.length) return null;
    return el('details', { class: 'variables' }, el('summary', { text: `Variables of the interval (${list.length})` }), factList(list));
  }

  return { element };
})();
