// A layered layout for what is put together in the page: neighbourhoods, collapsed folders, column paths.
// The whole project was laid out when the file was written; this one is for at most a few thousand boxes.

const PITCH_X = 256;
const CARD = { width: 188, height: 40, row: 22, gap: 16 };
const BEND = 0.4 * PITCH_X; // a long edge runs straight past a layer, this far to each side of its middle

/** Centres of the boxes and the bends of long edges, in world pixels.
 *  `boxes` have height and hints (x: which of two linked boxes is further left, y: the first order in a layer). */
function layered(boxes, edges) {
  const net = { boxes: boxes.map((box) => ({ ...box })), above: [], below: [], layers: [], bends: [] };
  const directed = edges.map(([a, b]) => (leftOf(boxes, a, b) ? [a, b] : [b, a]));
  const layerOf = assignLayers(boxes, directed);
  net.boxes.forEach((box, index) => join(net, index, layerOf[index]));
  directed.forEach(([a, b]) => net.bends.push(addBends(net, a, b, layerOf)));
  for (const layer of net.layers) layer.sort((a, b) => net.boxes[a].hintY - net.boxes[b].hintY || a - b);
  orderLayers(net);
  placeRows(net);
  return result(net, boxes.length, directed, edges);
}

const leftOf = (boxes, a, b) => boxes[a].hintX < boxes[b].hintX || (boxes[a].hintX === boxes[b].hintX && a < b);

/** Longest path from the left; then what has no parents moves next to its first child. */
function assignLayers(boxes, edges) {
  const order = boxes.map((_, index) => index).sort((a, b) => (leftOf(boxes, a, b) ? -1 : 1));
  const children = boxes.map(() => []);
  const hasParent = new Uint8Array(boxes.length);
  for (const [a, b] of edges) {
    children[a].push(b);
    hasParent[b] = 1;
  }
  const layer = new Int32Array(boxes.length);
  for (const a of order) for (const b of children[a]) layer[b] = Math.max(layer[b], layer[a] + 1);
  for (const a of order) {
    if (!hasParent[a] && children[a].length) layer[a] = Math.min(...children[a].map((b) => layer[b])) - 1;
  }
  return layer;
}

function join(net, index, layer) {
  (net.layers[layer] ??= []).push(index);
  net.above[index] = [];
  net.below[index] = [];
}

function link(net, a, b) {
  net.below[a].push(b);
  net.above[b].push(a);
}

function addBends(net, a, b, layerOf) {
  const bends = [];
  let last = a;
  for (let layer = layerOf[a] + 1; layer < layerOf[b]; layer += 1) {
    const part = (layer - layerOf[a]) / (layerOf[b] - layerOf[a]);
    const hintY = net.boxes[a].hintY + (net.boxes[b].hintY - net.boxes[a].hintY) * part;
    const bend = net.boxes.push({ height: 8, hintY, bend: true }) - 1;
    join(net, bend, layer);
    link(net, last, bend);
    bends.push(bend);
    last = bend;
  }
  link(net, last, b);
  return bends;
}

/** Barycentre sweeps to and fro; the order with the fewest crossings is kept. */
function orderLayers(net) {
  const sweeps = net.boxes.length > 4000 ? 4 : 10;
  const place = new Float64Array(net.boxes.length);
  const number = (layer) => layer.forEach((index, at) => (place[index] = at / layer.length));
  net.layers.forEach(number);
  let best = net.layers.map((layer) => [...layer]);
  let fewest = crossings(net);
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? net.layers : [...net.layers].reverse()) {
      const near = down ? net.above : net.below;
      const mean = new Map(layer.map((index) => [index, average(near[index], place) ?? place[index]]));
      layer.sort((a, b) => mean.get(a) - mean.get(b));
      number(layer);
    }
    const now = crossings(net);
    if (now < fewest) [fewest, best] = [now, net.layers.map((layer) => [...layer])];
  }
  net.layers = best;
}

function average(list, values) {
  if (!list.length) return null;
  let sum = 0;
  for (const index of list) sum += values[index];
  return sum / list.length;
}

function crossings(net) {
  const at = new Int32Array(net.boxes.length);
  for (const layer of net.layers) layer.forEach((index, place) => (at[index] = place));
  let total = 0;
  for (const layer of net.layers) {
    const ends = layer.flatMap((index) => net.below[index].map((other) => at[other]).sort((a, b) => a - b));
    total += inversions(ends);
  }
  return total;
}

/** Pairs out of order, counted with a Fenwick tree. */
function inversions(values) {
  const size = Math.max(0, ...values) + 2;
  const tree = new Int32Array(size + 1);
  let total = 0;
  values.forEach((value, seen) => {
    let notAbove = 0;
    for (let i = value + 1; i > 0; i -= i & -i) notAbove += tree[i];
    total += seen - notAbove;
    for (let i = value + 1; i <= size; i += i & -i) tree[i] += 1;
  });
  return total;
}

/** Each box as near to its neighbours as order and spacing allow, layer by layer, to and fro. */
function placeRows(net) {
  const y = new Float64Array(net.boxes.length);
  for (const layer of net.layers) stack(net, layer, y);
  for (let pass = 0; pass < 8; pass += 1) {
    const down = pass % 2 === 0;
    for (const layer of down ? net.layers : [...net.layers].reverse()) {
      const near = down ? net.above : net.below;
      const both = (index) => (pass < 6 ? near[index] : [...net.above[index], ...net.below[index]]);
      const wanted = layer.map((index) => average(both(index), y) ?? y[index]);
      settle(net, layer, wanted).forEach((value, at) => (y[layer[at]] = value));
    }
  }
  net.y = y;
}

const spacing = (net, a, b) => {
  const gap = net.boxes[a].bend && net.boxes[b].bend ? 4 : CARD.gap;
  return (net.boxes[a].height + net.boxes[b].height) / 2 + gap;
};

function stack(net, layer, y) {
  let at = 0;
  layer.forEach((index, place) => {
    if (place) at += spacing(net, layer[place - 1], index);
    y[index] = at;
  });
  for (const index of layer) y[index] -= at / 2;
}

/** The nearest positions that keep order and spacing: isotonic regression by pooling neighbours that collide. */
function settle(net, layer, wanted) {
  const offset = [0];
  for (let i = 1; i < layer.length; i += 1) offset.push(offset[i - 1] + spacing(net, layer[i - 1], layer[i]));
  const pools = [];
  wanted.forEach((value, i) => {
    pools.push({ mean: value - offset[i], size: 1 });
    while (pools.length > 1 && pools.at(-2).mean > pools.at(-1).mean) {
      const last = pools.pop();
      const pool = pools.at(-1);
      pool.mean = (pool.mean * pool.size + last.mean * last.size) / (pool.size + last.size);
      pool.size += last.size;
    }
  });
  const means = pools.flatMap((pool) => Array(pool.size).fill(pool.mean));
  return means.map((mean, i) => mean + offset[i]);
}

function result(net, count, directed, edges) {
  const x = new Float64Array(net.boxes.length);
  net.layers.forEach((layer, number) => layer.forEach((index) => (x[index] = number * PITCH_X)));
  const bends = net.bends.map((list) => list.flatMap((index) => [[x[index] - BEND, net.y[index]], [x[index] + BEND, net.y[index]]]));
  const back = edges.map(([a], edge) => directed[edge][0] !== a);
  return { x: x.slice(0, count), y: net.y.slice(0, count), bends, back };
}
