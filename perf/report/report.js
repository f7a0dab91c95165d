// The page: a card for each run, plots, tables, manifests.

function card(run) {
  const { raw, own } = run, objective = objectiveText(run), met = at(raw, 'objective', 'met');
  const facts = [
    [run.ke ? 'failed' : 'loss', shareText(own.loss)],
    ...['p50', 'p99', 'p99.9'].map((p) => [p, durationText(number(raw, 'latency_ns', p))]),
    ['answered', rateText(own.answeredRate)], ['headroom', shareText(own.headroom)],
    ['server CPU a reply', microsText(number(raw, 'server_cpu', 'us_per_reply'))],
  ].filter(([, value]) => value !== none);
  const storm = object(raw, 'storm'), badge = typeof met === 'boolean' && objective;
  return make('article', { class: `card c${run.i % colours}` },
    make('header', {}, chip(run.i, run.i), make('h3', {}, run.label)),
    make('p', { class: 'quiet' }, describe(run)),
    make('p', { class: 'big' }, rateText(own.rate), ' ',
      make('small', {}, run.searched && objective ? 'highest rate that met the objective' : run.ke ? 'handshakes' : 'requests sent')),
    badge ? make('p', {}, make('span', { class: `badge ${met ? 'good' : 'bad'}` }, met ? 'objective met' : 'objective missed'), ' ', objective) : null,
    make('dl', { class: 'facts' }, facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value)))),
    number(storm, 'clients') > 0 ? make('p', {}, `After losing all cookies at once, ${countText(number(storm, 'recovered'))} of ${countText(number(storm, 'clients'))} clients were served again, the last after ${secondsText(number(storm, 'recovery_s'))}.`) : null,
    warningsOf(run).map((text) => make('p', { class: 'warning' }, text)));
}

// A value with a bar that shows its share of the largest value; all columns have the same scale.
function cell(text, share, colour) {
  const bar = share > 0 ? make('span', { class: `bar c${colour % colours}`, 'aria-hidden': 'true' }) : null;
  if (bar) bar.style.width = `${(Math.min(1, share) * 5.4).toFixed(2)}rem`;
  return make('span', { class: 'cell' }, text, bar);
}

const latencyRows = (part, names, title) => [title, names.map((name) => [name, durationText, (r) => number(r.raw, part, name)])];
const figures = [
  ['Rate', [
    ['rate', rateText, (r) => r.own.rate], ['answered a second', rateText, (r) => r.own.answeredRate],
    ['loss', shareText, (r) => r.own.loss], ["tester's headroom", shareText, (r) => r.own.headroom],
    ['server CPU a reply', microsText, (r) => number(r.raw, 'server_cpu', 'us_per_reply')]]],
  latencyRows('latency_ns', ['min', 'mean', ...percentiles, 'max'], 'Latency'),
  latencyRows('processing_ns', ['p50', 'p99', 'p99.9', 'max'], "In the server, by its own timestamps"),
  latencyRows('offset_ns', ['mean', 'stddev', 'min', 'p50', 'max'], "Server's clock against the tester's"),
  ['Counts', [...['sent', 'answered', 'verified', 'lost', 'late', 'nak', 'kiss', 'wrong', 'not_sent'].map((key) =>
    [key.replace('_', ' '), countText, (r) => number(r.raw, key)])]],
];

// One column per run, one row per figure. Rows without values are omitted.
function sideBySide(runs) {
  const single = runs.length === 1;
  const body = figures.map(([title, rows]) => {
    const filled = rows.map(([name, text, value]) => [name, text, runs.map(value)]).filter(([, , values]) => values.some((v) => v !== null));
    if (!filled.length) return null;
    return make('tbody', {}, make('tr', { class: 'group' }, make('th', { colspan: runs.length + 1, scope: 'rowgroup' }, title)),
      filled.map(([name, text, values]) => {
        const widest = (ke) => Math.max(...values.filter((_, i) => runs[i].ke === ke).map((v) => v ?? 0));
        const signed = values.some((v) => v < 0);
        return make('tr', { 'data-figure': `${title.split(' ')[0]} ${name}` }, make('th', { scope: 'row' }, name),
          values.map((v, i) => make('td', {}, cell(text(v), single || signed || !(v > 0) ? 0 : v / widest(runs[i].ke), runs[i].i))));
      }));
  });
  return scrolling('Figures of each run', single ? 'wide single' : 'wide', make('table', { id: 'figures' },
    make('caption', {}, `${single ? '' : 'Bars compare the values of a row; key exchanges are compared among themselves. '}A percentile is shown if ten replies or more lie beyond it: p99.999 from a million replies on.`),
    make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, 'Figure'),
      runs.map((r) => make('th', { scope: 'col' }, r.label)))), body));
}

// From 0.001 % to 100 %, because a victim's loss is small compared with an attacker's.
const lossBar = (loss) => (loss > 0 ? Math.max(0.02, 1 + Math.log10(loss) / 5) : 0);
const isVictim = (flow) => /victim/i.test(words(flow, 'name')) || at(flow, 'victim') === true;

// A forged request deserves a NAK and a malformed one silence: neither is a loss. Older results do not tell what a flow expects.
const expectsTime = (flow) => (words(flow, 'expects') ? words(flow, 'expects') === 'time' : !['bad-tag', 'unknown-key', 'garbage', 'flood'].includes(words(flow, 'name')));

function flowTable(run) {
  const victims = run.flows.filter(isVictim);
  const rows = run.flows.map((flow) => {
    const victim = isVictim(flow), loss = expectsTime(flow) ? number(flow, 'loss') : null;
    return make('tr', { class: victim ? 'victim' : null }, make('th', { scope: 'row' }, words(flow, 'name') || none),
      [cell(shareText(loss), lossBar(loss), victim ? 1 : 7),
        countText(number(flow, 'sent')), countText(number(flow, 'answered')), countText(number(flow, 'verified')),
        durationText(number(flow, 'latency_ns', 'p50')), durationText(number(flow, 'latency_ns', 'p99')),
        countText(number(flow, 'nak')), countText(number(flow, 'kiss')), countText(number(flow, 'wrong'))].map((c) => make('td', {}, c)));
  });
  const said = victims.map((v) => `${words(v, 'name')}: ${shareText(number(v, 'loss'))} lost, p99 ${durationText(number(v, 'latency_ns', 'p99'))}`).join('; ');
  return [make('h3', {}, run.label),
    victims.length ? make('p', {}, 'The victims, well-behaved clients beside the others: ', make('strong', {}, said), '.') : null,
    scrolling(`Flows of ${run.label}`, 'wide', make('table', { class: 'flows' },
      make('caption', {}, 'Bars of loss are logarithmic, from 0.001 % to 100 %. Where no time is expected, as after forged requests, nothing is lost.'),
      make('thead', {}, make('tr', {}, ['Flow', 'Loss', 'Sent', 'Answered', 'Verified', 'p50', 'p99', 'NAK', 'Kiss', 'Wrong'].map((h) => make('th', { scope: 'col' }, h)))),
      make('tbody', {}, rows)))];
}

function keTable(runs) {
  const own = (...path) => (r) => number(r.raw, 'ke', ...path);
  const kinds = [...new Set(runs.flatMap((r) => Object.keys(object(r.raw, 'ke', 'failures'))))];
  const lines = [
    ...['started', 'granted', 'aborted', 'failed'].map((k) => [k, countText, own(k)]),
    ...kinds.map((k) => [`failed: ${k.replaceAll('_', ' ')}`, countText, own('failures', k)]),
    ...[['connect', 'TCP connect'], ['handshake', 'TLS handshake']].flatMap(([key, name]) =>
      ['p50', 'p99', 'p99.9'].map((p) => [`${name} ${p}`, durationText, own(`${key}_ns`, p)])),
    ...['p50', 'p99', 'p99.9'].map((p) => [`first cookie ${p}`, durationText, (r) => number(r.raw, 'latency_ns', p)]),
    ["tester's CPU", secondsText, own('cpu_s')],
    ['slow clients held', countText, own('slow', 'held')], ['slow clients cut', countText, own('slow', 'cut')],
    ['cut after', secondsText, own('slow', 'cut_after_s')],
  ].map(([name, text, value]) => [name, ...runs.map((r) => text(value(r)))]);
  return scrolling('Key exchanges of each run', runs.length > 1 ? 'wide' : 'wide single',
    table(null, ['Key exchanges', ...runs.map((r) => r.label)], lines.filter((row) => row.slice(1).some((c) => c !== none)), 'ke'));
}

// Objects within objects as "target: server".
function flat(value, path = []) {
  if (value !== null && typeof value === 'object' && Object.keys(value).length)
    return Object.entries(value).flatMap(([name, inner]) => flat(inner, [...path, name]));
  return [[path.join(': '), value === null ? none : String(typeof value === 'object' ? none : value)]];
}

function manifest(run) {
  const all = object(run.raw, 'manifest'), command = words(all, 'command');
  return make('details', { class: 'manifest' }, make('summary', {}, `Manifest of ${run.label}`),
    command ? make('pre', {}, command) : null,
    table(null, ['Entry', 'Value'], [['file', run.file], ...flat(all).filter(([name]) => name !== 'command')]));
}

const requestTalk = {
  rate: 'requests offered a second', loss: 'loss', latency: 'latency',
  lossTitle: 'Rate against loss', latencyTitle: 'Rate against latency',
};
const keTalk = {
  rate: 'handshakes a second', loss: 'failed', latency: 'time to first cookie',
  lossTitle: 'Handshakes against failures', latencyTitle: 'Handshakes against time to first cookie',
};

// Each section: an id, a title, its content; empty sections are omitted.
function sections(runs) {
  const requests = runs.filter((r) => !r.ke), exchanges = runs.filter((r) => r.ke);
  const mixed = runs.filter((r) => r.flows.length > 1 || r.flows.some(isVictim));
  const plots = (figures) => (figures.some(Boolean) ? make('div', { class: 'plots' }, figures) : null);
  return [
    ['runs', runs.length > 1 ? 'Runs' : 'Run', [summaryOf(runs), make('div', { class: 'cards' }, runs.map(card))]],
    ['rate', 'Rate against loss and latency', plots(ratePlots(requests, requestTalk))],
    ['exchanges', 'Key exchanges', exchanges.length ? [plots(ratePlots(exchanges, keTalk)), keTable(exchanges)] : null],
    ['latency', 'Latency distribution', plots([percentilePlot(runs), histogramPlot(runs)])],
    ['time', 'Over time', plots(timePlots(runs))],
    ['flows', 'Flows of the mix', mixed.length ? mixed.flatMap(flowTable) : null],
    ['side', runs.length > 1 ? 'Side by side' : 'All figures', sideBySide(runs)],
    ['manifests', 'How it was measured', runs.map(manifest)],
  ].filter(([, , content]) => content);
}

function show(data) {
  const runs = readRuns(list(data, 'runs'));
  const targets = [...new Set(runs.map(targetOf).filter(Boolean))];
  const title = words(data, 'title') || (targets.length ? `Load on ${targets.join(', ')}` : 'Load');
  document.title = title;
  document.getElementById('title').textContent = title;
  const days = [...new Set(runs.map((r) => words(r.raw, 'manifest', 'started')).filter(Boolean))].sort()
    .map((day) => day.replace(/T(\d\d:\d\d):\d\dZ$/, ' $1 UTC'));
  document.getElementById('subtitle').textContent = [`${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`,
    days.length ? (days.length > 1 ? `from ${days[0]} to ${days[days.length - 1]}` : days[0]) : '',
    [...new Set(runs.map((r) => words(r.raw, 'manifest', 'machine', 'cpu')).filter(Boolean))].join('; ')].filter(Boolean).join(' · ');
  const made = sections(runs);
  document.getElementById('contents').append(make('ul', {}, made.map(([id, name]) => make('li', {}, make('a', { href: `#${id}` }, name)))));
  document.getElementById('main').append(...made.map(([id, name, content]) =>
    make('section', { id, 'aria-labelledby': `${id}-name` }, make('h2', { id: `${id}-name` }, name), content)));
}

show(JSON.parse(document.getElementById('data').textContent));
