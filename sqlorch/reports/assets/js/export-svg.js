// The drawing as SVG text, made from the same scene and faces as the canvas. Names are escaped; nothing is copied
// from the page.

const SvgExport = (() => {
  const VIEW = { sx: 1, sy: 1, x: 0, y: 0 };
  const MARGIN = 32;
  // What XML 1.0 forbids even escaped; a half of a surrogate pair cannot be encoded.
  const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

  const escape = (text) => String(text).replace(FORBIDDEN, '\ufffd').replace(/[&<>"']/g, (letter) => ESCAPES[letter]);
  const round = (value) => Math.round(value * 10) / 10;

  function tag(name, attributes, ...inside) {
    const list = Object.entries(attributes).filter(([, value]) => value !== null && value !== undefined);
    const written = list.map(([key, value]) => ` ${key}="${escape(typeof value === 'number' ? round(value) : value)}"`).join('');
    return inside.length ? `<${name}${written}>${inside.join('')}</${name}>` : `<${name}${written}/>`;
  }

  const text = (words, x, y, size, color, more = {}) => tag('text', { x, y, 'font-size': size, fill: color, 'dominant-baseline': 'central', ...more }, escape(words));

  /** All of the current picture, at full size. */
  function make(picture) {
    const { left, top, right, bottom } = picture.scene.bounds;
    const size = { width: right - left + 2 * MARGIN, height: bottom - top + 2 * MARGIN };
    const box = [left - MARGIN, top - MARGIN, size.width, size.height].map(round).join(' ');
    const title = tag('title', {}, escape(`Lineage of ${plain(picture.graph.project)}`));
    const ground = tag('rect', { x: left - MARGIN, y: top - MARGIN, ...size, fill: Theme.color('canvas') });
    const lines = Lines.buckets(picture.scene, picture.lights).map((bucket) => edges(picture, bucket));
    const cards = picture.scene.items.map((item, at) => card(picture, item, at));
    return tag('svg', { xmlns: 'http://www.w3.org/2000/svg', viewBox: box, ...size, 'font-family': FONT }, title, ground, ...lines, ...cards);
  }

  function edges({ scene }, { tone, kind, list }) {
    const style = Lines.STYLES[tone];
    const dash = Lines.DASHES[kind].join(' ') || null;
    const group = { fill: 'none', stroke: Theme.color(style.color), 'stroke-width': style.width, 'stroke-dasharray': dash, opacity: round(style.alpha * Lines.strength(scene, tone, 1).alpha * 100) / 100 };
    return tag('g', group, ...list.map((at) => tag('path', { d: pathOf(scene.edges[at], scene.items) })), ' ');
  }

  function pathOf(edge, items) {
    const parts = [];
    const pen = {
      moveTo: (...at) => parts.push(`M${at.map(round).join(' ')}`),
      lineTo: (...at) => parts.push(`L${at.map(round).join(' ')}`),
      bezierCurveTo: (...at) => parts.push(`C${at.map(round).join(' ')}`),
    };
    Lines.trace(pen, edge, items, VIEW);
    return parts.join('');
  }

  function card({ graph, overlay, lights, column }, item, at) {
    const tone = lights.items[at];
    const face = Faces.of(graph, item, overlay, tone === TONE.self ? column : null);
    const { left, top, width, height } = boxOf(item, VIEW);
    const edge = tone === TONE.self ? Theme.color('self') : Theme.color('line');
    const parts = [
      tag('rect', { x: left, y: top, width, height, rx: 8, fill: Theme.color('surface'), stroke: edge, 'stroke-width': tone === TONE.self ? 2 : 1 }),
      face.tinted ? tag('rect', { x: left, y: top, width, height, rx: 8, fill: face.color, 'fill-opacity': '0.2' }) : '',
      tag('rect', { x: left + 8, y: top + 8, width: 24, height: 24, rx: 6, fill: face.color, 'fill-opacity': '0.16' }),
      glyph(face.icon, left + 12.5, top + 12.5, 15, face.color),
      ...labels(face, left, top),
      face.mark ? mark(face.mark, left + width - 16, top + CARD.height / 2) : '',
      ...face.rows.map((row, number) => columnRow(row, face, left, top, width, number)),
      face.mix ? mix(face.mix, left, top, width, height) : '',
    ];
    return tag('g', { opacity: tone === TONE.dim ? '0.28' : null }, ...parts, tag('title', {}, escape(item.label)));
  }

  function labels(face, left, top) {
    const room = CARD.width - 40 - (face.mark ? 28 : 12);
    return [
      text(Shapes.ellipsis(face.label, room, 12.5, 500), left + 40, top + 13.5, 12.5, Theme.color('text'), { 'font-weight': '500' }),
      text(Shapes.ellipsis(face.note, room, 10.5), left + 40, top + 28.5, 10.5, Theme.color('muted')),
    ];
  }

  function glyph(name, x, y, size, color) {
    const place = `translate(${round(x)} ${round(y)}) scale(${round((size / 16) * 100) / 100})`;
    return tag('path', { d: ICONS[name] ?? ICONS.model, transform: place, fill: 'none', stroke: color, 'stroke-width': '1.4', 'stroke-linecap': 'round', 'stroke-linejoin': 'round' });
  }

  const mark = ({ name, color }, x, y) => tag('circle', { cx: x, cy: y, r: 7, fill: color }) + glyph(name, x - 5, y - 5, 10, Theme.color('surface'));

  function columnRow(row, face, left, top, width, number) {
    const y = top + CARD.height + 2 + (number + 0.5) * CARD.row;
    const type = plain(row.type ?? '').toLowerCase();
    const bold = row.name === face.column ? { 'font-weight': '600' } : {};
    return text(Shapes.ellipsis(plain(row.name), type ? 98 : 164, 11.5), left + 12, y, 11.5, Theme.color('text'), bold)
      + (type ? text(Shapes.ellipsis(type, 66, 10), left + width - 12, y, 10, Theme.color('muted'), { 'text-anchor': 'end' }) : '');
  }

  function mix(parts, left, top, width, height) {
    let x = left + 10;
    return parts.map(({ part, color }) => {
      const made = tag('rect', { x, y: top + height - 11, width: (width - 20) * part, height: 4, fill: color });
      x += (width - 20) * part;
      return made;
    }).join('');
  }

  return { make };
})();
