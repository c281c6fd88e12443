// The canvas: size, frames, what is under the pointer, and names for what is too small to carry one.

const Stage = (() => {
  const MANY = 1600; // cards and lines from which tiles are worth their memory
  const canvas = byId('canvas');
  const ctx = canvas.getContext('2d');
  const camera = makeCamera();
  const ratio = () => Math.min(3, window.devicePixelRatio || 1);
  const tiles = makeTiles(ratio);
  const onDraw = [];
  let picture = null;
  let hovered = -1;
  let waiting = 0;
  let zoomedAt = -Infinity;
  let flight = 0;
  let landmarks = { key: '', list: [] };

  const calm = matchMedia('(prefers-reduced-motion: reduce)');

  function view() {
    const snap = (value) => Math.round(value * ratio()) / ratio(); // whole device pixels: nothing blurs while panning
    return { sx: camera.scaleX(), sy: camera.scaleY(), x: snap(camera.x), y: snap(camera.y) };
  }

  function resize() {
    const { width, height } = canvas.parentElement.getBoundingClientRect();
    if (!width || !height) return false;
    const changed = camera.width !== width || camera.height !== height;
    [camera.width, camera.height] = [width, height];
    canvas.width = Math.round(width * ratio());
    canvas.height = Math.round(height * ratio());
    redraw();
    return changed;
  }

  function show(next) {
    picture = next;
    hovered = -1;
    landmarks.key = '';
    redraw();
  }

  function redraw() {
    if (!waiting) waiting = requestAnimationFrame(frame);
  }

  function frame() {
    waiting = 0;
    if (picture) draw();
  }

  function draw() {
    const now = view();
    ctx.setTransform(ratio(), 0, 0, ratio(), 0, 0);
    ctx.clearRect(0, 0, camera.width, camera.height);
    const size = picture.scene.items.length + picture.scene.edges.length;
    if (size > MANY) drawTiled(now);
    else paintScene(ctx, picture, now, { left: 0, top: 0, right: camera.width, bottom: camera.height });
    drawHover(now);
    drawLandmarks(now);
    for (const listener of onDraw) listener(now);
  }

  function drawTiled(now) {
    const rest = 90 - (performance.now() - zoomedAt);
    if (!tiles.draw(ctx, picture, now, camera.width, camera.height, rest > 0)) redraw();
  }

  /** The card under the pointer and the lines that end at it. */
  function drawHover(now) {
    if (hovered < 0 || !picture.scene.items[hovered]) return;
    const { scene } = picture;
    ctx.strokeStyle = Theme.color('self');
    ctx.lineWidth = 1.5;
    ctx.globalAlpha = 0.7;
    ctx.beginPath();
    for (const at of [...scene.near[hovered].up, ...scene.near[hovered].down].slice(0, 400)) Lines.trace(ctx, scene.edges[at], scene.items, now);
    ctx.stroke();
    ctx.globalAlpha = 1;
    const box = boxOf(scene.items[hovered], now);
    Shapes.rounded(ctx, box.left - 2, box.top - 2, box.width + 4, box.height + 4, Math.min(9, 8 * now.sy + 2));
    ctx.stroke();
  }

  /** From far away: names of what matters most, as many as fit without covering each other. */
  function drawLandmarks(now) {
    if (CARD.height * now.sy >= READABLE) return;
    const key = `${now.sx} ${now.sy}`;
    if (landmarks.key !== key) landmarks = { key, list: placeLandmarks(now) };
    for (const { item, text, width } of landmarks.list) {
      const box = boxOf(item, now);
      const [x, y] = [box.left + box.width + 5, box.top + box.height / 2];
      if (x > camera.width || x + width < 0 || y < -10 || y > camera.height + 10) continue;
      ctx.globalAlpha = 0.86;
      ctx.fillStyle = Theme.color('canvas');
      Shapes.rounded(ctx, x - 3, y - 8, width + 6, 16, 4);
      ctx.fill();
      ctx.globalAlpha = 1;
      Shapes.words(ctx, text, x, y, 1, { size: 11, weight: 500, color: Theme.color('text'), width: 170 });
    }
  }

  function placeLandmarks(now) {
    const { scene, lights, graph } = picture;
    const order = scene.items.map((_, at) => at).filter((at) => lights.items[at] !== TONE.dim);
    const worth = (at) => (lights.items[at] === TONE.self ? 1e9 : scene.items[at].members?.length ?? weight(graph, scene.items[at].node));
    order.sort((a, b) => worth(b) - worth(a));
    const taken = new Set();
    const placed = [];
    for (const at of order.slice(0, 1500)) {
      const item = scene.items[at];
      const text = Shapes.ellipsis(item.label, 170, 11, 500);
      const width = text.length * 6.2;
      const cells = cellsOf(item.x * now.sx, item.y * now.sy, width);
      if (cells.some((cell) => taken.has(cell))) continue;
      for (const cell of cells) taken.add(cell);
      placed.push({ item, text, width });
    }
    return placed;
  }

  function cellsOf(x, y, width) {
    const cells = [];
    const row = Math.floor(y / 34);
    for (let column = Math.floor(x / 40) - 1; column <= Math.floor((x + width) / 40) + 1; column += 1) cells.push(`${column},${row}`, `${column},${row + 1}`);
    return cells;
  }

  /** The topmost item at a point of the canvas, or -1; small cards may be missed by a few pixels. */
  function itemAt(px, py) {
    if (!picture) return -1;
    const now = view();
    const slack = CARD.height * now.sy < READABLE ? 4 : 0;
    let best = -1;
    picture.scene.items.forEach((item, at) => {
      const box = boxOf(item, now);
      const inside = px >= box.left - slack && px <= box.left + box.width + slack && py >= box.top - slack && py <= box.top + box.height + slack;
      if (inside && (best < 0 || item.rows.length >= picture.scene.items[best].rows.length)) best = at;
    });
    return best;
  }

  /** The column of an open card at a point, or null. */
  function columnAt(at, px, py) {
    const item = picture.scene.items[at];
    const now = view();
    const row = Math.floor(((py - boxOf(item, now).top) / now.sy - CARD.height - 2) / CARD.row);
    return item.rows[row]?.name ?? null;
  }

  /** The "+n" beside a card at a point: which side, and whose. */
  function badgeAt(px, py) {
    const now = view();
    for (const item of picture?.scene.name === 'focus' ? picture.scene.items : []) {
      const box = boxOf(item, now);
      const near = (x) => Math.abs(px - x) < 17 * now.sy && Math.abs(py - box.top) < 12 * now.sy;
      if (item.hiddenUp && near(box.left)) return [item.node, 'parents'];
      if (item.hiddenDown && near(box.left + box.width)) return [item.node, 'children'];
    }
    return null;
  }

  function hover(at) {
    if (at === hovered) return;
    hovered = at;
    redraw();
  }

  function pan(dx, dy) {
    cancelAnimationFrame(flight);
    camera.x += dx;
    camera.y += dy;
    redraw();
  }

  function zoomAt(factor, px, py) {
    cancelAnimationFrame(flight);
    camera.zoomAt(factor, px, py);
    zoomedAt = performance.now();
    redraw();
  }

  const pads = () => (camera.width < 640 ? { left: 20, right: 20, top: 64, bottom: 76 } : { left: 48, right: 48, top: 72, bottom: 84 });

  function fit(smooth = true) {
    if (picture) fly(() => camera.fit(picture.scene.bounds, pads()), smooth);
  }

  /** Moves the camera to where `move` puts it, in a fifth of a second, or at once for those who want no motion. */
  function fly(move, smooth = true) {
    cancelAnimationFrame(flight);
    const from = { zoom: camera.zoom, flatten: camera.flatten, x: camera.x, y: camera.y };
    move();
    const to = { zoom: camera.zoom, flatten: camera.flatten, x: camera.x, y: camera.y };
    zoomedAt = performance.now();
    if (!smooth || calm.matches) return redraw();
    const start = performance.now();
    const step = () => {
      const part = Math.min(1, (performance.now() - start) / 200);
      const eased = 1 - (1 - part) ** 3;
      for (const name of Object.keys(to)) camera[name] = part === 1 ? to[name] : from[name] + (to[name] - from[name]) * eased;
      if (from.zoom !== to.zoom) zoomedAt = performance.now() - (part === 1 ? 90 : 0);
      redraw();
      if (part < 1) flight = requestAnimationFrame(step);
    };
    Object.assign(camera, from);
    flight = requestAnimationFrame(step);
    return undefined;
  }

  /** Brings an item into view if it is not, large enough to be read. */
  function reveal(at, smooth = true) {
    const item = picture?.scene.items[at];
    if (!item) return;
    const [x, y] = camera.toScreen(item.x, item.y);
    const pad = pads();
    const seen = x > pad.left && x < camera.width - pad.right && y > pad.top && y < camera.height - pad.bottom;
    const readable = CARD.height * camera.scaleY() >= READABLE;
    if (seen && readable) return;
    fly(() => {
      if (!readable) camera.zoom = Math.min(camera.limits[1], 0.7);
      camera.centreOn(item.x, item.y);
    }, smooth);
  }

  function visibleNodes() {
    const now = view();
    const clip = { left: 0, top: 0, right: camera.width, bottom: camera.height };
    return picture ? picture.scene.items.filter((item) => !outside(boxOf(item, now), clip)) : [];
  }

  return {
    canvas, camera, view, resize, show, redraw, draw, itemAt, columnAt, badgeAt, hover, pan, zoomAt, fit, fly, reveal, visibleNodes, tiles, ratio,
    picture: () => picture, hovered: () => hovered, onDraw: (listener) => onDraw.push(listener),
  };
})();
