// Numbers and times as people read them.
const Format = {
  /** Seconds as "0.42 s", "12 s", "3 min 20 s", "2 h 5 min". */
  seconds(value) {
    if (value === null || value === undefined) return '';
    if (value < 9.95) return `${value < 0.1 ? value.toFixed(2) : value.toFixed(1)} s`;
    if (value < 59.5) return `${Math.round(value)} s`;
    const whole = Math.round(value);
    if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ''}`;
    const minutes = Math.round(whole / 60);
    return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`;
  },

  /** An age in its largest unit: "7 min", "3 days". */
  age(seconds) {
    const units = [[86400, 'day'], [3600, 'hour'], [60, 'minute']];
    for (const [size, unit] of units) if (seconds >= size) return Format.count(Math.floor(seconds / size), unit);
    return 'under a minute';
  },

  count(number, noun, many = `${noun}s`) {
    return `${Format.number(number)} ${number === 1 ? noun : many}`;
  },

  number: (value) => value.toLocaleString('en-US'),

  /** An instant as "2026-11-21 06:00 UTC": the same for every reader of the same file. */
  instant(iso) {
    const at = new Date(iso);
    return Number.isNaN(at.getTime()) ? plain(iso) : `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  },

  state: (state) => (state ? plain(state).replaceAll('_', ' ') : 'not run'),
};

const KIND_NOUNS = {
  model: ['model', 'models'], seed: ['seed', 'seeds'], snapshot: ['snapshot', 'snapshots'], source: ['source', 'sources'],
  exposure: ['exposure', 'exposures'], analysis: ['analysis', 'analyses'], function: ['function', 'functions'],
};

function countKinds(nodes) {
  const counts = new Map();
  for (const node of nodes) counts.set(node.kind, (counts.get(node.kind) ?? 0) + 1);
  const known = Object.keys(KIND_NOUNS).filter((kind) => counts.has(kind));
  return known.map((kind) => Format.count(counts.get(kind), ...KIND_NOUNS[kind])).join(' · ');
}
