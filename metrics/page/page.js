"use strict";
// Reads /metrics and /history every ten seconds and shows them. All text from the server becomes text nodes.

const PERIOD_MS = 10000;
const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 170, LEFT = 62, BOTTOM = 20, TOP = 8;

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Prometheus' text: [{name, labels, value}].
function samplesOf(text) {
  const samples = [];
  for (const line of text.split("\n")) {
    const found = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!found) continue;
    const labels = {};
    for (const [, key, value] of (found[2] || "").matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g))
      labels[key] = value.replace(/\\(.)/g, "$1");
    samples.push({name: found[1], labels, value: Number(found[3])});
  }
  return samples;
}

function number(value, unit) {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (unit === "s") {
    if (size === 0) return "0 s";
    for (const [scale, name] of [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]])
      if (size >= scale) return `${Number((value / scale).toPrecision(3))} ${name}`;
    return `${Number((value / 1e-9).toPrecision(3))} ns`;
  }
  if (unit === "%") return `${Number((value * 100).toPrecision(3))} %`;
  for (const [scale, name] of [[1e9, " G"], [1e6, " M"], [1e4, " k"]])
    if (size >= scale) return `${Number((value / (name === " k" ? 1e3 : scale)).toPrecision(3))}${name}`;
  return String(Number(value.toPrecision(3)));
}

function span(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

// A counter's increase a second between points. After a restart a counter begins at 0 again.
function rates(values, step) {
  return values.slice(1).map((v, i) => v === null || values[i] === null ? null : (v >= values[i] ? v - values[i] : v) / step);
}

function ticks(most) {
  if (!(most > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 5, 10].map((n) => n * power / 2).find((n) => most / n <= 4);
  const all = [];
  for (let at = 0; at < most + step * 0.999; at += step) all.push(at);
  return all;
}

// series: [{name, values}], all of one length; the last point is now.
function chart(title, series, step, unit, note) {
  const box = element("div", undefined, "chart");
  box.append(element("h2", title));
  const shown = series.filter((s) => s.values.some((v) => v !== null)).slice(0, 8);
  if (!shown.length) {
    box.append(element("p", note || "nothing yet", "quiet"));
    return box;
  }
  const WIDTH = Math.min(440, Math.max(280, document.documentElement.clientWidth - 60)); // so that text keeps its size
  const points = Math.max(2, ...shown.map((s) => s.values.length));
  const all = shown.flatMap((s) => s.values.filter((v) => v !== null));
  const marks = ticks(Math.max(0, ...all)), least = Math.min(0, ...all);
  const below = least < 0 ? ticks(-least).slice(1).map((v) => -v) : [];
  const high = marks[marks.length - 1], low = below.length ? below[below.length - 1] : 0;
  const x = (i) => LEFT + (WIDTH - LEFT - 4) * i / (points - 1);
  const y = (v) => HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (v - low) / (high - low);
  const picture = shape("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title});
  for (const v of [...marks, ...below]) {
    picture.append(shape("line", {class: "grid", x1: LEFT, x2: WIDTH - 4, y1: y(v), y2: y(v)}));
    picture.append(shape("text", {x: LEFT - 6, y: y(v) + 4, "text-anchor": "end"}, number(v, unit)));
  }
  picture.append(shape("text", {x: LEFT, y: HEIGHT - 5}, `${span((points - 1) * step)} ago`));
  picture.append(shape("text", {x: WIDTH - 4, y: HEIGHT - 5, "text-anchor": "end"}, "now"));
  const legend = element("ul", undefined, "legend");
  shown.forEach((s, n) => {
    let path = "", pen = "M";
    const first = points - s.values.length;
    s.values.forEach((v, i) => {
      if (v === null) { pen = "M"; return; }
      path += `${pen}${x(first + i).toFixed(1)} ${y(v).toFixed(1)}`;
      pen = "L";
    });
    picture.append(shape("path", {class: `s${n}`, d: path}));
    const item = element("li");
    const sign = shape("svg", {viewBox: "0 0 10 10", "aria-hidden": "true"});
    sign.append(shape("path", {class: `s${n}`, d: "M0 5H10"}));
    item.append(sign, `${s.name} ${number(s.values[s.values.length - 1], unit)}`);
    legend.append(item);
  });
  box.append(picture, legend);
  return box;
}

function charts(history) {
  const {step_s: step, series} = history;
  const rate = (name) => rates(series[name], step);
  const group = (prefix, skip = []) => Object.keys(series).filter((k) => k.startsWith(prefix) && !skip.includes(k))
    .map((k) => ({name: k.slice(prefix.length).replaceAll("_", " "), values: rate(k)}))
    .sort((a, b) => Math.max(...b.values) - Math.max(...a.values));
  const named = (names) => names.filter((k) => series[k]).map((k) => ({name: k.replaceAll("_", " "), values: rate(k)}));
  const seconds = (key, name) => series[key] ? [{name, values: series[key].map((v) => v === null ? null : v / 1e9)}] : [];
  const busy = series.busy_cycles && history.tsc_hz > 0
    ? [{name: "all cores; 100 % is one core", values: rate("busy_cycles").map((v) => v === null ? null : v / history.tsc_hz)}] : [];
  return [
    chart("Replies a second", group("answered_"), step, "", "no request yet"),
    chart("Drops a second, by reason", [...named(["rx_missed"]).map((s) => ({...s, name: "lost by the device"})), ...group("dropped_")]
      .filter((s) => s.values.some((v) => v > 0)), step, "", "none in this time"),
    chart("Error of the clock at most", seconds("error_bound_ns", "bound"), step, "s"),
    chart("Source minus system clock", seconds("noonmark_clock_source_offset_seconds", "offset"), step, "s", "this source has no clock of its own"),
    chart("Key exchanges a second", named(["completed", "no_common", "error_critical", "error_request", "error_internal",
      "late_handshake", "late_request", "no_handshake", "no_alpn", "abandoned"]), step, "", "none yet"),
    chart("Busy time of the cores", busy, step, "%", "no packet yet"),
  ];
}

function fill(id, head, rows) {
  const table = document.getElementById(id);
  const top = element("tr");
  head.forEach((text) => top.append(element("th", text)));
  const made = rows.map((cells) => {
    const row = element("tr");
    cells.forEach(([text, kind]) => row.append(element("td", text, kind)));
    return row;
  });
  table.replaceChildren(top, ...made);
}

function show(samples, history) {
  const all = (name) => samples.filter((s) => s.name === `noonmark_${name}`);
  const one = (name) => all(name)[0]?.value ?? null;
  const build = all("build_info")[0]?.labels ?? {}, source = all("clock_source_info")[0]?.labels ?? {};
  const ntp = all("process_starts_total").some((s) => s.labels.process === "dataplane"); // false with `role: ke`
  document.getElementById("server").textContent =
    `${location.host} · version ${build.version} · ${build.crypto || (ntp ? "no dataplane yet" : "NTS-KE alone")} · ${new Date().toLocaleTimeString()}`;

  const state = document.getElementById("state"), reason = all("clock_unhealthy").find((s) => s.value === 1)?.labels.reason;
  const silent = all("process_heartbeat_age_seconds").filter((s) => s.value > 5).map((s) => s.labels.process);
  const [text, kind] = one("clock_synchronised") === 1 && !silent.length ? ["Serving a healthy clock", "good"]
    : !ntp && !silent.length ? ["Serving NTS-KE alone", "good"]
    : reason ? [`The clock is unhealthy: ${reason}`, "bad"]
    : silent.length ? [`No sign of life: ${silent.join(", ")}`, "bad"] : ["The clock is not served as synchronised", "bad"];
  state.textContent = text;
  state.className = `state ${kind}`;

  const last = (name) => { const v = history.series[name] ? rates(history.series[name], history.step_s) : []; return v.length ? v[v.length - 1] : null; };
  const sum = (names) => names.map(last).filter((v) => v !== null).reduce((a, b) => a + b, 0);
  const left = Math.min(...all("certificate_expiry_timestamp_seconds").map((s) => s.value)) - Date.now() / 1000;
  const facts = [
    ["Replies a second", number(sum(["answered_plain", "answered_nts", "answered_nak", "answered_kiss"]), "")],
    ["Clock wrong by at most", number(one("clock_error_bound_seconds"), "s")],
    ["Stratum", one("clock_stratum") || "–"],
    ["Source", `${source.source ?? "–"}, ${source.reference ?? ""}`],
    ["Key exchanges a second", number(last("completed") ?? 0, "")],
    ["Open to NTS-KE", number(one("ke_open"), "")],
    ["First certificate ends in", Number.isFinite(left) ? span(Math.max(0, left)) : "–", left < 259200 ? "bad" : left < 1209600 ? "warn" : ""],
    ["Current key is", span(all("key_age_seconds").find((s) => s.labels.role === "current")?.value ?? 0) + " old"],
  ];
  document.getElementById("facts").replaceChildren(...facts.map(([name, value, mark]) => {
    const box = element("div");
    box.append(element("dt", name), element("dd", value, mark));
    return box;
  }));
  document.getElementById("charts").replaceChildren(...charts(history));

  fill("processes", ["process", "last sign of life", "starts"], all("process_heartbeat_age_seconds").map((s) => [
    [s.labels.process], [number(s.value, "s"), s.value > 5 ? "bad" : ""],
    [String(all("process_starts_total").find((n) => n.labels.process === s.labels.process)?.value ?? "–")]]));
  fill("ports", ["port", "driver", "mode", "stamps", "link"], all("port_info").map(({labels: l}) => {
    const up = all("port_link_up").find((s) => s.labels.port === l.port)?.value === 1;
    return [[l.port, l.port.length > 16 ? "long" : ""], [l.driver], [l.mode], [l.stamps], [up ? "up" : "down", up ? "" : "bad"]];
  }));
  fill("certificates", ["chain", "expires"], all("certificate_expiry_timestamp_seconds").map((s) => [
    [s.labels.chain, "long"], [new Date(s.value * 1000).toLocaleString(), s.value * 1000 < Date.now() ? "bad" : ""]]));
  fill("keys", ["id", "role", "age"], all("key_age_seconds").map((s) => [[s.labels.id], [s.labels.role], [span(s.value)]]));
}

let latest = null; // history
addEventListener("resize", () => { // charts are as wide as the screen lets them
  if (latest) document.getElementById("charts").replaceChildren(...charts(latest));
});

async function read(path) {
  const answer = await fetch(path, {cache: "no-store"});
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer;
}

async function turn() {
  try {
    const [samples, history] = await Promise.all([read("/metrics").then((a) => a.text()), read("/history").then((a) => a.json())]);
    latest = history;
    show(samplesOf(samples), history);
    document.body.dataset.shown = "yes";
  } catch (error) {
    const state = document.getElementById("state");
    state.textContent = `No answer from the server (${error.message}); the numbers below are old`;
    state.className = "state bad";
  }
  setTimeout(turn, PERIOD_MS);
}
turn();
