// A run for the page: its name, and its parts in the form that plots and tables need. Any part may be absent.

const percentiles = ['p50', 'p90', 'p99', 'p99.9', 'p99.99', 'p99.999'];
const modes = { nts: 'NTS', ntp: 'plain NTP', mix: 'a mix', ke: 'NTS-KE' };
// Explanations of names that are not clear alone.
const wrongNames = {
  length: 'wrong length', origin: 'belongs to no request', misdirected: "another client's",
  duplicate: 'second reply to a request', header: 'wrong header', time: 'impossible timestamps',
  truncated: 'ends within a field', fields: 'fields that were not requested', identifier: 'another unique identifier',
  unauthenticated: 'not authenticated', tag: 'a wrong authenticator', cookies: 'wrong number or length of cookies',
  forgery: 'time for a forged request',
};
const unsentNames = { behind: 'the tester was behind its schedule', no_cookie: 'no client had a cookie', not_taken: 'the kernel or the port accepted no more', too_many_open: 'too many were on their way' };

const stem = (file) => file.replace(/^.*\//, '').replace(/\.json$/, '') || file;

// ntsperf writes zeros if it has measured no times.
const timed = (raw, part) => (number(raw, part, 'max') === 0 ? {} : object(raw, part));

function stepOf(raw) {
  const started = number(raw, 'started') ?? number(raw, 'ke', 'started');
  const failed = number(raw, 'failed') ?? number(raw, 'ke', 'failed');
  return {
    rate: number(raw, 'rate'), answeredRate: number(raw, 'answered_rate'),
    loss: number(raw, 'loss') ?? (started > 0 && failed !== null ? failed / started : null),
    latency: withoutRare(raw), duration: number(raw, 'duration_s'), headroom: number(raw, 'headroom'), met: at(raw, 'met'),
    limit: (at(raw, 'tester_limit') ?? at(raw, 'tester', 'limit')) === true,
    wrong: number(raw, 'wrong'),
  };
}

// A percentile needs ten replies beyond it: p99.999 is a number of a million replies or more.
const beyondLeast = 10;
const enoughFor = (name, n) => n === null || Number(name.slice(1)) <= 99 || n * (1 - Number(name.slice(1)) / 100) >= beyondLeast - 1e-6;
function withoutRare(raw) {
  const n = number(raw, 'answered'), latency = timed(raw, 'latency_ns');
  return Object.fromEntries(Object.entries(latency).filter(([name]) => !/^p\d/.test(name) || enoughFor(name, n)));
}

// One row for each rate: the medians of its trials. Trials that were shorter than the others only found where to search.
function ratesOf(steps) {
  const longest = Math.max(...steps.map((s) => s.duration ?? 0));
  const full = steps.filter((s) => (s.duration ?? longest) >= longest);
  return [...new Set(full.map((s) => s.rate))].map((rate) => {
    const tries = full.filter((s) => s.rate === rate);
    if (tries.length === 1) return { ...tries[0], tries };
    const middle = (value) => {
      const values = tries.map(value).filter((v) => v !== null).sort((a, b) => a - b);
      return values.length ? (values[Math.floor((values.length - 1) / 2)] + values[Math.ceil((values.length - 1) / 2)]) / 2 : null;
    };
    const names = new Set(tries.flatMap((s) => Object.keys(s.latency)));
    return {
      rate, tries, answeredRate: middle((s) => s.answeredRate), loss: middle((s) => s.loss), headroom: middle((s) => s.headroom),
      latency: Object.fromEntries([...names].map((name) => [name, middle((s) => number(s.latency, name))])),
      // The better one of two trials decides; of more, most of them.
      met: tries.some((s) => s.met === null) ? null : tries.filter((s) => s.met).length * 2 >= tries.length,
      limit: tries.some((s) => s.limit), wrong: Math.max(...tries.map((s) => s.wrong ?? 0)),
    };
  });
}

function histogramOf(raw) {
  return list(raw, 'histogram_ns')
    .map((row) => ({ edge: number(row, 0), n: number(row, 1) }))
    .filter((row) => row.edge !== null && row.n > 0)
    .sort((a, b) => a.edge - b.edge);
}

// The rows of the time series; the counts of key exchanges have other names. At the end, while the tester waits for the last replies, nothing is sent.
function seriesOf(raw) {
  let before = 0;
  const rows = list(raw, 'series').map((row) => {
    const t = number(row, 't') ?? before;
    const span = number(row, 'span') ?? t - before;
    before = t;
    return {
      t, span: span > 0 ? span : 1,
      sent: number(row, 'sent') ?? number(row, 'started') ?? 0,
      answered: number(row, 'answered') ?? number(row, 'granted') ?? 0,
      lost: number(row, 'lost') ?? number(row, 'failed') ?? 0,
      p50: number(row, 'p50'), p99: number(row, 'p99'),
    };
  });
  while (rows.length && rows[rows.length - 1].sent === 0) rows.pop();
  return rows;
}

function readRun(entry, i) {
  const given = object(entry, 'run'), file = words(entry, 'file');
  const raw = { ...given, latency_ns: withoutRare(given), processing_ns: timed(given, 'processing_ns') };
  const ke = words(raw, 'manifest', 'mode') === 'ke';
  const steps = list(raw, 'steps').map(stepOf).filter((s) => s.rate > 0).sort((a, b) => a.rate - b.rate);
  const own = stepOf(raw);
  own.met = at(raw, 'objective', 'met');
  return {
    i, raw, file, ke, label: stem(file), searched: steps.length > 0, own,
    steps: ratesOf(steps.length ? steps : own.rate > 0 ? [own] : []),
    histogram: histogramOf(raw), series: seriesOf(raw), flows: list(raw, 'flows').map((f) => ({ ...object(f), latency_ns: withoutRare(object(f)) })),
  };
}

// Files of the same name in several directories keep enough of their path to be distinct.
function readRuns(entries) {
  const runs = entries.map(readRun);
  for (const run of runs)
    if (runs.some((other) => other !== run && stem(other.file) === run.label)) run.name = run.file;
  runs.forEach((run, i) => {
    if (run.name) run.label = run.name;
    if (runs.some((other, k) => k < i && other.label === run.label)) run.label += ` (${i + 1})`;
  });
  return runs;
}

const targetOf = (run) => words(run.raw, 'manifest', 'target', 'name') || words(run.raw, 'manifest', 'target', 'server');

// "NTS, 64 clients, over sockets, vaes512"
function describe(run) {
  const manifest = object(run.raw, 'manifest'), plan = object(manifest, 'plan');
  const mode = words(manifest, 'mode'), clients = number(plan, 'clients');
  const parts = [Object.hasOwn(modes, mode) ? modes[mode] : mode];
  if (targetOf(run)) parts[0] += ` to ${targetOf(run)}`;
  if (clients) parts.push(`${countText(clients)} clients`);
  if (words(plan, 'spacing') === 'poisson') parts.push('Poisson');
  if (words(manifest, 'path')) parts.push(`over ${words(manifest, 'path')}`);
  if (words(manifest, 'crypto')) parts.push(words(manifest, 'crypto'));
  return parts.join(', ');
}

function objectiveText(run) {
  const loss = number(run.raw, 'objective', 'loss'), p99 = number(run.raw, 'objective', 'p99_ns');
  return [loss !== null ? `loss up to ${shareText(loss)}` : '', p99 !== null ? `p99 up to ${durationText(p99)}` : '']
    .filter(Boolean).join(', ');
}

// Warnings that a reader needs to judge the numbers of a run.
function warningsOf({ raw, ke }) {
  const n = (...path) => number(raw, ...path) ?? 0, said = [];
  const why = words(raw, 'tester', 'why');
  if (at(raw, 'tester', 'limit') === true)
    said.push(`The tester was the limit${why ? `: ${why}` : ''}. The server may do better than this run shows.`);
  if (n('wrong') > 0) {
    const kinds = kindsText(object(raw, 'wrong_kinds'), wrongNames);
    said.push(`${countText(n('wrong'))} replies were wrong${kinds ? `: ${kinds}` : ''}.`);
  }
  if (n('tester', 'refused') > 0)
    said.push(`${countText(n('tester', 'refused'))} ICMP errors came from the server's host: no process listens at that address and port.`);
  if (n('tester', 'missed') > 0)
    said.push(`${countText(n('tester', 'missed'))} datagrams came but were lost on the tester's side: part of the loss is not the server's.`);
  if (n('not_sent') > 0) {
    const kinds = kindsText(object(raw, 'not_sent_kinds'), unsentNames);
    said.push(`${countText(n('not_sent'))} requests were due but not sent${kinds ? `: ${kinds}` : ''}.`);
  }
  if (n('kiss') > 0) said.push(`${countText(n('kiss'))} kisses-o'-death: ${kindsText(object(raw, 'kiss_codes'))}.`);
  if (ke && n('ke', 'failed') > 0)
    said.push(`${countText(n('ke', 'failed'))} key exchanges failed: ${kindsText(object(raw, 'ke', 'failures'))}.`);
  if (at(raw, 'manifest', 'stopped') === true) said.push('The run was stopped before its end.');
  return said;
}
