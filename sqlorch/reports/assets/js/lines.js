// The lines between cards: their geometry, which the exported SVG shares, and their styles.

const Lines = (() => {
  const STYLES = {
    [TONE.dim]: { color: 'edge', alpha: 0.25, width: 1 },
    [TONE.plain]: { color: 'edge', alpha: 1, width: 1.25 },
    [TONE.up]: { color: 'up', alpha: 0.9, width: 1.75 },
    [TONE.down]: { color: 'down', alpha: 0.9, width: 1.75 },
    [TONE.critical]: { color: 'critical', alpha: 1, width: 2.5 },
  };
  const DASHES = { ref: [], inferred: [6, 4], indirect: [2, 4], back: [1, 5] };
  const ORDER = [TONE.dim, TONE.plain, TONE.up, TONE.down, TONE.critical];
  const CHUNK = 200; // lines of one stroke: overlaps inside a stroke do not add up, and then nothing looks dense

  const heightAt = (item, row) => (row === undefined || row < 0 ? CARD.height / 2 : CARD.height + 2 + (row + 0.5) * CARD.row);

  /** Draws an edge with a pen (a canvas or whatever has its three methods), in screen pixels. */
  function trace(pen, edge, items, { sx, sy, x, y }) {
    const [a, b] = edge.back ? [items[edge.b], items[edge.a]] : [items[edge.a], items[edge.b]]; // always left to right
    let fromX = (a.x + a.width / 2) * sx + x;
    let fromY = (a.y - a.height / 2 + heightAt(a, edge.back ? edge.toRow : edge.fromRow)) * sy + y;
    const endX = (b.x - b.width / 2) * sx + x;
    const endY = (b.y - b.height / 2 + heightAt(b, edge.back ? edge.fromRow : edge.toRow)) * sy + y;
    pen.moveTo(fromX, fromY);
    for (const [wx, wy] of edge.bends) {
      const [bendX, bendY] = [wx * sx + x, wy * sy + y];
      bow(pen, fromX, fromY, bendX, bendY);
      [fromX, fromY] = [bendX, bendY];
    }
    bow(pen, fromX, fromY, endX, endY);
  }

  function bow(pen, x0, y0, x1, y1) {
    if (Math.abs(y1 - y0) < 0.01 && x1 > x0) return pen.lineTo(x1, y1);
    const reach = x1 > x0 ? (x1 - x0) / 2 : Math.min(160, (x0 - x1) / 2 + 40);
    return pen.bezierCurveTo(x0 + reach, y0, x1 - reach, y1, x1, y1);
  }

  /** Bounds of an edge in world pixels, computed once. */
  function boundsOfEdge(edge, items) {
    const [a, b] = [items[edge.a], items[edge.b]];
    const xs = [a.x, b.x, ...edge.bends.map(([x]) => x)];
    const ys = [a.y - a.height / 2, a.y + a.height / 2, b.y - b.height / 2, b.y + b.height / 2, ...edge.bends.map(([, y]) => y)];
    return [Math.min(...xs) - CARD.width, Math.min(...ys), Math.max(...xs) + CARD.width, Math.max(...ys)];
  }

  function prepare(scene) {
    scene.edgeBounds ??= scene.edges.map((edge) => boundsOfEdge(edge, scene.items));
  }

  /** Edges by tone and kind, so that each style is set once. */
  function buckets(scene, lights) {
    if (lights.buckets) return lights.buckets;
    const found = new Map();
    scene.edges.forEach((edge, at) => {
      const kind = edge.back ? 'back' : edge.kind;
      const key = `${lights.edges[at]} ${kind}`;
      if (!found.has(key)) found.set(key, { tone: lights.edges[at], kind, list: [] });
      found.get(key).list.push(at);
    });
    lights.buckets = [...found.values()].sort((a, b) => ORDER.indexOf(a.tone) - ORDER.indexOf(b.tone));
    return lights.buckets;
  }

  /** Many lines are drawn fainter and thinner, so that a full project stays calm. */
  function strength(scene, tone, scale) {
    if (tone !== TONE.plain && tone !== TONE.dim) return { alpha: 1, thin: Math.max(0.6, Math.min(1, scale * 2)) };
    const crowd = Math.min(1, Math.max(0, (Math.log10(scene.edges.length + 1) - 1.6) / 2.3));
    const near = Math.min(1, scale * 1.4);
    return { alpha: 1 - crowd * (0.72 - 0.5 * near), thin: Math.max(0.55, near) };
  }

  function paint(ctx, scene, lights, view, clip) {
    prepare(scene);
    ctx.lineCap = 'round';
    for (const bucket of buckets(scene, lights)) {
      const style = STYLES[bucket.tone];
      const { alpha, thin } = strength(scene, bucket.tone, view.sy);
      ctx.strokeStyle = Theme.color(style.color);
      ctx.globalAlpha = style.alpha * alpha;
      ctx.lineWidth = style.width * thin;
      ctx.setLineDash(DASHES[bucket.kind].map((length) => length * Math.max(0.6, Math.min(1, view.sy))));
      strokeAll(ctx, scene, bucket.list, view, clip);
    }
    ctx.setLineDash([]);
    ctx.globalAlpha = 1;
  }

  function strokeAll(ctx, scene, list, view, clip) {
    const world = [(clip.left - view.x) / view.sx, (clip.top - view.y) / view.sy, (clip.right - view.x) / view.sx, (clip.bottom - view.y) / view.sy];
    let drawn = 0;
    ctx.beginPath();
    for (const at of list) {
      const box = scene.edgeBounds[at];
      if (box[0] > world[2] || box[2] < world[0] || box[1] > world[3] || box[3] < world[1]) continue;
      trace(ctx, scene.edges[at], scene.items, view);
      drawn += 1;
      if (drawn % CHUNK) continue;
      ctx.stroke();
      ctx.beginPath();
    }
    ctx.stroke();
  }

  return { trace, paint, strength, STYLES, DASHES, buckets };
})();
