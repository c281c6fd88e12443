// From one scene to the next: cards glide from where they were, so that the eye does not lose them.
// Opened folders spread out from their card, collapsed ones flow into it.

const Morph = (() => {
  const LENGTH = 240; // milliseconds
  const MOST = 500; // cards; more would not glide but stutter

  /** A scene between two, `part` of the way; null when there is nothing to glide. `from` has picture and view. */
  function between(from, to, view) {
    const scene = to.scene;
    if (!from || scene.items.length > MOST || from.picture.scene === scene) return null;
    const starts = scene.items.map((item) => startOf(item, from, view));
    if (starts.every((start) => start === null)) return null;
    return (part) => {
      const eased = 1 - (1 - part) ** 3;
      const items = scene.items.map((item, at) => {
        const [x, y] = starts[at] ?? [item.x, item.y];
        return { ...item, x: x + (item.x - x) * eased, y: y + (item.y - y) * eased };
      });
      const edges = scene.edges.map((edge) => ({ ...edge, bends: [] }));
      return { ...scene, items, edges, edgeBounds: null };
    };
  }

  /** Where the card, or what it is made of, was on the screen, in world pixels of the new view. */
  function startOf(item, { picture, view: old }, view) {
    const olds = (item.members ?? [item.node]).map((node) => picture.scene.place.get(node)).filter((at) => at !== undefined);
    if (!olds.length) return null;
    let [x, y] = [0, 0];
    for (const at of olds) {
      x += picture.scene.items[at].x / olds.length;
      y += picture.scene.items[at].y / olds.length;
    }
    return [(x * old.sx + old.x - view.x) / view.sx, (y * old.sy + old.y - view.y) / view.sy];
  }

  return { between, LENGTH };
})();
