// Which cards and lines stand out and which step back.
const TONE = { dim: 0, plain: 1, up: 2, down: 3, self: 4, critical: 5 };

function makeLights(graph, state, scene, overlay, path, matches) {
  const items = new Uint8Array(scene.items.length).fill(TONE.plain);
  const edges = new Uint8Array(scene.edges.length).fill(TONE.plain);
  const lights = { items, edges };
  if (path) lightPath(scene, path, lights);
  else if (matches || state.only !== null) lightMatches(graph, state, scene, overlay, matches, lights);
  else if (chosen(state, scene) >= 0) lightReach(scene, chosen(state, scene), lights);
  else if (overlay.lit) lightKey(scene, overlay, overlay.lit, lights);
  return lights;
}

/** The item that stands for what is selected, or -1. */
function chosen(state, scene) {
  if (state.group !== null) return scene.items.findIndex((item) => item.members && item.key === state.group);
  return state.selected >= 0 ? (scene.place.get(state.selected) ?? -1) : -1;
}

function lightPath(scene, path, { items, edges }) {
  items[scene.place.get(path.node)] = TONE.self;
  scene.edges.forEach((edge, at) => (edges[at] = path.up.has(edge.step) ? TONE.up : path.down.has(edge.step) ? TONE.down : TONE.plain));
}

/** Everything above and below the chosen card; the rest steps back, unless only its surroundings are drawn. */
function lightReach(scene, start, { items, edges }) {
  const rest = scene.name === 'focus' ? TONE.plain : TONE.dim;
  items.fill(rest);
  edges.fill(rest);
  spread(scene, start, 'up', (edge) => edge.a, TONE.up, items, edges);
  spread(scene, start, 'down', (edge) => edge.b, TONE.down, items, edges);
  items[start] = TONE.self;
}

function spread(scene, start, side, far, tone, items, edges) {
  const queue = [start];
  const seen = new Set(queue);
  while (queue.length) {
    for (const index of scene.near[queue.pop()][side]) {
      const next = far(scene.edges[index]);
      edges[index] = tone;
      items[next] = tone;
      if (!seen.has(next)) queue.push(next);
      seen.add(next);
    }
  }
}

const membersOf = (item) => item.members ?? [item.node];

function lightMatches(graph, state, scene, overlay, matches, lights) {
  const fits = (node) => (!matches || matches.has(node)) && (state.only === null || overlay.keys[node] === state.only);
  dimOthers(scene, (item) => membersOf(item).some(fits), lights, TONE.plain);
}

function lightKey(scene, overlay, key, lights) {
  dimOthers(scene, (item) => membersOf(item).some((node) => overlay.keys[node] === key), lights, TONE.critical);
}

function dimOthers(scene, keeps, { items, edges }, tone) {
  const kept = scene.items.map(keeps);
  kept.forEach((keep, at) => (items[at] = keep ? TONE.plain : TONE.dim));
  scene.edges.forEach((edge, at) => (edges[at] = kept[edge.a] && kept[edge.b] ? tone : TONE.dim));
}
