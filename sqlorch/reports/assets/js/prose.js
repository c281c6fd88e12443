// Descriptions as their authors wrote them in Markdown: paragraphs, headings, lists, tables, `code`, **strong**.
// Everything becomes elements with text in them. Links and HTML stay the text that they are.

const Prose = (() => {
  const LIST = /^\s*(?:[-*+]|\d+[.)])\s+/;
  const TABLE = /^\s*\|.*\|\s*$/;
  const RULE = /^\s*\|?[\s:|-]*-[\s:|-]*\|?\s*$/;
  const HEADING = /^#{1,6}\s+/;
  const INLINE = /`([^`\n]{1,300})`|\*\*([^*\n]{1,300})\*\*/g;

  function inline(parent, text) {
    let at = 0;
    for (const found of text.matchAll(INLINE)) {
      parent.append(text.slice(at, found.index), found[1] === undefined ? el('strong', { text: found[2] }) : el('code', { text: found[1] }));
      at = found.index + found[0].length;
    }
    parent.append(text.slice(at));
    return parent;
  }

  const kindOf = (line) => (!line.trim() ? 'gap' : TABLE.test(line) ? 'table' : LIST.test(line) ? 'list' : HEADING.test(line) ? 'heading' : 'words');

  /** Lines of one kind that follow each other. */
  function blocks(lines) {
    const found = [];
    for (const line of lines) {
      const kind = kindOf(line);
      if (found.at(-1)?.kind === kind && kind !== 'heading') found.at(-1).lines.push(line);
      else if (kind === 'words' && found.at(-1)?.kind === 'list' && /^\s/.test(line)) found.at(-1).lines[found.at(-1).lines.length - 1] += ` ${line.trim()}`;
      else found.push({ kind, lines: [line] });
    }
    return found.filter(({ kind }) => kind !== 'gap');
  }

  const cells = (line) => line.trim().slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim());

  function table(lines) {
    const headed = lines.length > 1 && RULE.test(lines[1]);
    const rows = lines.filter((line, at) => !(at === 1 && headed));
    const row = (line, at) => el('tr', {}, ...cells(line).map((cell) => inline(el(headed && at === 0 ? 'th' : 'td'), cell)));
    return el('table', {}, ...rows.map(row));
  }

  const DRAW = {
    words: (lines) => inline(el('p'), lines.join('\n')),
    heading: ([line]) => inline(el('p', { class: 'prose-heading' }), line.replace(HEADING, '')),
    list: (lines) => el('ul', {}, ...lines.map((line) => inline(el('li'), line.replace(LIST, '')))),
    table,
  };

  function element(text) {
    return el('div', { class: 'prose', dir: 'auto' }, ...blocks(plainLines(text).trim().split('\n')).map(({ kind, lines }) => DRAW[kind](lines)));
  }

  return { element };
})();
