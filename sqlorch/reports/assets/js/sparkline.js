// Durations as bars, oldest first; the last one stands out.

const Sparkline = (() => {
  const [HEIGHT, BAR, GAP] = [28, 5, 2];

  function element(values, words) {
    const shown = values.slice(-40);
    const most = Math.max(...shown, 1e-9);
    const width = shown.length * (BAR + GAP) - GAP;
    const label = `Last ${Format.count(shown.length, 'run')}: ${shown.map(words).join(', ')}`;
    const bars = shown.map((value, at) => bar(value / most, at, at === shown.length - 1, words(value)));
    return svgEl('svg', { class: 'spark', viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: 'img', 'aria-label': label }, ...bars);
  }

  function bar(part, at, last, words) {
    const height = Math.max(2, part * HEIGHT);
    const title = svgEl('title', {});
    title.textContent = words;
    const place = { x: at * (BAR + GAP), y: HEIGHT - height, width: BAR, height, rx: 1.5 };
    return svgEl('rect', { ...place, class: last ? 'spark-last' : 'spark-bar' }, title);
  }

  return { element };
})();
