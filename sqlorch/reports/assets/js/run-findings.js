// What was found of expectations: those that do not hold, each with what was seen.

const Findings = (() => {
  function element(findings) {
    const failing = findings.filter(({ ok }) => !ok);
    if (!failing.length) return null;
    const rest = findings.length - failing.length;
    return el('div', { class: 'findings' }, ...failing.map(one), rest ? el('p', { class: 'muted', text: `${Format.count(rest, 'other expectation')} of this model ${rest === 1 ? 'holds' : 'hold'}.` }) : null);
  }

  function one(found) {
    const name = found.column ? `${plain(found.expectation)} (${plain(found.column)})` : plain(found.expectation);
    const warns = found.severity === 'warn' ? el('span', { class: 'tag', text: 'warns only' }) : null;
    return el('div', { class: `finding ${stateClass(found.severity === 'warn' ? 'warn' : 'failed')}` },
      el('p', { class: 'finding-name' }, el('code', { dir: 'auto', text: name }), warns),
      factList([
        ['Expected', found.arguments],
        ['Observed', found.observed],
        ['Unexpected', unexpected(found)],
        ['Such as', found.samples.length ? samples(found.samples) : ''],
        ['Problem', found.error],
        ['Written in', found.origin],
      ]));
  }

  function unexpected({ unexpected: rows, checked }) {
    if (rows === null) return '';
    return checked ? `${Format.number(rows)} of ${Format.count(checked, 'row')} (${share(rows / checked)})` : Format.count(rows, 'row');
  }

  const share = (part) => (part > 0 && part < 0.001 ? 'under 0.1 %' : `${(part * 100).toFixed(1).replace('.0', '')} %`);

  const samples = (values) => el('span', { class: 'samples' }, ...[...new Set(values)].map((value) => el('code', { dir: 'auto', text: plain(value) })));

  return { element };
})();
