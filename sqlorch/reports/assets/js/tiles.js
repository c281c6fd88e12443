// Large drawings are kept as tiles: panning copies pictures instead of drawing thousands of lines again.
// While a zoom goes on, the tiles of the last rest are stretched; when it rests, they are drawn anew.

function makeTiles(ratio) {
  const SIZE = 512;
  const most = () => 24 + Math.ceil(100 / ratio() ** 2);
  const BUDGET = 7; // milliseconds of drawing per frame: the rest of the frame belongs to the browser
  let fresh = new Map();
  let stale = { tiles: new Map(), sx: 1, sy: 1 };
  let at = { sx: 0, sy: 0 };
  let picture = null;

  function forget() {
    fresh = new Map();
    stale = { tiles: new Map(), ...at };
  }

  /** What was drawn stays underneath until its replacement is ready. */
  function retire(view) {
    if (fresh.size) stale = { tiles: fresh, ...at };
    fresh = new Map();
    at = { sx: view.sx, sy: view.sy };
  }

  /** Draws what is ready and makes some of what is missing. True when nothing is missing any more. */
  function draw(ctx, next, view, width, height, zooming) {
    if (picture !== next) {
      if (picture?.scene === next.scene) retire(view);
      else forget();
      picture = next;
    }
    if (at.sx !== view.sx || at.sy !== view.sy) {
      if (zooming && fresh.size) {
        stretch(ctx, { tiles: fresh, ...at }, view);
        return false;
      }
      retire(view);
    }
    const shown = visible(view, width, height);
    const done = make(shown.filter(([column, row]) => !fresh.has(`${column},${row}`)), view);
    if (!done) stretch(ctx, stale, view);
    else stale.tiles.clear();
    for (const tile of shown) paste(ctx, tile, view);
    trim();
    return done;
  }

  function visible(view, width, height) {
    const tiles = [];
    const [left, top] = [Math.floor(-view.x / SIZE), Math.floor(-view.y / SIZE)];
    for (let row = top; row * SIZE < height - view.y; row += 1) {
      for (let column = left; column * SIZE < width - view.x; column += 1) tiles.push([column, row]);
    }
    return tiles;
  }

  function make(missing, view) {
    const start = performance.now();
    let made = 0;
    for (const [column, row] of missing) {
      if (made && performance.now() - start > BUDGET) break;
      fresh.set(`${column},${row}`, tile(column, row, view));
      made += 1;
    }
    return made === missing.length;
  }

  function tile(column, row, view) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = SIZE * ratio();
    const ctx = canvas.getContext('2d');
    ctx.scale(ratio(), ratio());
    const clip = { left: 0, top: 0, right: SIZE, bottom: SIZE };
    paintScene(ctx, picture, { sx: view.sx, sy: view.sy, x: -column * SIZE, y: -row * SIZE }, clip);
    return { canvas, column, row };
  }

  function paste(ctx, [column, row], view) {
    const found = fresh.get(`${column},${row}`);
    if (found) ctx.drawImage(found.canvas, column * SIZE + view.x, row * SIZE + view.y, SIZE, SIZE);
  }

  function stretch(ctx, from, view) {
    const [kx, ky] = [view.sx / from.sx, view.sy / from.sy];
    for (const { canvas, column, row } of from.tiles.values()) {
      ctx.drawImage(canvas, column * SIZE * kx + view.x, row * SIZE * ky + view.y, SIZE * kx, SIZE * ky);
    }
  }

  function trim() {
    for (const key of fresh.keys()) {
      if (fresh.size <= most()) break;
      fresh.delete(key);
    }
  }

  return { draw, forget };
}
