// Opening: everything is on one page, read from the top.

let run = null;

async function start() {
  Theme.start();
  run = await unpack('run');
  run.sources = new Map((await unpack('texts')).sources.map(([index, text, compiled, mark, language]) => [index, { text, compiled, mark, language }]));
  byId('title').textContent = `${plain(run.head.group)} ${plain(run.head.interval)}`;
  fill(byId('report'), ...sections(), foot(run.head));
  Chart.start(run);
  Graph.start();
  jumps();
  themeButton();
  Theme.onChange(themeButton);
}

const sections = () => [Head.element(run), Problems.element(run), Notices.warnings(run), Notices.untried(run), Chart.element(run), Graph.element(run), SlowestPath.element(run), Nodes.element(run)];

const foot = (head) => el('footer', { class: 'muted' }, `Made by sqlorch on ${Format.instant(head.made_at)}.`);

/** Names of the sections, to go there. */
function jumps() {
  const go = (part) => button({ class: 'segment', onclick: () => part.scrollIntoView({ behavior: 'smooth' }) }, part.querySelector('h2').textContent);
  fill(byId('jumps'), ...[...document.querySelectorAll('.part')].filter((part) => part.id !== 'head').map(go));
}

function themeButton() {
  const dark = Theme.name() === 'dark';
  const label = dark ? 'Light colours' : 'Dark colours';
  const place = byId('theme');
  place.onclick = Theme.toggle;
  place.title = label;
  place.setAttribute('aria-label', label);
  fill(place, icon(dark ? 'sun' : 'moon'));
}

/** An old browser or a damaged file: say so instead of staying blank. */
function showFailure(error) {
  const old = typeof DecompressionStream === 'undefined';
  const advice = old ? 'This browser is too old for it: any of 2024 or later will do.' : `The file seems to be damaged (${plain(error.message)}). Make it again.`;
  fill(byId('report'), el('section', { class: 'part' }, el('h2', { text: 'The report cannot be opened' }), el('p', { text: advice })));
  throw error;
}

/** What the page shows, as plain data: for tests and for anyone who scripts it. */
const snapshot = () => ({
  run_id: run.head.run_id, state: run.head.state, theme: Theme.name(), rows: Chart.rows(), listed: Nodes.shown(),
  sections: [...document.querySelectorAll('.part')].map((part) => part.id),
});

window.sqlorch = { version: 1, state: snapshot, act: { show: Nodes.show, theme: Theme.toggle } };
window.sqlorch.ready = start().catch(showFailure);
window.sqlorch.complete = window.sqlorch.ready;
