// Column lineage: which column is made from which, and which columns decide about rows.

// Kinds that choose or arrange values without being them: `count(*) filter (where ...)`, `over (partition by ...)`.
const CONDITIONS = new Set(['filter', 'join', 'group', 'order', 'window']);

function makeColumns(raw) {
  const columns = { into: new Map(), from: new Map(), decides: new Map(), decidedBy: new Map() };
  const add = (map, key, edge) => (map.has(key) ? map.get(key).push(edge) : map.set(key, [edge]));
  for (const [from, fromColumn, to, toColumn, kind, expression] of raw) {
    const indirect = toColumn === null;
    const edge = { from, fromColumn, to, toColumn, kind, expression, indirect, dashed: indirect || CONDITIONS.has(kind) };
    add(indirect ? columns.decides : columns.from, columnKey(from, fromColumn), edge);
    if (toColumn === null) add(columns.decidedBy, to, edge);
    else add(columns.into, columnKey(to, toColumn), edge);
  }
  return columns;
}

const columnKey = (node, column) => `${node}\u0000${column}`;

/** Follows one column both ways. Direct edges are followed to their ends; an edge that only decides about rows is
 *  shown where it meets the path and not followed: what filters a filter is another question. */
function tracePath(columns, node, column, withIndirect) {
  const path = { node, column, lit: new Map(), up: new Set(), down: new Set(), indirect: new Set() };
  light(path, node, column);
  follow(path, columns.into, path.up, (edge) => [edge.from, edge.fromColumn]);
  follow(path, columns.from, path.down, (edge) => [edge.to, edge.toColumn]);
  if (withIndirect) addIndirect(path, columns);
  return path;
}

function light(path, node, column) {
  if (!path.lit.has(node)) path.lit.set(node, new Set());
  if (column !== null) path.lit.get(node).add(column);
}

function follow(path, map, found, next) {
  const seen = new Set();
  const queue = [[path.node, path.column]];
  while (queue.length) {
    const [node, column] = queue.pop();
    const key = columnKey(node, column);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const edge of map.get(key) ?? []) {
      found.add(edge);
      light(path, ...next(edge));
      queue.push(next(edge));
    }
  }
}

function addIndirect(path, columns) {
  for (const edge of rowDeciders(path, columns)) path.indirect.add(edge);
  for (const edge of path.indirect) {
    light(path, edge.from, edge.fromColumn);
    light(path, edge.to, edge.toColumn);
  }
}

/** Upstream: what decides about the rows of what is on the way. Downstream: about which rows a lit column decides. */
function rowDeciders(path, columns) {
  const found = new Set();
  const addAll = (edges) => (edges ?? []).forEach((edge) => found.add(edge));
  const origin = [path.node, path.column];
  const upstream = new Set([path.node, ...[...path.up].map((edge) => edge.from)]);
  const downstream = [origin, ...[...path.down].map((edge) => [edge.to, edge.toColumn])];
  for (const node of upstream) addAll(columns.decidedBy.get(node));
  for (const [node, column] of downstream) addAll(columns.decides.get(columnKey(node, column)));
  return found;
}

const countIndirect = (path, columns) => rowDeciders(path, columns).size;

/** The steps of a path in the order in which data flows. */
function pathSteps(graph, edges) {
  const place = (edge) => [graph.nodes[edge.to].layer, graph.nodes[edge.to].name, edge.toColumn ?? '', edge.fromColumn];
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  return [...edges].sort((a, b) => {
    const [x, y] = [place(a), place(b)];
    for (let i = 0; i < x.length; i += 1) if (compare(x[i], y[i])) return compare(x[i], y[i]);
    return 0;
  });
}
