// SQL in colours: a tokenizer of a few rules, made for reading, not for parsing. Jinja stands out as such.

const Sql = (() => {
  const KEYWORDS = new Set(
    `all alter and any array as asc between by case cast create cross current_date current_timestamp default delete desc distinct drop else end escape
    except exclude exists extract false fetch filter first following for from full group grouping having if ilike in inner insert intersect interval into is
    join last lateral left like limit merge natural not null nulls offset on or order outer over partition pivot preceding qualify range recursive
    right row rows select set sets table then to true unbounded union unnest unpivot update using values view when where window with within`.split(/\s+/),
  );
  const PYTHON = new Set(`and as assert async await break class continue def del elif else except finally for from global if import in is lambda None
    nonlocal not or pass raise return True False try while with yield`.split(/\s+/));

  const COMMON = [
    ['number', /\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?/y],
    ['word', /[\p{L}_$][\p{L}\p{N}_$]*/uy],
    ['space', /\s+/y],
  ];
  const RULES = {
    sql: [
      ['jinja', /\{\{[^]{0,4000}?\}\}|\{%[^]{0,4000}?%\}/y],
      ['comment', /--[^\n]*|\/\*[^]*?(?:\*\/|$)|\{#[^]*?#\}/y],
      ['string', /'(?:[^']|'')*(?:'|$)|(\$\w*\$)[^]*?(?:\1|$)/y],
      ['name', /"(?:[^"]|"")*(?:"|$)|`[^`]*(?:`|$)/y],
      ...COMMON,
    ],
    python: [
      ['comment', /#[^\n]*/y],
      ['string', /[rbfRBF]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:[^"\\\n]|\\.)*(?:"|$)|'(?:[^'\\\n]|\\.)*(?:'|$))/y],
      ...COMMON,
    ],
  };

  /** Pieces [kind, text] that joined give the text again; kind is keyword, call, string, comment, number, name, jinja or ''. */
  function tokenize(text, language = 'sql') {
    const rules = RULES[language] ?? RULES.sql;
    const words = language === 'python' ? PYTHON : KEYWORDS;
    const tokens = [];
    for (let at = 0; at < text.length; ) {
      const [kind, piece] = next(text, at, rules);
      at += piece.length;
      push(tokens, kind === 'word' ? wordKind(piece, text, at, words, language) : kind === 'space' ? '' : kind, piece);
    }
    return tokens;
  }

  function next(text, at, rules) {
    for (const [kind, rule] of rules) {
      rule.lastIndex = at;
      const found = rule.exec(text);
      if (found && found[0]) return [kind, found[0]];
    }
    return ['', text[at]];
  }

  function wordKind(word, text, end, words, language) {
    if (words.has(language === 'sql' ? word.toLowerCase() : word)) return 'keyword';
    return text[end] === '(' ? 'call' : '';
  }

  function push(tokens, kind, piece) {
    if (tokens.length && tokens.at(-1)[0] === kind && kind === '') tokens.at(-1)[1] += piece;
    else tokens.push([kind, piece]);
  }

  /** A <code> element; very long texts stay plain, colouring them would only make scrolling slow. */
  function element(text, language = 'sql') {
    const clean = plainLines(text);
    const code = el('code', { class: 'sql', translate: 'no' });
    if (clean.length > 60_000) code.append(clean);
    else for (const [kind, piece] of tokenize(clean, language)) code.append(kind ? el('span', { class: `t-${kind}`, text: piece }) : piece);
    return code;
  }

  return { tokenize, element };
})();
