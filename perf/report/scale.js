// Converts values to pixels, and places the ticks of an axis. Pure.

// Ticks at 1, 2 or 5 times a power of ten, about n of them.
function evenTicks(low, high, n) {
  const raw = (high - low) / Math.max(1, n);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step + 0); // no -0
  return ticks;
}

// Decades; 1-2-5 if there are few decades; equal steps if the range is narrow.
function logTicks(low, high, n) {
  const within = (t) => t >= low * 0.999 && t <= high * 1.001;
  const decades = [];
  for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); k++) decades.push(10 ** k);
  let ticks = decades.filter(within);
  if (ticks.length < 3) {
    const finer = decades.flatMap((d) => [d, 2 * d, 5 * d]).filter(within);
    if (finer.length >= 2 && finer.length <= n + 1) ticks = finer;
  }
  if (ticks.length < 2) ticks = evenTicks(low, high, n).filter((t) => t > 0);
  const every = Math.ceil(ticks.length / (n + 1));
  return every > 1 ? ticks.filter((_, i) => (ticks.length - 1 - i) % every === 0) : ticks;
}

// axis: {kind: 'linear' | 'log', zero: a logarithmic axis has a place for 0 below its lowest decade,
// low, high: of what must be shown beside the values}. from, to: pixels.
function scaleOf(axis, values, from, to) {
  const log = axis.kind === 'log';
  const shown = [...values, axis.low, axis.high].filter((v) => Number.isFinite(v) && (!log || v > 0));
  let low = shown.reduce((a, b) => Math.min(a, b), Infinity);
  let high = shown.reduce((a, b) => Math.max(a, b), -Infinity);
  if (low > high) [low, high] = log ? [1, 10] : [0, 1];
  if (!log) {
    if (axis.fromZero !== false) low = Math.min(0, low);
    if (low === high) high = low + 1;
    if (axis.pad !== false) high += (high - low) * 0.06;
    const k = (to - from) / (high - low);
    return { at: (v) => from + (v - low) * k, ticks: (n) => evenTicks(low, high, n) };
  }
  if (axis.pad !== false || low === high) {
    const pad = Math.max(1.12, (high / low) ** 0.04);
    [low, high] = [low / pad, high * pad];
  }
  const gap = axis.zero ? Math.sign(to - from) * 24 : 0;
  const k = (to - from - gap) / Math.log(high / low);
  return {
    at: (v) => (v > 0 ? from + gap + Math.log(v / low) * k : from),
    ticks: (n) => (axis.zero ? [0] : []).concat(logTicks(low, high, n)),
  };
}

// Reduces the rows of a series to the width of a plot: join(rows) joins neighbours.
function thin(rows, limit, join) {
  if (rows.length <= limit) return rows;
  const every = Math.ceil(rows.length / limit);
  const joined = [];
  for (let i = 0; i < rows.length; i += every) joined.push(join(rows.slice(i, i + every)));
  return joined;
}
