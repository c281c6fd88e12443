// Draws a scene into a canvas, in as much detail as can be seen: dots, small cards, cards with names.

function paintScene(ctx, picture, view, clip) {
  Lines.paint(ctx, picture.scene, picture.lights, view, clip);
  const height = CARD.height * view.sy;
  if (height < READABLE) paintSmall(ctx, picture, view, clip, height);
  else paintCards(ctx, picture, view, clip);
}

/** The box of an item on the screen. Cards keep their shape; they are never thinner than can be seen. */
function boxOf(item, { sx, sy, x, y }) {
  const width = Math.max(5, item.width * sy);
  const height = Math.max(1.6, item.height * sy);
  return { left: item.x * sx + x - width / 2, top: item.y * sy + y - height / 2, width, height };
}

const outside = (box, clip, margin = 0) =>
  box.left > clip.right + margin || box.left + box.width < clip.left - margin || box.top > clip.bottom + margin || box.top + box.height < clip.top - margin;

/** Cards without names: all of one colour in one path. */
function paintSmall(ctx, picture, view, clip, height) {
  for (const { color, tone, list } of dots(picture)) {
    ctx.fillStyle = color;
    ctx.globalAlpha = tone === TONE.dim ? 0.16 : 1;
    ctx.beginPath();
    for (const at of list) {
      const box = boxOf(picture.scene.items[at], view);
      if (outside(box, clip)) continue;
      if (height < 4) ctx.rect(box.left, box.top, box.width, box.height);
      else ctx.roundRect(box.left, box.top, box.width, box.height, Math.min(8 * view.sy, 3));
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
    else paintCard(ctx, picture, item, at, box, view.sy);
  });
  for (const args of raised) paintCard(ctx, picture, ...args, view.sy);
}

function paintCard(ctx, { graph, lights, overlay, column, scene }, item, at, box, scale) {
  const tone = lights.items[at];
  const face = Faces.of(graph, item, overlay, tone === TONE.self ? column : null);
  if (tone === TONE.self) face.edge = Theme.color('self');
  else if (EDGE_OF_TONE[tone] && scene.name !== 'focus') face.edge = Theme.color(EDGE_OF_TONE[tone]);
  ctx.globalAlpha = tone === TONE.dim ? 0.28 : 1;
  Shapes.card(ctx, face, box, scale);
  if (item.hiddenUp) Shapes.badge(ctx, `+${item.hiddenUp}`, box.left, box.top - 2 * scale, scale);
  if (item.hiddenDown) Shapes.badge(ctx, `+${item.hiddenDown}`, box.left + box.width, box.top - 2 * scale, scale);
  ctx.globalAlpha = 1;
}
