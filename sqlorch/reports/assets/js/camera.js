// Where the drawing is looked at from. Cards scale evenly; the distances between layers scale less than those
// between rows when looking from far away, so that a tall project fills a wide window.

function makeCamera() {
  const camera = { zoom: 1, flatten: 1, x: 0, y: 0, width: 1, height: 1, limits: [0.02, 2.5] };

  const scaleX = () => (camera.zoom < 1 ? camera.zoom ** camera.flatten : camera.zoom);
  const scaleY = () => camera.zoom;

  /** Looks at all of a box (world pixels), within the paddings of the window (screen pixels). */
  function fit(box, pad, most = 1) {
    const width = Math.max(60, camera.width - pad.left - pad.right);
    const height = Math.max(60, camera.height - pad.top - pad.bottom);
    const across = width / Math.max(1, box.right - box.left);
    const down = height / Math.max(1, box.bottom - box.top);
    camera.zoom = Math.min(most, across, down);
    camera.flatten = 1;
    if (down < across && down < most && down < 1) { // tall: rows decide the zoom, layers spread over the width
      camera.zoom = down;
      camera.flatten = Math.log(Math.min(1, across)) / Math.log(down);
    }
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
