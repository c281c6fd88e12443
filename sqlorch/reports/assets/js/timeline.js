// The last run over time: one row per node, a bar per attempt, its tests below. Only the rows in view exist.
// Knows nothing of lineage: rows in, clicks out, so that a report of one run can show the same.

function makeTimeline(place, { rows, seconds, choose, critical, skipped = 0 }) {
  const ROW = 28;
  const view = { from: 0, to: seconds || 1, only: false, selected: -1, shown: rows };
  const scroller = el('div', { class: 'tl-scroll', role: 'grid', 'aria-label': 'Timeline', 'aria-rowcount': String(rows.length) });
  const body = el('div', { class: 'tl-body' });
  const axis = el('div', { class: 'tl-axis', 'aria-hidden': 'true' });
  const onlyBox = el('input', { type: 'checkbox', onchange: () => setOnly(onlyBox.checked) });
  let made = new Map();

  function start() {
    const zooms = [['minus', 'Zoom out', 2], ['plus', 'Zoom in', 0.5]].map(([name, label, by]) => button({ class: 'icon', 'aria-label': label, title: label, onclick: () => zoomBy(by, 0.5) }, icon(name)));
    const whole = button({ class: 'icon', 'aria-label': 'Show the whole run', title: 'Show the whole run', onclick: () => show(0, seconds) }, icon('fit'));
    const only = critical ? el('label', { class: 'check' }, onlyBox, el('span', { text: 'Critical path only' })) : null;
    const title = el('p', { class: 'muted', text: `${Format.count(rows.length, 'node')} in ${Format.seconds(seconds)}${skipped ? `, ${Format.count(skipped, 'attempt')} not shown` : ''}` });
    fill(place, el('div', { class: 'tl-head' }, title, el('span', { class: 'grow' }), only, ...zooms, whole), axis, scroller);
    scroller.append(body);
    scroller.addEventListener('scroll', () => draw(), { passive: true });
    scroller.addEventListener('wheel', wheel, { passive: false });
    new ResizeObserver(() => draw(true)).observe(scroller);
    setOnly(false);
  }

  function setOnly(only) {
    view.only = only;
    view.shown = only ? rows.filter((row) => row.critical) : rows;
    body.style.height = `${view.shown.length * ROW}px`;
    draw(true);
  }

  function wheel(event) {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const box = scroller.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left - labelWidth()) / (box.width - labelWidth())));
    if (event.shiftKey) move((event.deltaX + event.deltaY) / box.width);
    else zoomBy(Math.exp(event.deltaY * 0.004), part);
  }

  const labelWidth = () => (place.clientWidth < 640 ? 120 : 240);

  function zoomBy(factor, part) {
    const length = view.to - view.from;
    const next = Math.min(seconds, Math.max(seconds / 500, length * factor));
    const from = view.from + (length - next) * part;
    show(from, from + next);
  }

  const move = (part) => show(view.from + (view.to - view.from) * part, view.to + (view.to - view.from) * part);

  function show(from, to) {
    const length = Math.min(to - from, seconds || 1);
    view.from = Math.max(0, Math.min(from, seconds - length));
    view.to = view.from + length;
    draw(true);
  }

  function draw(anew = false) {
    if (!scroller.clientHeight) return;
    if (anew) {
      made = new Map();
      body.replaceChildren();
      drawAxis();
    }
    const first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - 8);
    const last = Math.min(view.shown.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / ROW) + 8);
    for (const [at, element] of made) {
      if (at >= first && at < last) continue;
      element.remove();
      made.delete(at);
    }
    for (let at = first; at < last; at += 1) if (!made.has(at)) add(at);
  }

  function add(at) {
    const row = view.shown[at];
    const label = `${row.label}, ${row.spoken}`;
    const line = el('div',
      { class: `tl-row${row.critical ? ' critical' : ''}${row.key === view.selected ? ' chosen' : ''}`, role: 'row', 'aria-rowindex': String(at + 1) },
      el('div', { role: 'gridcell', class: 'tl-label' }, button({ class: 'tl-name', 'aria-label': label, onclick: () => choose(row.key) }, icon(row.icon, `k-${row.icon}`), el('span', { class: 'name', dir: 'auto', text: row.label }))),
      el('div', { role: 'gridcell', class: 'tl-track' }, ...row.bars.map((bar) => drawBar(row, bar))));
    line.style.top = `${at * ROW}px`;
    made.set(at, line);
    body.append(line);
  }

  const percent = (second) => ((second - view.from) / (view.to - view.from)) * 100;

  function drawBar(row, bar) {
    const what = `${bar.label}: ${Format.state(bar.state)}, ${Format.seconds(bar.end - bar.start)}, from ${Format.seconds(bar.start)}`;
    const made = el('span', { class: `tl-bar s-${plain(bar.state).replaceAll('_', '-')}${bar.small ? ' small' : ''}`, title: what, onclick: () => choose(row.key) });
    made.style.left = `${percent(bar.start)}%`;
    made.style.width = `max(3px, ${percent(bar.end) - percent(bar.start)}%)`;
    return made;
  }

  function drawAxis() {
    const step = niceStep((view.to - view.from) / Math.max(2, Math.floor((scroller.clientWidth - labelWidth()) / 110)));
    const ticks = [];
    for (let tick = Math.ceil(view.from / step) * step; tick <= view.to + 1e-9; tick += step) {
      const mark = el('span', { class: 'tl-tick', text: tick ? Format.seconds(tick) : '0' });
      mark.style.left = `${percent(tick)}%`;
      ticks.push(mark);
    }
    fill(axis, el('div', { class: 'tl-ticks' }, ...ticks));
  }

  function niceStep(least) {
    const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
    return steps.find((step) => step >= least) ?? 86400;
  }

  function select(key) {
    if (view.selected === key) return;
    view.selected = key;
    const at = view.shown.findIndex((row) => row.key === key);
    const top = at * ROW;
    if (at >= 0 && (top < scroller.scrollTop || top > scroller.scrollTop + scroller.clientHeight - ROW)) scroller.scrollTop = Math.max(0, top - scroller.clientHeight / 2);
    draw(true);
  }

  start();
  return { select, draw, rows: () => view.shown.length };
}

/** Rows of a timeline from the bars of a graph: in the order of the first start. */
function timelineRows(graph) {
  const rows = new Map();
  for (const bar of graph.gantt.bars) {
    const node = graph.nodes[bar.node];
    if (!rows.has(bar.node)) rows.set(bar.node, { key: bar.node, label: plain(node.name), icon: node.kind, critical: node.critical, bars: [], first: bar.start });
    const row = rows.get(bar.node);
    const label = `${plain(bar.test ?? node.name)}${bar.attempt > 1 ? `, attempt ${bar.attempt}` : ''}`;
    row.bars.push({ ...bar, label, small: bar.test !== null });
    row.first = Math.min(row.first, bar.start);
  }
  const list = [...rows.values()].sort((a, b) => a.first - b.first || a.key - b.key);
  for (const row of list) row.spoken = spoken(row);
  return list;
}

function spoken({ bars, critical }) {
  const own = bars.filter((bar) => !bar.small);
  const tests = bars.length - own.length;
  const last = own.at(-1);
  const took = last ? `${Format.state(last.state)} in ${Format.seconds(last.end - last.start)}` : '';
  return [took, tests && Format.count(tests, 'test'), critical && 'on the critical path'].filter(Boolean).join(', ');
}
