// The canvas: size, frames, what is under the pointer, and names for what is too small to carry one.

const Stage = (() => {
  const MANY = 1600; // cards and lines from which tiles are worth their memory
  const canvas = byId('canvas');
  const ctx = canvas.getContext('2d');
  const camera = makeCamera();
  const paper = matchMedia('print');
  const ratio = () => Math.min(3, Math.max(window.devicePixelRatio || 1, paper.matches ? 2 : 1));
  const tiles = makeTiles(ratio);
  const onDraw = [];
  let picture = null;
  let hovered = -1;
  let waiting = 0;
  let zoomedAt = -Infinity;
  let flight = 0;
  let fittedTo = 0;
  let fitted = true; // nobody has moved the view since it was fitted: when the window changes, it is fitted again
  let landmarks = { key: '', list: [] };
  let glide = null; // { scene(part), start } while cards move from one scene to the next

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
    glide = null;
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
    if (glide) drawGlide(now);
    else drawStill(now);
    for (const listener of onDraw) listener(now);
  }

  const everything = () => ({ left: 0, top: 0, right: camera.width, bottom: camera.height });

  function drawStill(now) {
    const size = picture.scene.items.length + picture.scene.edges.length;
    if (size > MANY) drawTiled(now);
    else paintScene(ctx, picture, now, everything());
    drawHover(now);
    drawLandmarks(now);
  }

  function drawGlide(now) {
    const part = Math.min(1, (performance.now() - glide.start) / Morph.LENGTH);
    paintScene(ctx, { ...picture, scene: glide.scene(part) }, now, everything());
    if (part === 1) glide = null;
    redraw();
  }

  /** What is drawn now and from where: the start of a glide to the next scene. */
  const remember = () => picture && { picture, view: view() };

  function glideFrom(from) {
    const scene = calm.matches ? null : Morph.between(from, picture, view());
    glide = scene && { scene, start: performance.now() };
    redraw();
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
    if (readable(now)) return;
    const key = `${now.sx} ${now.sy}`;
    if (landmarks.key !== key) landmarks = { key, list: placeLandmarks(now) };
    for (const { item, text, width, color } of landmarks.list) {
      const box = boxOf(item, now);
      const [left, y] = [Math.round(box.left) - 4, Math.round(box.top + box.height / 2)];
      const x = left < camera.width - 16 ? Math.min(left, Math.round(camera.width - width - 26)) : left; // not cut at the edge
      if (x > camera.width || x + width < -20 || y < -10 || y > camera.height + 10) continue;
      Shapes.plaque(ctx, text, x, y, width, color);
    }
  }

  // Pixels between two names, so that the drawing stays visible around them; where few cards are lit, all have names.
  const apart = (lit) => (lit > 40 ? { x: 130, y: 46 } : { x: 28, y: 24 });

  function placeLandmarks(now) {
    const { scene, lights, graph, overlay } = picture;
    const order = scene.items.map((_, at) => at).filter((at) => lights.items[at] !== TONE.dim);
    const worth = (at) => (lights.items[at] === TONE.self ? 1e9 : scene.items[at].members?.length ?? weight(graph, scene.items[at].node));
    order.sort((a, b) => worth(b) - worth(a));
    const room = apart(order.length);
    const placed = [];
    for (const at of order.slice(0, 400)) {
      const item = scene.items[at];
      const text = Shapes.ellipsis(item.label, 170, 11, 500);
      const width = Shapes.width(text, 11, 500);
      const [x, y] = [item.x * now.sx, item.y * now.sy];
      if (placed.some((other) => Math.abs(y - other.y) < room.y && x < other.x + other.width + room.x && other.x < x + width + room.x)) continue;
      placed.push({ item, text, width, color: Faces.dot(item, overlay), x, y });
      if (placed.length === 40) break;
    }
    return placed;
  }

  /** The topmost item at a point of the canvas, or -1; small cards may be missed by a few pixels. */
  function itemAt(px, py) {
    if (!picture) return -1;
    const now = view();
    const slack = readable(now) ? 0 : 4;
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
    fitted = false;
    camera.x += dx;
    camera.y += dy;
    redraw();
  }

  function zoomAt(factor, px, py) {
    cancelAnimationFrame(flight);
    fitted = false;
    camera.zoomAt(factor, px, py);
    zoomedAt = performance.now();
    redraw();
  }

  /** Room for what floats over the drawing; on narrow screens the details cover its lower half. */
  function pads() {
    if (camera.width >= 640) return { left: 36, right: 36, top: 70, bottom: 72 };
    const panel = byId('panel');
    const covered = panel.hidden ? 0 : Math.max(0, canvas.getBoundingClientRect().bottom - panel.getBoundingClientRect().top);
    return { left: 16, right: 16, top: 64, bottom: covered ? covered + 12 : 76 };
  }

  const place = () => ({ zoom: camera.zoom, powerX: camera.powerX, powerY: camera.powerY, x: camera.x, y: camera.y });

  function restore(where) {
    fitted = false;
    Object.assign(camera, where);
    redraw();
  }

  function fit(smooth = true) {
    fitted = true;
    fittedTo = pads().bottom;
    if (picture) fly(fitCamera, smooth);
  }

  /** All of the drawing; of a neighbourhood or a column path at least so large that names can be read. */
  function fitCamera() {
    camera.fit(picture.scene.bounds, pads());
    const centre = picture.scene.items[picture.lights.items.indexOf(TONE.self)];
    if (!centre || picture.scene.name === 'whole' || picture.scene.name === 'collapsed' || CARD.width * camera.scaleX() >= 72) return;
    const { left, right, top, bottom } = pads();
    Object.assign(camera, { zoom: 0.5, powerX: 1, powerY: 0.4 });
    camera.centreOn(centre.x, centre.y, (left + camera.width - right) / 2, (top + camera.height - bottom) / 2);
  }

  /** Moves the camera to where `move` puts it, in a fifth of a second, or at once for those who want no motion. */
  function fly(move, smooth = true) {
    cancelAnimationFrame(flight);
    const from = place();
    move();
    const to = place();
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
    const legible = readable(view());
    if (seen && legible) return;
    fitted = false;
    fly(() => {
      if (!legible) camera.zoom = Math.min(camera.limits[1], 0.75);
      camera.centreOn(item.x, item.y, (pad.left + camera.width - pad.right) / 2, (pad.top + camera.height - pad.bottom) / 2);
    }, smooth);
  }

  function visibleNodes() {
    const now = view();
    const clip = { left: 0, top: 0, right: camera.width, bottom: camera.height };
    return picture ? picture.scene.items.filter((item) => !outside(boxOf(item, now), clip)) : [];
  }

  return {
    canvas, camera, view, resize, show, redraw, draw, itemAt, columnAt, badgeAt, hover, pan, zoomAt, fit, fly, reveal, visibleNodes, tiles, ratio,
    picture: () => picture, isFitted: () => fitted, remember, glideFrom, place, restore, isCovered: () => fitted && fittedTo !== pads().bottom, hovered: () => hovered, onDraw: (listener) => onDraw.push(listener),
  };
})();
