// The keys, in one place for people (the ? dialog) and for the page (keys.js).

const Help = (() => {
  const KEYS = [
    ['Find', [['/', 'search'], ['Ctrl K', 'search'], ['l', 'list of nodes'], ['Esc', 'back, clear']]],
    ['Move along the lineage', [['←', 'to what it reads from'], ['→', 'to what reads from it'], ['↑ ↓', 'within the layer'], ['Enter', 'read the details']]],
    ['Look', [['+ −', 'zoom'], ['0', 'fit'], ['f', 'focus on the selected node'], ['w', 'whole project'], ['[ ]', 'fewer, more hops'], ['c', 'columns on the card'], ['t', 'timeline']]],
    ['Pointer', [['drag', 'pan'], ['wheel', 'zoom'], ['Shift wheel', 'pan sideways'], ['double click', 'focus, expand']]],
  ];
  const dialog = byId('help');

  function open() {
    if (!dialog.childElementCount) build();
    if (!dialog.open) dialog.showModal();
  }

  function build() {
    const close = button({ class: 'icon close', 'aria-label': 'Close', onclick: () => dialog.close() }, icon('close'));
    const part = ([title, keys]) => el('section', {}, el('h3', { text: title }), el('dl', {}, ...keys.flatMap(([key, what]) => [el('dt', {}, el('kbd', { text: key })), el('dd', { text: what })])));
    fill(dialog, close, el('h2', { text: 'Keyboard shortcuts' }), el('div', { class: 'keys' }, ...KEYS.map(part)));
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  }

  return { open };
})();
