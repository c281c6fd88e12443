// One card, drawn at any size. Text is measured once at its full size; what does not fit ends in an ellipsis.

const FONT = '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, Inter, "Helvetica Neue", Arial, sans-serif';
const READABLE = 15; // height in pixels of a card from which its name can be read

const Shapes = (() => {
  const fitted = new Map();
  const ruler = document.createElement('canvas').getContext('2d');

  /** The text cut to a width in pixels at a font size; cached, because panning draws it again and again. */
  function ellipsis(text, width, size, weight = 400) {
    const key = `${weight} ${size} ${width} ${text}`;
    if (!fitted.has(key)) {
      if (fitted.size > 20_000) fitted.clear();
      ruler.font = `${weight} ${size}px ${FONT}`;
      fitted.set(key, cut(text.slice(0, 200), width));
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

  /** The whole card: box, tinted icon, name, what the overlay says, mark, and its columns. */
  function card(ctx, face, box, scale) {
    const { left, top, width, height } = box;
    if (face.stack) backCard(ctx, box, scale);
    ctx.fillStyle = Theme.color('surface');
    rounded(ctx, left, top, width, height, 8 * scale);
    if (face.raised) shadow(ctx, scale);
    ctx.fill();
    ctx.shadowColor = 'transparent';
    if (face.tinted) tint(ctx, face.color, 0.14);
    ctx.strokeStyle = face.edge ?? Theme.color('line');
    ctx.lineWidth = face.edge ? 2 : 1;
    ctx.stroke();
    head(ctx, face, box, scale);
    if (face.rows.length) rows(ctx, face, box, scale);
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

  function head(ctx, face, { left, top, width }, scale) {
    const middle = top + (CARD.height / 2) * scale;
    rounded(ctx, left + 8 * scale, middle - 12 * scale, 24 * scale, 24 * scale, 6 * scale);
    tint(ctx, face.color, 0.16);
    glyph(ctx, face.icon, left + 12.5 * scale, middle - 7.5 * scale, 15 * scale, face.color);
    const room = CARD.width - 40 - (face.mark ? 28 : 12);
    words(ctx, face.label, left + 40 * scale, middle - 6.5 * scale, scale, { size: 12.5, weight: 500, color: Theme.color('text'), width: room });
    words(ctx, face.note, left + 40 * scale, middle + 8.5 * scale, scale, { size: 10.5, color: Theme.color('muted'), width: room });
    if (face.mark) mark(ctx, face.mark, left + width - 16 * scale, middle, scale);
  }

  function mark(ctx, { name, color }, x, y, scale) {
    ctx.beginPath();
    ctx.arc(x, y, 7 * scale, 0, 7);
    ctx.fillStyle = color;
    ctx.fill();
    glyph(ctx, name, x - 5 * scale, y - 5 * scale, 10 * scale, Theme.color('surface'));
  }

  function rows(ctx, face, { left, top, width }, scale) {
    const first = top + (CARD.height + 2) * scale;
    ctx.strokeStyle = Theme.color('line');
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(left, first - 2 * scale);
    ctx.lineTo(left + width, first - 2 * scale);
    ctx.stroke();
    face.rows.forEach((column, at) => row(ctx, face, column, left, first + at * CARD.row * scale, width, scale));
    if (!face.more) return;
    const y = first + (face.rows.length + 0.5) * CARD.row * scale;
    words(ctx, `${face.more} more in the panel`, left + 12 * scale, y, scale, { size: 10.5, color: Theme.color('muted'), width: 180 });
  }

  function row(ctx, face, column, left, top, width, scale) {
    const middle = top + (CARD.row / 2) * scale;
    const self = column.name === face.column;
    if (self) {
      rounded(ctx, left + 4 * scale, top + scale, width - 8 * scale, (CARD.row - 2) * scale, 4 * scale);
      tint(ctx, Theme.color('self'), 0.18);
    }
    const type = plain(column.type ?? '').toLowerCase();
    words(ctx, plain(column.name), left + 12 * scale, middle, scale, { size: 11.5, weight: self ? 600 : 400, color: Theme.color('text'), width: type ? 118 : 186 });
    words(ctx, type, left + width - 12 * scale, middle, scale, { size: 10, color: Theme.color('muted'), width: 66, align: 'right' });
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

  return { card, badge, words, ellipsis, rounded, tint };
})();
