// Light and dark. The colours live in style.css as custom properties; the canvas reads them from there.
const Theme = (() => {
  const KEY = 'sqlorch-theme';
  const wish = matchMedia('(prefers-color-scheme: dark)');
  const listeners = [];
  const tokens = new Map();

  // Pages opened from disk may be refused storage; the choice then lasts as long as the page.
  function remembered() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function remember(name) {
    try {
      localStorage.setItem(KEY, name);
    } catch {
      document.documentElement.dataset.theme = name;
    }
  }

  const paper = matchMedia('print');
  const chosenName = () => document.documentElement.dataset.theme ?? (wish.matches ? 'dark' : 'light');
  const name = () => (paper.matches ? 'light' : chosenName());

  function set(theme) {
    document.documentElement.dataset.theme = theme;
    for (const listener of listeners) listener();
  }

  /** A colour of style.css by the name of its custom property, without the dashes. */
  function color(token) {
    const key = `${name()} ${token}`;
    if (!tokens.has(key)) tokens.set(key, read(token));
    return tokens.get(key);
  }

  /** Custom properties are text: `light-dark(a, b)` is resolved here as the style sheet resolves it. */
  function read(token) {
    const text = getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
    const [, light, dark] = /^light-dark\(([^,]+),([^,]+)\)$/.exec(text) ?? [null, text, text];
    return (name() === 'dark' ? dark : light).trim();
  }

  function start() {
    const chosen = remembered();
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
    wish.addEventListener('change', () => listeners.forEach((listener) => listener()));
  }

  function toggle() {
    const next = chosenName() === 'dark' ? 'light' : 'dark';
    remember(next);
    set(next);
  }

  /** Evenly different hues for things that have no colour of their own, such as groups: OKLCH to sRGB. */
  function hue(index) {
    const dark = name() === 'dark';
    const angle = (250 + index * 137.508) * (Math.PI / 180);
    const [light, chroma] = dark ? [0.76, 0.11] : [0.58, 0.13];
    return fromOklab(light, chroma * Math.cos(angle), chroma * Math.sin(angle));
  }

  function fromOklab(light, a, b) {
    const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
    const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
    const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
    const linear = [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ];
    const channel = (value) => {
      const clipped = Math.min(1, Math.max(0, value));
      const encoded = clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
      return Math.round(encoded * 255).toString(16).padStart(2, '0');
    };
    return `#${linear.map(channel).join('')}`;
  }

  return { start, toggle, set, name, color, hue, onChange: (listener) => listeners.push(listener) };
})();
