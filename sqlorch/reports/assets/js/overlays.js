// What the colours say. An overlay gives each node a key; each key has a label and a colour.
// Never colour alone: cards also carry an icon or a mark, and the legend names every key.

const STATE_ORDER = ['success', 'warn', 'failed', 'upstream_failed', 'skipped', 'cancelled', 'running'];
const NO_RUN = 'no run is recorded yet';

const Overlays = (() => {
  const fixed = (prefix, keys, label) => keys.map((key) => ({ key, label: label(key), color: () => Theme.color(`${prefix}-${key.replaceAll('_', '-')}`) }));
  const nothing = (label) => ({ key: '', label, color: () => Theme.color('none') });

  const kind = {
    id: 'kind', label: 'Kind', missing: () => null,
    make: (nodes) => ({
      entries: fixed('kind', Object.keys(KIND_NOUNS).filter((name) => nodes.some((node) => node.kind === name)), (name) => capital(KIND_NOUNS[name][1])),
      keyOf: (node) => node.kind,
    }),
  };

  const group = {
    id: 'group', label: 'Group',
    missing: (graph) => (graph.nodes.some((node) => node.group !== null) ? null : 'no node is in a group'),
    make: (nodes) => {
      const names = [...new Set(nodes.map((node) => node.group).filter((name) => name !== null))].sort();
      const entries = names.map((name, at) => ({ key: `g${name}`, label: plain(name), color: () => Theme.hue(at) }));
      return { entries: [...entries, nothing('No group')], keyOf: (node) => (node.group === null ? '' : `g${node.group}`) };
    },
  };

  const state = {
    id: 'state', label: 'Last run',
    missing: (graph) => (graph.nodes.some((node) => node.state) ? null : NO_RUN),
    make: () => ({
      entries: [...fixed('state', STATE_ORDER, (name) => capital(Format.state(name))), nothing('Not run')],
      keyOf: (node) => (STATE_ORDER.includes(node.state) ? node.state : ''),
    }),
  };

  /** Five classes on round bounds, finer towards the slow end: few nodes take most of the time. */
  const duration = {
    id: 'duration', label: 'Duration',
    missing: (graph) => (graph.nodes.some((node) => node.seconds !== null) ? null : NO_RUN),
    make: (nodes) => {
      const bounds = roundBounds(nodes.map((node) => node.seconds).filter((seconds) => seconds !== null));
      return {
        entries: [...classes(bounds, Format.seconds), nothing('Not measured')],
        keyOf: (node) => (node.seconds === null ? '' : classOf(node.seconds, bounds)),
      };
    },
  };

  const critical = {
    id: 'critical', label: 'Critical path',
    missing: (graph) => (graph.nodes.some((node) => node.critical) ? null : NO_RUN),
    make: () => ({
      entries: [{ key: 'critical', label: 'On the critical path', color: () => Theme.color('critical') }, nothing('Off the critical path')],
      keyOf: (node) => (node.critical ? 'critical' : ''),
      lit: 'critical',
    }),
  };

  const FRESH = [3600, 21600, 86400, 604800];
  const freshness = {
    id: 'freshness', label: 'Freshness',
    missing: (graph) => (graph.nodes.some((node) => node.freshness_seconds !== null || node.stale) ? null : NO_RUN),
    make: () => ({
      entries: [
        ...classes(FRESH, Format.age, 'fresh'),
        { key: 'stale', label: 'Stale', color: () => Theme.color('state-failed') },
        nothing('Never succeeded'),
      ],
      keyOf: (node) => {
        if (node.stale) return 'stale';
        return node.freshness_seconds === null ? '' : classOf(node.freshness_seconds, FRESH, 'fresh');
      },
    }),
  };

  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const classOf = (value, bounds, prefix = 'heat') => classKey(bounds.filter((bound) => value >= bound).length, bounds, prefix);
  // Spread over the five colours, so that the last class always has the strongest one.
  const classKey = (at, bounds, prefix) => `${prefix}-${bounds.length ? 1 + Math.round((at * 4) / bounds.length) : 1}`;

  function classes(bounds, words, prefix = 'heat') {
    const label = (at) => {
      if (at === 0) return bounds.length ? `Under ${words(bounds[0])}` : 'All';
      return at === bounds.length ? `${words(bounds[at - 1])} and more` : `${words(bounds[at - 1])} to ${words(bounds[at])}`;
    };
    return Array.from({ length: bounds.length + 1 }, (_, at) => {
      const key = classKey(at, bounds, prefix);
      return { key, label: label(at), color: () => Theme.color(key) };
    });
  }

  function roundBounds(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
    return [...new Set([0.4, 0.7, 0.88, 0.96].map((part) => roundDown(at(part))))].filter((bound) => bound > sorted[0]);
  }

  function roundDown(value) {
    const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400];
    return steps.findLast((step) => step <= value) ?? 0;
  }

  const all = [kind, group, state, duration, critical, freshness];

  /** An overlay over these nodes: key and colour of each, and the legend with counts. */
  function apply(id, nodes) {
    const made = all.find((overlay) => overlay.id === id).make(nodes);
    const keys = nodes.map(made.keyOf);
    const counts = new Map();
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    const colors = new Map(made.entries.map((entry) => [entry.key, entry.color()]));
    const legend = made.entries.filter((entry) => counts.has(entry.key)).map((entry) => ({ ...entry, count: counts.get(entry.key) }));
    return { id, keys, legend, lit: made.lit, colorOf: (node) => colors.get(keys[node]) ?? Theme.color('none'), color: (key) => colors.get(key) };
  }

  return { all, apply, has: (id) => all.some((overlay) => overlay.id === id) };
})();
