// The graph of the project: nodes, what reads from what, and how far things reach.

function makeGraph(raw) {
  const nodes = raw.nodes;
  const parents = nodes.map(() => []);
  const children = nodes.map(() => []);
  const indexOf = new Map();
  nodes.forEach((node, index) => indexOf.set(node.id, index));
  raw.edges.forEach(([from, to]) => {
    parents[to].push(from);
    children[from].push(to);
  });
  const byRow = (a, b) => nodes[a].y - nodes[b].y || a - b;
  for (const list of [...parents, ...children]) list.sort(byRow);
  const graph = { ...raw, nodes, parents, children, indexOf };
  graph.ranked = nodes.map((_, index) => index).sort((a, b) => weight(graph, b) - weight(graph, a) || a - b);
  return graph;
}

/** How much hangs on a node: what is named first where there is no room for all names. */
const weight = (graph, index) => graph.children[index].length * 2 + graph.parents[index].length;

/** Everything reached from a node within so many hops, with its distance; the node itself is 0. */
function reach(next, start, hops = Infinity) {
  const distance = new Map([[start, 0]]);
  let edge = [start];
  for (let hop = 1; hop <= hops && edge.length; hop += 1) {
    const further = [];
    for (const node of edge) {
      for (const neighbour of next[node]) {
        if (distance.has(neighbour)) continue;
        distance.set(neighbour, hop);
        further.push(neighbour);
      }
    }
    edge = further;
  }
  return distance;
}

const COLLAPSE_BY = {
  folder: { label: 'Folder', of: (node) => node.folder || 'no folder' },
  schema: { label: 'Schema', of: (node) => node.schema || 'no schema' },
  group: { label: 'Group', of: (node) => node.group ?? 'no group' },
};

/** What a filter looks at; a query of several words needs all of them. */
function matcher(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return (text) => words.every((word) => text.includes(word));
}

function searchText(node, detail) {
  const tags = detail ? detail.tags.join(' ') : '';
  return `${node.name} ${node.path} ${node.kind} ${node.group ?? ''} ${node.schema ?? ''} ${tags}`.toLowerCase();
}
