// Mouse, pen and fingers on the canvas: drag pans, wheel and pinch zoom at the point, click selects.

const Pointer = (() => {
  const STILL = 4; // pixels a press may move and still be a click
  const TWICE = 400; // milliseconds between the clicks of a double click
  const down = new Map();
  let moved = 0;
  let spread = 0;
  let last = { at: -Infinity };

  const at = (event) => {
    const box = Stage.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function press(event) {
    if (event.button > 1) return;
    Stage.canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    moved = 0;
    spread = gap();
  }

  function gap() {
    if (down.size !== 2) return 0;
    const [[ax, ay], [bx, by]] = [...down.values()];
    return Math.hypot(ax - bx, ay - by);
  }

  function move(event) {
    const [x, y] = at(event);
    if (!down.has(event.pointerId)) return point(x, y);
    const [lastX, lastY] = down.get(event.pointerId);
    down.set(event.pointerId, [x, y]);
    moved += Math.abs(x - lastX) + Math.abs(y - lastY);
    if (moved <= STILL) return undefined;
    Stage.canvas.classList.add('dragging');
    Tip.hide();
    Stage.pan((x - lastX) / down.size, (y - lastY) / down.size);
    if (down.size === 2) pinch();
    return undefined;
  }

  function pinch() {
    const now = gap();
    const [[ax, ay], [bx, by]] = [...down.values()];
    if (spread && now) Stage.zoomAt(now / spread, (ax + bx) / 2, (ay + by) / 2);
    spread = now;
  }

  function point(x, y) {
    const item = Stage.itemAt(x, y);
    Stage.hover(item);
    Stage.canvas.classList.toggle('over', item >= 0 || Stage.badgeAt(x, y) !== null);
    Tip.show(item, x, y);
  }

  function release(event) {
    const pressed = down.delete(event.pointerId);
    spread = gap();
    Stage.canvas.classList.remove('dragging');
    if (pressed && moved <= STILL && event.type === 'pointerup') click(...at(event));
  }

  /** The second click of a double click belongs to what the first one hit: that may have moved when details opened. */
  function click(x, y) {
    const again = performance.now() - last.at < TWICE && Math.hypot(x - last.x, y - last.y) < 8;
    if (again) return doubleClick(last, x, y);
    const badge = Stage.badgeAt(x, y);
    const found = badge ? -1 : Stage.itemAt(x, y);
    const item = found < 0 ? null : Stage.picture().scene.items[found];
    last = { at: performance.now(), x, y, item, badge };
    Tip.hide();
    if (badge) return Act.open(...badge);
    if (!item) return Act.clear();
    if (item.members) return Act.selectGroup(item.key);
    const column = Stage.columnAt(found, x, y);
    return column === null ? Act.select(item.node) : Act.column(item.node, column);
  }

  function doubleClick({ item, badge }, x, y) {
    last.at = -Infinity;
    if (badge) return undefined;
    if (!item) return Stage.zoomAt(1.6, x, y);
    return item.members ? Act.expand(item.key) : Act.focus(item.node);
  }

  function wheel(event) {
    event.preventDefault();
    Tip.hide();
    const unit = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 400 : 1;
    if (event.shiftKey) return Stage.pan(-(event.deltaX + event.deltaY) * unit, 0);
    const speed = event.ctrlKey ? 0.01 : 0.0018; // a pinch on a touchpad arrives as small steps with ctrl
    return Stage.zoomAt(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * unit)) * speed), ...at(event));
  }

  function start() {
    const { canvas } = Stage;
    canvas.addEventListener('pointerdown', press);
    canvas.addEventListener('pointermove', move);
    canvas.addEventListener('pointerup', release);
    canvas.addEventListener('pointercancel', release);
    canvas.addEventListener('pointerleave', () => {
      Stage.hover(-1);
      Tip.hide();
    });
    canvas.addEventListener('wheel', wheel, { passive: false });
  }

  return { start };
})();

/** The name beside the pointer, where the card itself cannot be read. */
const Tip = (() => {
  const tip = byId('tip');

  function show(at, x, y) {
    const item = at < 0 ? null : Stage.picture().scene.items[at];
    tip.hidden = !item || (Math.min(Stage.camera.scaleX(), Stage.camera.scaleY()) >= FULL && Shapes.ellipsis(item.label, CARD.width - 68, 12.5, 500) === item.label);
    if (tip.hidden) return;
    const { graph, overlay } = Stage.picture();
    fill(tip, el('b', { text: item.label }), el('span', { text: Faces.of(graph, item, overlay, null).note }));
    const room = Stage.camera.width - tip.offsetWidth - 8;
    tip.style.transform = `translate(${Math.max(8, Math.min(room, x + 14))}px, ${y + 18 + tip.offsetHeight > Stage.camera.height ? y - tip.offsetHeight - 10 : y + 16}px)`;
  }

  return { show, hide: () => (tip.hidden = true) };
})();
