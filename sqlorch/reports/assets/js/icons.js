// Icons as path data on a 16 x 16 field, so that page, canvas and exported SVG draw the same ones.
const ICONS = {
  model: 'M8 1.8 13.4 4.9v6.2L8 14.2 2.6 11.1V4.9ZM2.6 4.9 8 8l5.4-3.1M8 8v6.2',
  source: 'M2.8 4c0-1.2 2.3-2 5.2-2s5.2.8 5.2 2-2.3 2-5.2 2-5.2-.8-5.2-2v8c0 1.2 2.3 2 5.2 2s5.2-.8 5.2-2V4M2.8 8c0 1.2 2.3 2 5.2 2s5.2-.8 5.2-2',
  seed: 'M2.8 2.8h10.4v10.4H2.8ZM2.8 6.3h10.4M6.5 6.3v6.9',
  snapshot: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M8 4.8V8l2.3 1.6',
  exposure: 'M2.5 13.5h11M4.5 11V7.2M8 11V3.2M11.5 11V8.6',
  analysis: 'M7 2.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8M10.2 10.2l3.3 3.3',
  function: 'M11 2.7c-1.6-.5-2.7.2-3 1.9L6.7 11.4c-.3 1.6-1.3 2.3-2.8 1.8M5 7h5.4',
  test: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M5.2 8.2l2 2 3.6-4',
  folder: 'M2 3.8h4.2l1.5 1.7H14v7.2H2Z',
  list: 'M2.5 4h11M2.5 8h11M2.5 12h7',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.4v1.4M8 13.2v1.4M1.4 8h1.4M13.2 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M3.3 12.7l1-1M11.7 4.3l1-1',
  moon: 'M13.3 9.6A5.6 5.6 0 0 1 6.4 2.7a5.7 5.7 0 1 0 6.9 6.9',
  export: 'M8 10V2.2M5 5l3-3 3 3M3 9.5v3.7h10V9.5',
  help: 'M5.9 6a2.1 2.1 0 1 1 3.2 1.8c-.8.5-1.1.8-1.1 1.7M8 11.8v.2M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8',
  search: 'M7 2.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8M10.2 10.2l3.3 3.3',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  fit: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  close: 'M4 4l8 8M12 4l-8 8',
  focus: 'M8 5.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8M8 1.5v2.4M8 12.1v2.4M1.5 8h2.4M12.1 8h2.4',
  columns: 'M2.8 2.8h10.4v10.4H2.8ZM2.8 6.3h10.4M2.8 9.8h10.4',
  up: 'M9.5 3.5 5 8l4.5 4.5',
  down: 'M6.5 3.5 11 8l-4.5 4.5',
  success: 'M3.5 8.4l3 3 6-6.6',
  warn: 'M8 3.5v5.2M8 11.8v.3',
  failed: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  skipped: 'M4 8h8',
  running: 'M5.5 3.8 11.8 8l-6.3 4.2Z',
};
ICONS.unit_test = ICONS.test;
ICONS.expectations = ICONS.test;
ICONS.upstream_failed = ICONS.failed;
ICONS.cancelled = ICONS.skipped;

/** An icon for the page; decorative, the text beside it says the same. */
function icon(name, className = '') {
  const path = svgEl('path', { d: ICONS[name] ?? ICONS.model });
  return svgEl('svg', { viewBox: '0 0 16 16', class: `ico ${className}`, 'aria-hidden': 'true' }, path);
}

/** The same icon for a canvas; each path is parsed once. */
const iconPath = (() => {
  const made = new Map();
  return (name) => {
    if (!made.has(name)) made.set(name, new Path2D(ICONS[name] ?? ICONS.model));
    return made.get(name);
  };
})();
