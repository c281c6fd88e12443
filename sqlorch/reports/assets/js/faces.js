// What a card says: name, note, colour, mark. The canvas and the exported SVG draw the same face.

const Faces = (() => {
  const NOTES = {
    group: (node) => node.group ?? 'no group',
    state: (node) => Format.state(node.state) + (node.seconds !== null ? ` · ${Format.seconds(node.seconds)}` : ''),
    duration: (node) => (node.seconds === null ? 'not measured' : Format.seconds(node.seconds)),
    critical: (node) => (node.seconds === null ? 'not measured' : Format.seconds(node.seconds)),
    freshness: (node) => (node.freshness_seconds === null ? 'never succeeded' : `${Format.age(node.freshness_seconds)} old`),
  };

  function note(node, overlay) {
    if (NOTES[overlay.id]) return plain(NOTES[overlay.id](node));
    const made = node.materialized && node.materialized !== node.kind ? node.materialized : node.kind;
    return plain(node.tests ? `${made} · ${Format.count(node.tests, 'test')}` : made);
  }

  const FAILED = new Set(['failed', 'upstream_failed', 'cancelled']);

  function markOf(node, overlay) {
    const tells = overlay.id === 'state' ? node.state !== null : FAILED.has(node.state) || node.state === 'warn';
    if (!tells || !ICONS[node.state]) return null;
    return { name: node.state, color: Theme.color(`state-${node.state.replaceAll('_', '-')}`) };
  }

  function ofNode(item, node, overlay, column) {
    const color = overlay.colorOf(item.node);
    return {
      label: item.label, note: note(node, overlay), color, icon: node.kind, mark: markOf(node, overlay), rows: item.rows, more: item.more, column,
      tinted: overlay.id !== 'kind' && overlay.id !== 'group' && overlay.keys[item.node] !== '', raised: item.rows.length > 0,
    };
  }

  function ofGroup(item, overlay) {
    const counts = new Map();
    for (const node of item.members) counts.set(overlay.keys[node], (counts.get(overlay.keys[node]) ?? 0) + 1);
    const mix = overlay.legend.filter(({ key }) => counts.has(key)).map(({ key }) => ({ part: counts.get(key) / item.members.length, color: overlay.color(key) }));
    return { label: item.label, note: Format.count(item.members.length, 'node'), color: Theme.color('muted'), icon: 'folder', rows: [], more: 0, mix, stack: true };
  }

  const of = (graph, item, overlay, column) => (item.members ? ofGroup(item, overlay) : ofNode(item, graph.nodes[item.node], overlay, column));

  /** One colour for a card that is too small for its face. */
  function dot(item, overlay) {
    if (!item.members) return overlay.colorOf(item.node);
    const counts = new Map();
    for (const node of item.members) counts.set(overlay.colorOf(node), (counts.get(overlay.colorOf(node)) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1])[0][0];
  }

  return { of, dot };
})();
