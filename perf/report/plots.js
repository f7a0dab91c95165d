// The plots, and the data of the runs that each needs.

const ofRun = (runs, run, text) => (runs.length > 1 ? `${run.label}: ${text}` : text);
// With one run, colours show percentiles. With several, colours show runs and dashes show percentiles.
const colourOf = (runs, run, stat) => (runs.length > 1 ? run.i : stat.colour);
const spread = (values) => Math.max(...values) / Math.min(...values);

const rateAxis = (label, rates) => ({
  label, kind: rates.length > 1 && spread(rates) >= 15 ? 'log' : 'linear', tick: shortText,
});
const lossAxis = (label) => ({ label, kind: 'log', zero: true, low: 1e-5, high: 1e-3, tick: (x) => shareText(x) });
const latencyAxis = (label) => ({ label, kind: 'log', tick: durationText });

function stepSays(step, lines) {
  return [`offered ${rateText(step.rate)}`, ...lines,
    step.met === true ? 'objective met' : step.met === false ? 'objective missed' : '',
    step.limit ? 'the tester was the limit' : '', step.wrong > 0 ? `${countText(step.wrong)} wrong replies` : ''].filter(Boolean);
}

const kneeMarks = (runs) => runs.filter((r) => r.searched && r.own.rate > 0 && objectiveText(r)).map((r) => ({
  axis: 'x', at: r.own.rate, run: r.i, text: `met up to ${shortText(r.own.rate)}/s`,
}));

// One line for each different objective.
function goalMarks(runs, key, text) {
  const goals = new Set(runs.map((r) => number(r.raw, 'objective', key)).filter((v) => v > 0));
  return [...goals].map((v) => ({ axis: 'y', at: v, text: `objective ${text(v)}` }));
}

// talk: the names of the two axes, for requests or for key exchanges.
function ratePlots(runs, talk) {
  const rates = runs.flatMap((r) => r.steps.map((s) => s.rate));
  if (!rates.length) return [];
  const retries = runs.some((r) => r.steps.some((s) => s.tries.length > 1));
  // The single trials of a rate that was tried more than once, faint and without a line.
  const faint = (of, value, say) => ({
    ...of, shape: 'points', points: runs.find((r) => r.i === of.run).steps.filter((s) => s.tries.length > 1).flatMap((s) => s.tries)
      .map((s) => ({ x: s.rate, y: value(s), say: stepSays(s, ['one of several trials', say(s)]) })).filter((p) => p.y !== null),
  });
  const stats = ['p50', 'p99', 'p99.9'].map((name, k) => ({ name, dash: ['', '8 3', '2 3'][k], colour: k, off: runs.length > 1 && name !== 'p99' }));
  const head = ['Offered', 'Trials', 'Answered', talk.loss, ...stats.map((s) => s.name), 'Headroom', 'Objective'];
  if (runs.length > 1) head.push('Run');
  const rows = () => runs.flatMap((r) => r.steps.map((s) => [rateText(s.rate), countText(s.tries.length), rateText(s.answeredRate), shareText(s.loss),
    ...stats.map(({ name }) => durationText(number(s.latency, name))), shareText(s.headroom),
    s.met === true ? 'met' : s.met === false ? 'missed' : none, ...(runs.length > 1 ? [r.label] : [])]));
  const loss = runs.map((r) => ({
    run: r.i, stat: '', name: ofRun(runs, r, talk.loss), colour: r.i, shape: 'line',
    points: r.steps.filter((s) => s.loss !== null).map((s) => ({
      x: s.rate, y: s.loss, open: s.met === false || s.limit, say: stepSays(s, [`${talk.loss} ${shareText(s.loss)}`]),
    })),
  }));
  const latency = runs.flatMap((r) => stats.map((stat) => ({
    run: r.i, stat: stat.name, name: ofRun(runs, r, stat.name), colour: colourOf(runs, r, stat), dash: stat.dash, shape: 'line',
    points: r.steps.filter((s) => number(s.latency, stat.name) > 0).map((s) => ({
      x: s.rate, y: s.latency[stat.name], open: s.met === false || s.limit,
      say: stepSays(s, [`${stat.name} ${durationText(s.latency[stat.name])}`]),
    })),
  })));
  const open = `Hollow points missed the objective, or the tester was their limit.${retries ? ' Faint points are single trials of a rate that was tried more than once; the line joins their medians.' : ''}`;
  const lossTries = loss.map((s) => faint(s, (t) => t.loss, (t) => `${talk.loss} ${shareText(t.loss)}`));
  const latencyTries = latency.map((s) => faint(s, (t) => { const v = number(t.latency, s.stat); return v > 0 ? v : null; }, (t) => `${s.stat} ${durationText(number(t.latency, s.stat))}`));
  const x = rateAxis(talk.rate, rates), common = { runs, x, head, rows };
  return [
    plot({ ...common, title: talk.lossTitle, caption: open, y: lossAxis(talk.loss), series: [...loss, ...lossTries],
      marks: [...goalMarks(runs, 'loss', shareText), ...kneeMarks(runs)] }),
    plot({ ...common, title: talk.latencyTitle, y: latencyAxis(talk.latency), series: [...latency, ...latencyTries], stats,
      marks: [...goalMarks(runs, 'p99_ns', (v) => `p99 ${durationText(v)}`), ...kneeMarks(runs)] }),
  ];
}

// The share of replies up to each bucket's limit; without a histogram, the known percentiles.
function distributionOf(run) {
  const total = run.histogram.reduce((sum, row) => sum + row.n, 0);
  if (!total)
    return percentiles.map((name) => ({ x: 1 / (1 - Number(name.slice(1)) / 100), y: number(run.raw, 'latency_ns', name) })).filter((p) => p.y > 0);
  let seen = 0;
  const points = run.histogram.map((row) => {
    seen += row.n;
    return { x: seen < total ? total / (total - seen) : total, y: row.edge };
  });
  // Beyond that a step is one of the last few replies.
  return points.filter((p) => p.y > 0 && p.x <= total / beyondLeast);
}

const nines = (x) => `${new Intl.NumberFormat('en', { maximumSignificantDigits: Math.max(3, 2 + Math.ceil(Math.log10(x))) }).format(100 - 100 / x)} %`;

function percentilePlot(runs) {
  const series = runs.map((r) => ({
    run: r.i, stat: '', name: r.label, colour: r.i, shape: r.histogram.length ? 'step' : 'line', dots: !r.histogram.length,
    points: distributionOf(r).map((p) => ({ ...p, say: [`${nines(p.x)} within ${durationText(p.y)}`, `1 in ${countText(p.x)} took longer`] })),
  }));
  return plot({
    title: 'Latency by percentile', caption: 'At each further nine, a tenth as many replies took longer. A line ends where fewer than ten replies lie beyond it.', runs, series,
    x: { label: 'share of replies', kind: 'log', pad: false, low: 1, tick: nines }, y: latencyAxis('latency'),
    head: ['Percentile', ...runs.map((r) => r.label)],
    rows: () => ['min', ...percentiles, 'max', 'mean'].map((name) => [name, ...runs.map((r) => durationText(number(r.raw, 'latency_ns', name)))]),
  });
}

// Buckets joined into bins of equal width on a logarithmic axis.
const binsADecade = 20;
function binsOf(histogram) {
  const total = histogram.reduce((sum, row) => sum + row.n, 0), bins = new Map();
  for (const { edge, n } of histogram) {
    const bin = Math.floor(Math.log10(Math.max(edge, 1)) * binsADecade);
    bins.set(bin, (bins.get(bin) ?? 0) + n / total);
  }
  return bins;
}

function histogramPlot(runs) {
  const having = runs.filter((r) => r.histogram.length);
  if (!having.length) return null;
  const edge = (bin) => 10 ** (bin / binsADecade), all = new Map(having.map((r) => [r, binsOf(r.histogram)]));
  const series = having.map((r) => {
    const bins = all.get(r), from = Math.min(...bins.keys()), to = Math.max(...bins.keys());
    const points = [];
    for (let bin = from; bin <= to + 1; bin++) {
      const share = bins.get(bin) ?? 0;
      points.push({ x: edge(bin), y: share, say: [`${shareText(share)} of the replies`, `took ${durationText(edge(bin))} to ${durationText(edge(bin + 1))}`] });
    }
    points.unshift({ ...points[0], y: 0, say: points[0].say });
    return { run: r.i, stat: '', name: r.label, colour: r.i, shape: 'area', dots: false, points };
  });
  return plot({
    title: 'Latency histogram', caption: `Share of the replies in each of ${binsADecade} bins a decade.`, runs: having, series,
    x: { label: 'latency', kind: 'log', tick: durationText }, y: { label: 'share of replies', kind: 'linear', tick: shareText },
    head: ['From', ...having.map((r) => r.label)],
    rows: () => [...new Set([...all.values()].flatMap((bins) => [...bins.keys()]))].sort((a, b) => a - b)
      .map((bin) => [durationText(edge(bin)), ...having.map((r) => shareText(all.get(r).get(bin) ?? 0))]),
  });
}

const most = (rows, key) => rows.reduce((a, row) => (row[key] > (a ?? -1) ? row[key] : a), null);
const sum = (rows, key) => rows.reduce((a, row) => a + row[key], 0);
const joinRows = (rows) => ({
  t: rows[rows.length - 1].t, span: sum(rows, 'span'), sent: sum(rows, 'sent'), answered: sum(rows, 'answered'),
  lost: sum(rows, 'lost'), p50: most(rows, 'p50'), p99: most(rows, 'p99'),
});

function timePlots(runs) {
  const lines = new Map(runs.filter((r) => r.series.length > 1).map((r) => [r, thin(r.series, 720, joinRows)]));
  const having = [...lines.keys()];
  if (!having.length) return [];
  const end = Math.max(...having.flatMap((r) => lines.get(r).map((row) => row.t)));
  const [unit, name] = end > 10800 ? [3600, 'h'] : end > 180 ? [60, 'min'] : [1, 's'];
  const x = { label: `time (${name})`, kind: 'linear', pad: false, tick: (t) => three.format(t) };
  const when = (row) => `after ${three.format(row.t / unit)} ${name}`;
  const joined = having.some((r) => lines.get(r) !== r.series) ? 'Neighbouring intervals are joined, with the highest latency. ' : '';
  const overTime = (title, y, stats, value, text, note = '') => plot({
    title, caption: joined + note, runs: having, x, y, stats,
    series: having.flatMap((r) => stats.map((stat) => ({
      run: r.i, stat: stat.name, name: ofRun(having, r, stat.name), colour: colourOf(having, r, stat), dash: stat.dash, shape: 'line', dots: false,
      points: lines.get(r).map((row) => ({ x: row.t / unit, y: value(row, stat.name), say: [when(row), `${stat.name} ${text(value(row, stat.name))}`] }))
        .filter((p) => p.y !== null && (y.kind === 'linear' || y.zero || p.y > 0)),
    }))),
    head: ['Time', ...having.flatMap((r) => stats.map((stat) => ofRun(having, r, stat.name)))],
    rows: () => {
      const longest = having.reduce((a, r) => (lines.get(r).length > lines.get(a).length ? r : a));
      return lines.get(longest).map((row, i) => [`${three.format(row.t / unit)} ${name}`, ...having.flatMap((r) =>
        stats.map((stat) => text(lines.get(r)[i] ? value(lines.get(r)[i], stat.name) : null)))]);
    },
  });
  const stats = (...names) => names.map((n, k) => ({ name: n, colour: k, dash: having.length > 1 && k ? '3 2' : '' }));
  return [
    overTime('Rate over time', { label: 'per second', kind: 'linear', tick: shortText }, stats('sent', 'answered'), (row, key) => row[key] / row.span, rateText),
    overTime('Loss over time', lossAxis('loss'), stats('loss'), (row) => (row.sent > 0 ? row.lost / row.sent : null), shareText,
      'A request counts as lost at the end of its timeout.'),
    overTime('Latency over time', latencyAxis('latency'), stats('p50', 'p99'), (row, key) => row[key], durationText),
  ];
}
