// The timeline of the run: the one of the lineage page, as tall as its rows up to a limit.

const Chart = (() => {
  const [ROW, FRAME, MOST] = [28, 80, 18];
  let chart = null;
  let place = null;

  function element(run) {
    if (!run.gantt.bars.length) return null;
    place = el('div', { class: 'timeline', id: 'timeline' });
    const legend = el('p', { class: 'chart-legend' }, key('queued', 'waits for its turn'), key('retry_wait', 'waits to be tried again'), el('span', { class: 'critical-key', text: 'on the slowest, critical path' }), el('span', { class: 'muted', text: 'Thin bars are tests.' }));
    return section('chart', 'Timeline', el('div', { class: 'frame' }, place), legend);
  }

  const key = (state, text) => el('span', { class: `chart-key ${stateClass(state)}` }, el('span', { class: `tl-bar ${stateClass(state)}` }), text);

  /** Once it is on the page: rows are made for the height there is. */
  function start(run) {
    if (!place) return;
    const rows = timelineRows({ nodes: run.nodes, gantt: run.gantt });
    for (const row of rows) row.bars.sort((a, b) => a.start - b.start);
    height(Math.min(rows.length, MOST));
    chart = makeTimeline(place, { rows, seconds: run.gantt.seconds, choose: (index) => Nodes.show(index), critical: run.path.length > 1 });
    matchMedia('print').addEventListener('change', ({ matches }) => {
      height(matches ? rows.length : Math.min(rows.length, MOST));
      chart.draw(true);
    });
  }

  const height = (rows) => (place.style.height = `${rows * ROW + FRAME}px`);

  return { element, start, rows: () => chart?.rows() ?? 0 };
})();
