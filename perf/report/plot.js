// A figure: an SVG that is drawn again when the width changes; a legend that switches lines on and off; a tip that follows the pointer, the finger or the arrow keys; and the data as a table.
//
// plot({title, caption, x, y: axes of scaleOf() with label, text, tick, series, marks, head, rows})
//   series: {run, stat: for the legend, name, colour, dash, shape: 'line' | 'step' | 'area' | 'points',
//            dots, points: [{x, y, open, say: [text]}]}, points by x
//   marks:  {axis: 'x' | 'y', at, text, colour}; without a colour it is a goal
//   stats:  [{name, dash, colour, off}]; runs: [{label, i}]; head, rows(): the table

const shapes = [
  (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0z`,
  (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  (r) => `M0,${-1.25 * r}L${1.2 * r},${r}H${-1.2 * r}z`,
  (r) => `M0,${-1.35 * r}L${1.35 * r},0L0,${1.35 * r}L${-1.35 * r},0z`,
];
const shapeOf = (i, r) => shapes[i % shapes.length](r);
const colours = 8;

function chip(colour, shape, dash) {
  const line = dash !== undefined;
  return draw('svg', { class: `chip c${colour % colours}`, width: line ? 24 : 12, height: 12, viewBox: line ? '0 -6 24 12' : '-6 -6 12 12', 'aria-hidden': 'true' },
    line ? draw('path', { class: 'line', d: 'M0,0H24', 'stroke-dasharray': dash || null })
      : draw('path', { d: shapeOf(shape, 4.6) }));
}

function pathOf(series, px, py) {
  let d = '', last = null;
  for (const p of series.points) {
    const x = px(p.x).toFixed(1), y = py(p.y).toFixed(1);
    if (last === null) d += `M${x},${y}`;
    else if (series.shape === 'line') d += `L${x},${y}`;
    else if (series.shape === 'step') d += `V${y}H${x}`;
    else d += `H${x}V${y}`;
    last = p;
  }
  return d;
}

class Plot {
  constructor(spec) {
    this.spec = spec;
    this.off = new Set(spec.stats.filter((s) => s.off).map((s) => `stat ${s.name}`));
    this.tip = make('div', { class: 'tip', role: 'status', hidden: '' });
    this.svg = draw('svg', { tabindex: 0, role: 'group', 'aria-roledescription': 'plot', 'aria-label': `${spec.title}. Arrow keys walk along the points; the table below holds the same.` });
    this.canvas = make('div', { class: 'canvas' }, this.svg, this.tip);
    this.chosen = null;
    this.listen();
    this.figure = make('figure', {}, make('h3', {}, spec.title),
      spec.caption ? make('figcaption', {}, spec.caption) : null, this.legend(), this.canvas,
      foldedTable(spec.title, spec.head, spec.rows));
    new ResizeObserver(() => this.render()).observe(this.canvas);
  }

  legend() {
    const { runs, stats } = this.spec;
    const entry = (key, mark, label) => {
      const button = make('button', { type: 'button', 'aria-pressed': String(!this.off.has(key)) }, mark, label);
      button.addEventListener('click', () => {
        if (!this.off.delete(key)) this.off.add(key);
        button.setAttribute('aria-pressed', String(!this.off.has(key)));
        this.hide();
        this.render(true);
      });
      return button;
    };
    const entries = [
      ...(runs.length > 1 ? runs.map((r) => entry(`run ${r.i}`, chip(r.i, r.i), r.label)) : []),
      ...(stats.length > 1 ? stats.map((s) => entry(`stat ${s.name}`,
        runs.length > 1 ? chip(7, 0, s.dash) : chip(s.colour, 0, s.dash), s.name)) : []),
    ];
    return entries.length ? make('div', { class: 'legend', role: 'group', 'aria-label': 'What is shown' }, entries) : null;
  }

  shown() {
    return this.spec.series.filter((s) => s.points.length && !this.off.has(`run ${s.run}`) && !this.off.has(`stat ${s.stat}`));
  }

  render(always) {
    const width = Math.round(this.canvas.clientWidth);
    if (!width || (width === this.width && !always)) return;
    this.width = width;
    const { x, y, marks } = this.spec;
    this.height = width < 480 ? 250 : 300;
    const series = this.shown();
    const values = (k) => series.flatMap((s) => s.points.map((p) => p[k]))
      .concat(marks.filter((m) => m.axis === k).map((m) => m.at));
    // The text of a vertical mark is above the lines, in its own row.
    const rows = marks.filter((m) => m.axis === 'x').length;
    const bottom = this.height - 42, top = 26 + 15 * rows, right = width - 14;
    const sy = scaleOf(y, values('y'), bottom, top);
    const tickY = sy.ticks(6);
    const left = 12 + 7.2 * Math.max(...tickY.map((t) => y.tick(t).length), 3);
    const sx = scaleOf(x, values('x'), left, right);
    this.at = (p) => [sx.at(p.x), sy.at(p.y)];
    const marked = this.marks(sx, sy, { left, right, bottom });
    this.svg.replaceChildren(...this.axes(sx, sy, tickY, { left, right, top, bottom }),
      ...marked.map(([line]) => line), ...series.map((s) => this.line(s, sx.at, sy.at, bottom)),
      ...marked.map(([, text]) => text));
    this.svg.setAttribute('viewBox', `0 0 ${width} ${this.height}`);
    this.svg.setAttribute('height', this.height);
    this.ring = draw('circle', { class: 'focus', r: 7, visibility: 'hidden' });
    this.svg.append(this.ring);
    this.hide();
  }

  axes(sx, sy, tickY, { left, right, top, bottom }) {
    const { x, y } = this.spec;
    const most = Math.max(2, Math.floor((right - left) / 64));
    const across = sx.ticks(most).map((t) => {
      const px = sx.at(t);
      return [draw('line', { class: 'grid', x1: px, x2: px, y1: top, y2: bottom }),
        draw('text', { x: Math.min(px, right), y: bottom + 17, 'text-anchor': right - px < 18 ? 'end' : 'middle' }, x.tick(t))];
    });
    const up = tickY.map((t) => {
      const py = sy.at(t);
      return [draw('line', { class: 'grid', x1: left, x2: right, y1: py, y2: py }),
        draw('text', { x: left - 8, y: py + 4, 'text-anchor': 'end' }, y.tick(t))];
    });
    return [...across.flat(), ...up.flat(),
      draw('line', { class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom }),
      draw('text', { class: 'name', x: 0, y: 12 }, y.label),
      draw('text', { class: 'name', x: right, y: bottom + 36, 'text-anchor': 'end' }, x.label)];
  }

  // The line and the text of each mark; the text is drawn on top.
  marks(sx, sy, { left, right, bottom }) {
    let high = 26;
    return this.spec.marks.filter((m) => m.run === undefined || !this.off.has(`run ${m.run}`)).map((m) => {
      const kind = m.run === undefined ? 'goal' : `knee c${m.run % colours}`;
      const text = m.run === undefined ? 'goal-name' : `knee-name c${m.run % colours}`;
      if (m.axis === 'y') {
        const py = sy.at(m.at);
        return [draw('line', { class: kind, x1: left, x2: right, y1: py, y2: py }),
          draw('text', { class: text, x: left + 6, y: py - 6 }, m.text)];
      }
      const px = sx.at(m.at), after = px < (left + right) / 2, py = high;
      high += 15;
      return [draw('line', { class: kind, x1: px, x2: px, y1: py - 6, y2: bottom }),
        draw('text', { class: text, x: px + (after ? 5 : -5), y: py + 4, 'text-anchor': after ? 'start' : 'end' }, m.text)];
    });
  }

  line(s, px, py, bottom) {
    const d = pathOf(s, px, py), ends = [s.points[0], s.points[s.points.length - 1]];
    const dots = s.points.length <= 60 && s.dots !== false;
    if (s.shape === 'points')
      return draw('g', { class: `c${s.colour % colours}` }, s.points.map((p) => draw('circle', { class: 'try', r: 3, cx: px(p.x).toFixed(1), cy: py(p.y).toFixed(1) })));
    return draw('g', { class: `c${s.colour % colours}` },
      s.shape === 'area' ? draw('path', { class: 'area', d: `${d}V${bottom}H${px(ends[0].x).toFixed(1)}z` }) : null,
      draw('path', { class: 'line', d, 'stroke-dasharray': s.dash || null }),
      dots ? s.points.map((p) => draw('path', { class: p.open ? 'point open' : 'point', d: shapeOf(s.run, 4), transform: `translate(${px(p.x).toFixed(1)},${py(p.y).toFixed(1)})` })) : null);
  }

  listen() {
    const near = (event) => {
      const box = this.svg.getBoundingClientRect();
      this.show(this.nearest(event.clientX - box.left, event.clientY - box.top));
    };
    this.svg.addEventListener('pointermove', near);
    this.svg.addEventListener('pointerdown', near);
    this.svg.addEventListener('pointerleave', (event) => {
      if (event.pointerType === 'mouse') this.hide();
    });
    this.svg.addEventListener('keydown', (event) => this.walk(event));
    this.svg.addEventListener('focus', () => {
      if (!this.chosen && this.svg.matches(':focus-visible')) this.show(this.first());
    });
    this.svg.addEventListener('blur', () => this.hide());
  }

  first() {
    const [s] = this.shown();
    return s ? { s, p: s.points[0] } : null;
  }

  // The nearest visible point; vertical distance counts less than horizontal distance.
  nearest(x, y) {
    let best = null, least = Infinity;
    for (const s of this.shown())
      for (const p of s.points) {
        const [px, py] = this.at(p), far = (px - x) ** 2 + ((py - y) * 0.6) ** 2;
        if (far < least) [best, least] = [{ s, p }, far];
      }
    return best;
  }

  walk(event) {
    const now = this.chosen ?? this.first();
    if (!now) return;
    if (event.key === 'Escape') return this.hide();
    const i = now.s.points.indexOf(now.p), last = now.s.points.length - 1;
    const stride = Math.max(1, Math.round(last / 60));
    const beside = { ArrowLeft: i - stride, ArrowRight: i + stride, Home: 0, End: last }[event.key];
    if (beside !== undefined) {
      const to = this.chosen ? Math.min(last, Math.max(0, beside)) : i;
      this.show({ s: now.s, p: now.s.points[to] });
    } else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      const all = this.shown();
      const s = all[(all.indexOf(now.s) + (event.key === 'ArrowDown' ? 1 : all.length - 1)) % all.length];
      const far = (p) => Math.abs(this.at(p)[0] - this.at(now.p)[0]);
      this.show({ s, p: s.points.reduce((a, b) => (far(b) < far(a) ? b : a)) });
    } else return;
    event.preventDefault();
  }

  show(chosen) {
    if (!chosen) return;
    this.chosen = chosen;
    const [x, y] = this.at(chosen.p);
    this.ring.setAttribute('cx', x);
    this.ring.setAttribute('cy', y);
    this.ring.setAttribute('visibility', 'visible');
    this.tip.replaceChildren(make('b', {}, chosen.s.name), ...chosen.p.say.map((t) => make('span', {}, t)));
    this.tip.hidden = false;
    const wide = this.tip.offsetWidth, high = this.tip.offsetHeight;
    const aside = x + 14 + wide <= this.width ? x + 14 : x - 14 - wide;
    this.tip.style.left = `${Math.max(0, Math.min(aside, this.width - wide))}px`;
    this.tip.style.top = `${Math.max(0, Math.min(y - high - 10, this.height - high))}px`;
  }

  hide() {
    this.chosen = null;
    this.tip.hidden = true;
    this.ring?.setAttribute('visibility', 'hidden');
  }
}

// Null when no line has three points: one or two values are read better in a table.
const plot = (spec) => (spec.series.some((s) => s.points.length > 2) ? new Plot({ marks: [], stats: [], ...spec }).figure : null);
