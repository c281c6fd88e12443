// SQL with line numbers, the line at fault marked and in view.

const Code = (() => {
  /** Pieces of each line: the tokens of the whole text, cut at its line ends. */
  function lines(text, language) {
    const found = [[]];
    const tokens = text.length > 60_000 ? [['', text]] : Sql.tokenize(text, language);
    for (const [kind, piece] of tokens) {
      piece.split('\n').forEach((part, at) => {
        if (at) found.push([]);
        if (part) found.at(-1).push([kind, part]);
      });
    }
    return found;
  }

  function line(pieces, number, mark) {
    const words = pieces.map(([kind, text]) => (kind ? el('span', { class: `t-${kind}`, text }) : text));
    const note = number === mark ? el('span', { class: 'unseen', text: 'The error is on this line: ' }) : null;
    return el('span', { class: number === mark ? 'line at-fault' : 'line' }, note, ...words, '\n');
  }

  function element(source, title = '') {
    const text = plainLines(source.text);
    const code = el('code', { class: 'sql numbered', translate: 'no' }, ...lines(text, source.language).map((pieces, at) => line(pieces, at + 1, source.mark)));
    const box = el('pre', { class: 'code', tabindex: '0', 'aria-label': title }, code);
    const what = source.compiled ? 'SQL as the warehouse was asked' : 'As it is written; what the warehouse was asked is not kept';
    const where = source.mark ? `, line ${Format.number(source.mark)} at fault` : '';
    requestAnimationFrame(() => reveal(box));
    return el('div', { class: 'listing' }, el('p', { class: 'code-head' }, el('span', { class: 'muted', text: what + where }), el('span', { class: 'grow' }), copyButton(source.text, 'the SQL')), box);
  }

  function reveal(box) {
    const marked = box.querySelector('.at-fault');
    if (marked) box.scrollTop = marked.offsetTop - box.offsetTop - box.clientHeight / 2;
  }

  return { element };
})();
