// Makes elements, formatted numbers and tables. Data of a run only becomes text nodes and numbers, never markup.

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  node.append(...children.flat(2).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

const make = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

// Reads the value at a path of any object: a number or null, an object or {}, a list.
function at(value, ...path) {
  for (const name of path)
    value = value !== null && typeof value === 'object' && Object.hasOwn(value, name) ? value[name] : null;
  return value;
}
function number(value, ...path) {
  const found = at(value, ...path);
  return Number.isFinite(found) ? found : null;
}
function object(value, ...path) {
  const found = at(value, ...path);
  return found !== null && typeof found === 'object' && !Array.isArray(found) ? found : {};
}
function list(value, ...path) {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}
function words(value, ...path) {
  const found = at(value, ...path);
  return typeof found === 'string' || Number.isFinite(found) ? String(found) : '';
}

const none = '–';
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
// Three significant digits, but always all digits before the point.
const digits = (x) => (Math.abs(x) >= 1000 ? whole : three).format(x);

const orNone = (say) => (x) => (x === null || !Number.isFinite(x) ? none : say(x));
const countText = orNone((n) => whole.format(n));
const rateText = orNone((x) => `${digits(x)}/s`);
const shareText = orNone((x) => `${three.format(x * 100)} %`);
const factorText = orNone((x) => three.format(x));
const secondsText = orNone((x) => `${three.format(x)} s`);
const microsText = orNone((x) => `${three.format(x)} µs`);
const durationText = orNone((ns) => {
  const size = Math.abs(ns);
  if (size < 999.5) return `${three.format(ns)} ns`;
  if (size < 999.5e3) return `${three.format(ns / 1e3)} µs`;
  if (size < 999.5e6) return `${three.format(ns / 1e6)} ms`;
  return `${three.format(ns / 1e9)} s`;
});
// Short form for an axis.
const shortText = (x) => {
  for (const [unit, name] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']])
    if (Math.abs(x) >= unit) return `${three.format(x / unit)} ${name}`;
  return three.format(x);
};

// "tag 3, origin 1": the counts that are not 0; names: explanations for some of the keys.
function kindsText(kinds, names = {}) {
  return Object.entries(kinds)
    .filter(([, n]) => Number.isFinite(n) && n > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([key, n]) => `${Object.hasOwn(names, key) ? names[key] : key.replaceAll('_', ' ')} (${whole.format(n)})`)
    .join(', ');
}

// Rows are lists of text or nodes; the first of a row is its head.
function table(caption, head, rows, className) {
  return make('table', { class: className },
    caption ? make('caption', {}, caption) : null,
    make('thead', {}, make('tr', {}, head.map((h) => make('th', { scope: 'col' }, h)))),
    make('tbody', {}, rows.map((row) =>
      make('tr', {}, row.map((cell, i) => (i === 0 ? make('th', { scope: 'row' }, cell) : make('td', {}, cell)))))));
}

// A wide element scrolls by itself, also with the keyboard; the page does not scroll sideways.
function scrolling(label, className, ...children) {
  return make('div', { class: `scroll ${className}`, tabindex: 0, role: 'region', 'aria-label': label }, children);
}

// A table that is made when it is opened; with very many rows it shows only some.
function foldedTable(label, head, rows) {
  const most = 400;
  const details = make('details', {}, make('summary', {}, 'Table'));
  details.addEventListener('toggle', () => {
    if (details.childElementCount > 1) return;
    const all = rows();
    const every = Math.ceil(all.length / most);
    const caption = every > 1 ? `${label}; every ${every}th of ${countText(all.length)} rows` : label;
    details.append(scrolling(label, '', table(caption, head, all.filter((_, i) => i % every === 0))));
  });
  return details;
}
