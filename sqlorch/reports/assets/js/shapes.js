// One card, drawn at any size. Text is measured once at its full size; what does not fit ends in an ellipsis.

const FONT = '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, Inter, "Helvetica Neue", Arial, sans-serif';
const FULL = 0.72; // scale from which a card shows everything; below it shows its name as large as fits
const SMALLEST = { width: 46, height: 12 }; // pixels of a card that can carry a name

const readable = ({ sx, sy }) => CARD.width * sx >= SMALLEST.width && CARD.height * sy >= SMALLEST.height;

const Shapes = (() => {
  const fitted = new Map();
  const ruler = document.createElement('canvas').getContext('2d');

  /** The text cut to a width in pixels at a font size; cached, because panning draws it again and again. */
  function ellipsis(text, width, size, weight = 400) {
    const key = `${weight} ${size} ${width} ${text}`;
    if (!fitted.has(key)) {
      ruler.font = `${weight} ${size}px ${FONT}`;
      remember(key, cut(text.slice(0, 200), width));
    }
    return fitted.get(key);
  }

  function cut(text, width) {
    if (ruler.measureText(text).width <= width) return text;
    const letters = [...text];
    let [low, high] = [0, letters.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (ruler.measureText(`${letters.slice(0, middle).join('')}…`).width <= width) low = middle;
      else high = middle - 1;
    }
    return `${letters.slice(0, low).join('')}…`;
  }

  function rounded(ctx, x, y, width, height, radius) {
    ctx.beginPath();
    ctx.roundRect(x, y, width, height, radius);
  }

  function words(ctx, text, x, y, scale, { size, weight = 400, color, width, align = 'left' }) {
    ctx.font = `${weight} ${size * scale}px ${FONT}`;
    ctx.textAlign = align;
    ctx.textBaseline = 'middle';
    ctx.fillStyle = color;
    ctx.fillText(ellipsis(text, width, size, weight), x, y);
  }

  function glyph(ctx, name, x, y, size, color) {
    ctx.save();
    ctx.translate(x, y);
    ctx.scale(size / 16, size / 16);
    ctx.strokeStyle = color;
    ctx.lineWidth = 1.4;
    ctx.lineCap = ctx.lineJoin = 'round';
    ctx.stroke(iconPath(name));
    ctx.restore();
  }

  function width(text, size, weight = 400) {
    ruler.font = `${weight} ${size}px ${FONT}`;
    return ruler.measureText(text).width;
  }

  /** A name on a small plate of its own, over a crowd of cards. */
  function plaque(ctx, text, x, y, room, color) {
    rounded(ctx, x, y - 10, room + 20, 20, 6);
    ctx.fillStyle = Theme.color('raised');
    ctx.fill();
    ctx.strokeStyle = Theme.color('line');
    ctx.lineWidth = 1;
    ctx.stroke();
    rounded(ctx, x + 6, y - 3, 6, 6, 2);
    ctx.fillStyle = color;
    ctx.fill();
    words(ctx, text, x + 16, y + 0.5, 1, { size: 11, weight: 500, color: Theme.color('text'), width: 200 });
  }

  /** Card, name and colour where there is no room for more: one line or two, broken at an underscore. */
  function narrow(ctx, face, box) {
    const { left, top, width, height } = box;
    const radius = Math.min(6, height / 4);
    if (face.stack) backCard(ctx, box, 0.6);
    plate(ctx, face, box, radius);
    ctx.fillStyle = face.color;
    rounded(ctx, left, top, 3, height, [radius, 0, 0, radius]);
    ctx.fill();
    if (face.mark) {
      ctx.fillStyle = face.mark.color;
      ctx.beginPath();
      ctx.arc(left + width - 6, top + 6, 2.5, 0, 7);
      ctx.fill();
    }
    if (face.mix) mixBar(ctx, face.mix, { left: left + 4, top, width: width - 4, height: height + 6 }, 0.6);
    const two = height >= 21;
    const size = Math.min(11.5, Math.max(8.5, Math.round(height * (two ? 0.84 : 1.3)) / 2));
    const lines = two ? wrap(face.label, width - (face.mark ? 20 : 13), size) : [face.label];
    lines.forEach((line, at) => {
      const y = top + (face.mix ? height - 6 : height) / 2 + (at - (lines.length - 1) / 2) * size * 1.14;
      words(ctx, line, left + 8, y + 0.5, 1, { size, weight: 500, color: Theme.color('text'), width: width - (face.mark ? 19 : 12) });
    });
  }

  function wrap(text, room, size) {
    const key = `wrap ${size} ${room} ${text}`;
    if (!fitted.has(key)) remember(key, wrapped(text, room, size));
    return fitted.get(key);
  }

  function remember(key, value) {
    if (fitted.size > 20_000) fitted.clear();
    fitted.set(key, value);
  }

  function wrapped(text, room, size) {
    if (width(text, size, 500) <= room) return [text];
    const parts = text.split(/(?<=[_./\- ])/);
    if (parts.length === 1) return [text];
    let first = parts.shift();
    while (parts.length > 1 && width(first + parts[0], size, 500) <= room) first += parts.shift();
    return [first, parts.join('')];
  }

  function plate(ctx, face, { left, top, width, height }, radius) {
    ctx.fillStyle = Theme.color('surface');
    rounded(ctx, left, top, width, height, radius);
    ctx.fill();
    if (face.tinted) tint(ctx, face.color, 0.24);
    border(ctx, face);
  }

  function border(ctx, face) {
    if (face.self) tint(ctx, Theme.color('self'), 0.14);
    ctx.strokeStyle = face.edge ?? Theme.color('line');
    ctx.lineWidth = face.self ? 2.5 : face.edge ? 1.5 : 1;
    ctx.stroke();
  }

  /** The whole card: box, tinted icon, name, what the overlay says, mark, and its columns.
   *  `down` is the scale of heights; text has a scale of its own, so that it stays readable where cards are squeezed. */
  function card(ctx, face, box, scale, down) {
    const size = Math.min(down, Math.max(scale, 0.82));
    const { left, top, width, height } = box;
    if (face.stack) backCard(ctx, box, scale);
    ctx.fillStyle = Theme.color('surface');
    rounded(ctx, left, top, width, height, 8 * scale);
    if (face.raised) shadow(ctx, scale);
    ctx.fill();
    ctx.shadowColor = 'transparent';
    if (face.tinted) tint(ctx, face.color, 0.2);
    border(ctx, face);
    head(ctx, face, { left, width, middle: top + (CARD.height / 2) * down }, size);
    if (face.rows.length) rows(ctx, face, box, size, down);
    if (face.mix) mixBar(ctx, face.mix, box, scale);
  }

  function shadow(ctx, scale) {
    ctx.shadowColor = Theme.color('shadow');
    ctx.shadowBlur = 18 * scale;
    ctx.shadowOffsetY = 4 * scale;
  }

  function backCard(ctx, { left, top, width, height }, scale) {
    ctx.fillStyle = Theme.color('surface');
    ctx.strokeStyle = Theme.color('line');
    ctx.lineWidth = 1;
    rounded(ctx, left + 6 * scale, top - 4 * scale, width - 12 * scale, height, 8 * scale);
    ctx.fill();
    ctx.stroke();
  }

  function tint(ctx, color, strength) {
    const before = ctx.globalAlpha;
    ctx.globalAlpha = before * strength;
    ctx.fillStyle = color;
    ctx.fill();
    ctx.globalAlpha = before;
  }

  function head(ctx, face, { left, width, middle }, size) {
    const tile = width / size > 175 ? 24 : 19;
    const indent = width / size > 120 ? tile + 14 : 10;
    if (indent > 10) {
      rounded(ctx, left + 7 * size, middle - (tile / 2) * size, tile * size, tile * size, 6 * size);
      tint(ctx, face.color, 0.16);
      glyph(ctx, face.icon, left + (7 + tile * 0.19) * size, middle - tile * 0.31 * size, tile * 0.62 * size, face.color);
    }
    const room = Math.round(width / size) - indent - (face.mark ? 28 : 10);
    words(ctx, face.label, left + indent * size, middle - 6.5 * size, size, { size: 12.5, weight: 500, color: Theme.color('text'), width: room });
    words(ctx, face.note, left + indent * size, middle + 8.5 * size, size, { size: 10.5, color: Theme.color('muted'), width: room });
    if (face.mark) mark(ctx, face.mark, left + width - 16 * size, middle, size);
  }

  function mark(ctx, { name, color }, x, y, scale) {
    ctx.beginPath();
    ctx.arc(x, y, 7 * scale, 0, 7);
    ctx.fillStyle = color;
    ctx.fill();
    glyph(ctx, name, x - 5 * scale, y - 5 * scale, 10 * scale, Theme.color('surface'));
  }

  function rows(ctx, face, { left, top, width }, size, down) {
    const first = top + (CARD.height + 2) * down;
    ctx.strokeStyle = Theme.color('line');
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(left, first - 2 * down);
    ctx.lineTo(left + width, first - 2 * down);
    ctx.stroke();
    const middle = (at) => first + (at + 0.5) * CARD.row * down;
    face.rows.forEach((column, at) => row(ctx, column, column.name === face.column, { left, width, middle: middle(at) }, size, down));
    const note = { size: 10.5, color: Theme.color('muted'), width: Math.round(width / size) - 20 };
    if (face.more) words(ctx, `${face.more} more in the panel`, left + 12 * size, middle(face.rows.length), size, note);
  }

  function row(ctx, column, self, { left, width, middle }, size, down) {
    if (self) {
      rounded(ctx, left + 4 * size, middle - 10 * down, width - 8 * size, 20 * down, 4 * size);
      tint(ctx, Theme.color('self'), 0.18);
    }
    const room = Math.round(width / size) - 20;
    const type = room > 130 ? plain(column.type ?? '').toLowerCase() : '';
    words(ctx, plain(column.name), left + 10 * size, middle, size, { size: 11.5, weight: self ? 600 : 400, color: Theme.color('text'), width: type ? room - 70 : room });
    words(ctx, type, left + width - 10 * size, middle, size, { size: 10, color: Theme.color('muted'), width: 64, align: 'right' });
  }

  /** What a collapsed card is made of, as parts of one bar. */
  function mixBar(ctx, mix, { left, top, width, height }, scale) {
    const [from, room] = [left + 10 * scale, width - 20 * scale];
    const y = top + height - 11 * scale;
    ctx.save();
    rounded(ctx, from, y, room, 4 * scale, 2 * scale);
    ctx.clip();
    let x = from;
    for (const { part, color } of mix) {
      ctx.fillStyle = color;
      ctx.fillRect(x, y, room * part + 0.5, 4 * scale);
      x += room * part;
    }
    ctx.restore();
  }

  /** "+3" beside a card: neighbours that are not drawn. */
  function badge(ctx, text, x, y, scale) {
    rounded(ctx, x - 15 * scale, y - 9 * scale, 30 * scale, 18 * scale, 9 * scale);
    ctx.fillStyle = Theme.color('surface');
    ctx.fill();
    ctx.strokeStyle = Theme.color('line');
    ctx.lineWidth = 1;
    ctx.stroke();
    words(ctx, text, x, y + 0.5, scale, { size: 10, weight: 500, color: Theme.color('muted'), width: 28, align: 'center' });
  }

  return { card, narrow, badge, words, plaque, width, ellipsis, rounded, tint };
})();
