// Elements. Whatever comes from a project is set as text, never read as markup.

/** Makes an element: `on…` properties are listeners, `text` is its text, all others are attributes. */
function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'text') made.textContent = value;
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const byId = (id) => document.getElementById(id);

function fill(parent, ...children) {
  parent.replaceChildren(...children.filter(Boolean));
}

// Control and bidirectional characters could reorder or hide what stands beside a name: show that they are there.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A name on one line, with nothing in it that draws elsewhere than where it stands. */
function plain(text) {
  return String(text ?? '').replace(/[\t\n]+/g, ' ').replace(UNSEEN, '\ufffd');
}

/** Text of several lines, made safe in the same way. */
function plainLines(text) {
  return String(text ?? '').replace(/\r\n?/g, '\n').replace(UNSEEN, '\ufffd');
}

const SVG = 'http://www.w3.org/2000/svg';

function svgEl(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A button with an icon, a text, or both. */
function button(props, ...children) {
  return el('button', { type: 'button', ...props }, ...children);
}

function download(blob, name) {
  const link = el('a', { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Copies through the clipboard where the page may, else through a selection (pages opened from disk). */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el('textarea', { class: 'unseen' });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}

function copyButton(text, what) {
  const made = button({ class: 'quiet', 'aria-label': `Copy ${what}`, text: 'Copy' });
  made.addEventListener('click', async () => {
    await copyText(text);
    made.textContent = 'Copied';
    announce(`Copied ${what}`);
    setTimeout(() => (made.textContent = 'Copy'), 1500);
  });
  return made;
}

/** Says something to screen readers. */
function announce(text) {
  byId('live').textContent = plain(text);
}
