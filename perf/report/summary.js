// What the runs mean, in plain English: a sentence or two for each, and one that compares those of a kind.

// "132,400" is read as 132 thousand; more digits are in the tables.
const roundText = (x) => {
  for (const [unit, name] of [[1e9, 'billion'], [1e6, 'million'], [1e3, 'thousand']])
    if (x >= unit * 10 || (x >= unit && unit > 1e3)) return `${three.format(x / unit)} ${name}`;
  return digits(x);
};
const thingOf = (run) => ({ nts: 'NTS requests', ntp: 'plain NTP requests', mix: 'requests of a mix', ke: 'NTS-KE sessions' }[words(run.raw, 'manifest', 'mode')] ?? 'requests');
const within = (run) => {
  const p50 = number(run.raw, 'latency_ns', 'p50'), p99 = number(run.raw, 'latency_ns', 'p99');
  return p50 > 0 && p99 > 0 ? ` Half of the ${run.ke ? 'first cookies' : 'replies'} came within ${durationText(p50)}, 99 % within ${durationText(p99)}.` : '';
};

function meaningOf(run) {
  const { own } = run, things = thingOf(run), answered = number(run.raw, 'answered') ?? 0;
  const victim = run.flows.find(isVictim), upper = number(run.raw, 'bounds', 'relevant_upper');
  if (run.searched && objectiveText(run) && at(run.raw, 'manifest', 'plan', 'search') !== false) {
    if (!(own.rate > 0)) return `No rate met the objective (${objectiveText(run)}).`;
    const missed = run.steps.find((s) => s.rate > own.rate && s.met === false);
    const above = missed?.limit ? ' The tester was the limit, so the server may do more.' : upper > 0 ? ` ${rateText(upper)} was too much.` : '';
    return `The server answered up to ${roundText(own.rate)} ${things} a second (${objectiveText(run)}).${above}${within(run)}`;
  }
  if (answered === 0) return `The server answered none of the ${things}.`;
  const said = own.loss > 0 ? `${shareText(own.loss)} of them were lost` : 'none was lost';
  const main = `At ${roundText(own.answeredRate ?? own.rate)} answers a second to ${things}, ${victim ? `${shareText(number(victim, 'loss'))} of the well-behaved clients' requests were lost` : said}.`;
  return main + within(run);
}

// Whether the run is a search that found a rate.
const found = (r) => r.searched && r.own.rate > 0 && objectiveText(r) !== '' && at(r.raw, 'manifest', 'plan', 'search') !== false;

// "1.9 times chronyd": the highest rate beside each other one. All are searches of one kind.
function comparedByRate(runs) {
  const [best, ...rest] = [...runs].sort((a, b) => b.own.rate - a.own.rate);
  if (new Set(runs.map(objectiveText)).size > 1) return 'The objectives of the searches differ, so their rates cannot be compared.';
  return `${best.label} answered the most: ${joinText(rest.map((r) => `${timesText(best.own.rate / r.own.rate)} ${r.label}`))}.`;
}

// Latencies can be compared at one rate only.
function comparedByLatency(runs) {
  const p99 = (r) => number(r.raw, 'latency_ns', 'p99'), rates = runs.map((r) => r.own.rate);
  if (!runs.every((r) => p99(r) > 0) || Math.max(...rates) > 1.05 * Math.min(...rates)) return '';
  const [best, ...rest] = [...runs].sort((a, b) => p99(a) - p99(b));
  return `At one rate, ${best.label} answered 99 % of its requests the soonest. In comparison, ${joinText(rest.map((r) => `${r.label} took ${longerText(p99(r) / p99(best))}`))}.`;
}

function comparisonsOf(runs) {
  const searches = runs.filter(found), others = runs.filter((r) => !found(r));
  return [searches.length > 1 ? comparedByRate(searches) : '', others.length > 1 ? comparedByLatency(others) : ''];
}

const timesText = (x) => (x < 1.05 ? 'about as much as' : `${x < 10 ? new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(x) : three.format(x)} times`);
const longerText = (x) => (x < 1.05 ? 'about as long' : `${timesText(x)} as long`);
const joinText = (parts) => (parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts[parts.length - 1]}` : parts[0]);

// Key exchanges are compared among themselves, and so are requests.
function summaryOf(runs) {
  const kinds = [...new Set(runs.map(thingOf))].map((thing) => runs.filter((r) => thingOf(r) === thing));
  return make('div', { class: 'summary' },
    runs.map((r) => make('p', {}, runs.length > 1 ? make('strong', {}, `${r.label}: `) : null, meaningOf(r))),
    kinds.flatMap(comparisonsOf).filter(Boolean).map((text) => make('p', { class: 'compared' }, text)));
}
