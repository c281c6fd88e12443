// Where the drawing is looked at from. Both directions meet at zoom 1. Further out, the one with more room shrinks
// less, so that a long project uses the height of a window and a tall one its width.

function makeCamera() {
  const STRETCH = 4; // how much less one direction may shrink than the other
  const camera = { zoom: 1, powerX: 1, powerY: 1, x: 0, y: 0, width: 1, height: 1, limits: [0.02, 2.5] };

  const scaleX = () => (camera.zoom < 1 ? camera.zoom ** camera.powerX : camera.zoom);
  const scaleY = () => (camera.zoom < 1 ? camera.zoom ** camera.powerY : camera.zoom);

  /** Looks at all of a box (world pixels), within the paddings of the window (screen pixels). */
  function fit(box, pad, most = 1) {
    const width = Math.max(60, camera.width - pad.left - pad.right);
    const height = Math.max(60, camera.height - pad.top - pad.bottom);
    const across = Math.min(most, width / Math.max(1, box.right - box.left));
    const down = Math.min(most, height / Math.max(1, box.bottom - box.top));
    camera.zoom = Math.min(across, down);
    const power = (scale) => (camera.zoom < 1 ? Math.log(Math.min(scale, camera.zoom * STRETCH, 1)) / Math.log(camera.zoom) : 1);
    [camera.powerX, camera.powerY] = [power(across), power(down)];
    camera.limits = [Math.min(camera.zoom * 0.6, 0.5), 2.5];
    camera.x = pad.left + width / 2 - ((box.left + box.right) / 2) * scaleX();
    camera.y = pad.top + height / 2 - ((box.top + box.bottom) / 2) * scaleY();
  }

  /** Zooms by a factor; what is under the point stays under it. */
  function zoomAt(factor, px, py) {
    const [wx, wy] = toWorld(px, py);
    camera.zoom = Math.min(camera.limits[1], Math.max(camera.limits[0], camera.zoom * factor));
    camera.x = px - wx * scaleX();
    camera.y = py - wy * scaleY();
  }

  const toWorld = (px, py) => [(px - camera.x) / scaleX(), (py - camera.y) / scaleY()];
  const toScreen = (wx, wy) => [wx * scaleX() + camera.x, wy * scaleY() + camera.y];

  function centreOn(wx, wy, px = camera.width / 2, py = camera.height / 2) {
    camera.x = px - wx * scaleX();
    camera.y = py - wy * scaleY();
  }

  return Object.assign(camera, { scaleX, scaleY, fit, zoomAt, toWorld, toScreen, centreOn });
}
