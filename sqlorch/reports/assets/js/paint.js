// Draws a scene into a canvas, in as much detail as can be seen: dots, small cards, cards with names.

function paintScene(ctx, picture, view, clip) {
  Lines.paint(ctx, picture.scene, picture.lights, view, clip);
  if (!readable(view)) paintSmall(ctx, picture, view, clip);
  else paintCards(ctx, picture, view, clip);
}

/** The box of an item on the screen, never thinner than can be seen. */
function boxOf(item, { sx, sy, x, y }) {
  const width = Math.max(4, item.width * sx);
  const height = Math.max(1.6, item.height * sy);
  return { left: item.x * sx + x - width / 2, top: item.y * sy + y - height / 2, width, height };
}

const outside = (box, clip, margin = 0) =>
  box.left > clip.right + margin || box.left + box.width < clip.left - margin || box.top > clip.bottom + margin || box.top + box.height < clip.top - margin;

/** Cards without names: all of one colour in one path, slighter than cards so that lines stay visible. */
function paintSmall(ctx, picture, view, clip) {
  for (const { color, tone, list } of dots(picture)) {
    ctx.fillStyle = color;
    ctx.globalAlpha = tone === TONE.dim ? 0.14 : 0.9;
    ctx.beginPath();
    for (const at of list) {
      const { left, top, width, height } = boxOf(picture.scene.items[at], view);
      if (outside({ left, top, width, height }, clip)) continue;
      if (height < 3) ctx.rect(left, top, width, height);
      else ctx.roundRect(left, top + height * 0.18, width, height * 0.64, Math.min(4, height * 0.32));
    }
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

function dots({ scene, lights, overlay }) {
  if (lights.dots) return lights.dots;
  const found = new Map();
  scene.items.forEach((item, at) => {
    const tone = lights.items[at] === TONE.dim ? TONE.dim : TONE.plain;
    const color = Faces.dot(item, overlay);
    const key = `${tone} ${color}`;
    if (!found.has(key)) found.set(key, { tone, color, list: [] });
    found.get(key).list.push(at);
  });
  lights.dots = [...found.values()].sort((a, b) => a.tone - b.tone);
  return lights.dots;
}

const EDGE_OF_TONE = { [TONE.up]: 'up', [TONE.down]: 'down', [TONE.self]: 'self' };

function paintCards(ctx, picture, view, clip) {
  const raised = [];
  picture.scene.items.forEach((item, at) => {
    const box = boxOf(item, view);
    if (outside(box, clip, 40)) return;
    if (item.rows.length) raised.push([item, at, box]);
    else paintCard(ctx, picture, item, at, box, view);
  });
  for (const args of raised) paintCard(ctx, picture, ...args, view);
}

function paintCard(ctx, { graph, lights, overlay, column, scene }, item, at, box, { sx, sy }) {
  const scale = Math.min(sx, sy);
  const tone = lights.items[at];
  const face = Faces.of(graph, item, overlay, tone === TONE.self ? column : null);
  face.self = tone === TONE.self;
  if (face.self) face.edge = Theme.color('self');
  else if (EDGE_OF_TONE[tone] && scene.name !== 'focus') face.edge = Theme.color(EDGE_OF_TONE[tone]);
  ctx.globalAlpha = tone === TONE.dim ? 0.28 : 1;
  if (scale >= FULL || item.rows.length) Shapes.card(ctx, face, box, scale, sy);
  else Shapes.narrow(ctx, face, box);
  if (item.hiddenUp) Shapes.badge(ctx, `+${item.hiddenUp}`, box.left, box.top - 2 * scale, scale);
  if (item.hiddenDown) Shapes.badge(ctx, `+${item.hiddenDown}`, box.left + box.width, box.top - 2 * scale, scale);
  ctx.globalAlpha = 1;
}
