"use strict";
// Draws the run: filters what is shown, gives every moment a place, puts the picture together.

const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const RANK = { ask: 0, send: 2, answer: 4, reply: 6 };
/** How wide a letter of a label is. */
const CHAR = 6.35;
const state = { text: "", who: "", row: 15, picked: new Set() };
const broken = new Set(data.violations.flatMap((violation) => violation.commands));
const brokenIds = data.violations.flatMap((violation) => violation.what.match(/\b1\d{9}\b/g) ?? []);
let places = null;

const esc = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const time = (ms) => String(Math.round(ms * 1000) / 1000);
const isBroken = (arrow) => broken.has(arrow.command) || brokenIds.some((id) => arrow.text.includes(id));
const cut = (text, chars) => (text.length <= chars ? text : text.slice(0, Math.max(1, chars - 1)) + "…");

// ---- what is shown

/** The numbers of the commands that the filter lets through. */
function chosen() {
  const text = state.text.trim().toLowerCase();
  const [kind, number] = state.who.split(":");
  const onStream = new Set(data.arrows.filter((a) => a.stream === +number).map((a) => a.command));
  const isChosen = (command, index) => {
    const words = [command.id, command.text, ...command.keys].join(" ").toLowerCase();
    const who = { client: command.client === +number, connection: command.connection === +number,
      stream: onStream.has(index), broken: broken.has(index), "": true };
    return words.includes(text) && who[kind];
  };
  return new Set(data.commands.flatMap((command, i) => (isChosen(command, i) ? [i] : [])));
}

const isFiltered = () => state.text.trim() !== "" || state.who !== "";

/** The arrows that are shown: those of chosen commands, and nobody's if nothing is left out. */
function shownArrows(commands) {
  return data.arrows.map((arrow, index) => ({ ...arrow, index }))
    .filter((arrow) => (arrow.command === null ? !isFiltered() : commands.has(arrow.command)));
}

// ---- where it is

/** Whether a lane is that of a proxy. */
const isProxy = (lane) => data.proxies.includes(lane);

/** Across: lanes with nothing in them are left out; there is more room beside a proxy. */
function columns(arrows) {
  const bars = isFiltered() ? [] : data.bars;
  const used = new Set([...data.proxies, ...bars.map((bar) => bar.lane),
    ...arrows.flatMap((arrow) => [arrow.from, arrow.to])]);
  const lanes = data.lanes.map((_, lane) => lane).filter((lane) => used.has(lane));
  const room = by("stage").clientWidth - 290;
  const width = Math.max(92, Math.min(230, room / (lanes.length + 0.65)));
  const x = new Map();
  let at = width * 0.45;
  lanes.forEach((lane, place) => {
    const besideProxy = isProxy(lane) || isProxy(lanes[place - 1]);
    if (place > 0) at += width * (besideProxy ? 1.6 : 1);
    x.set(lane, at);
  });
  return { lanes, x, width, total: at + Math.max(190, width * 0.75) };
}

/** What happens at one time, each with a row of its own in its lane, none above what led to it. */
function rowsOfTick(events) {
  const next = new Map(), ofCommand = new Map();
  let most = 0;
  events.sort((a, b) => a.rank - b.rank || a.arrow.index - b.arrow.index);
  for (const event of events) {
    const { arrow, lane } = event;
    const side = `${lane} ${isProxy(lane) && RANK[arrow.way] % 6 === 0 ? "left" : "right"}`;
    const own = arrow.command === null ? `arrow ${arrow.index}` : arrow.command;
    event.row = Math.max(next.get(side) ?? 0, ofCommand.get(own) ?? 0);
    next.set(side, event.row + 1);
    ofCommand.set(own, event.row);
    most = Math.max(most, event.row);
  }
  return most + 1;
}

/** Down: every time at which something happens gets the rows it needs, and pauses are short. */
function layout(arrows) {
  const ticks = new Map();
  const tick = (at) => ticks.get(at) ?? ticks.set(at, { at, events: [] }).get(at);
  for (const arrow of arrows) {
    const rank = RANK[arrow.way];
    arrow.start = { arrow, rank, lane: arrow.from };
    tick(arrow.at).events.push(arrow.start);
    if (arrow.end === null) continue;
    arrow.finish = { arrow, rank: rank + 1, lane: arrow.to };
    tick(arrow.end).events.push(arrow.finish);
  }
  data.violations.forEach((violation) => tick(violation.at));
  if (!isFiltered()) data.bars.forEach((bar) => [bar.from, bar.to].forEach(tick));
  const order = [...ticks.values()].sort((a, b) => a.at - b.at);
  let y = 8, before = order[0]?.at ?? 0;
  for (const tick of order) {
    const pause = tick.at - before;
    if (pause > 0) y += (3 + 7 * Math.log2(1 + pause)) * state.row / 15;
    const rows = rowsOfTick(tick.events);
    tick.y = y;
    tick.bottom = y + rows * state.row;
    tick.events.forEach((event) => { event.y = y + (event.row + 0.75) * state.row; });
    y = tick.bottom;
    before = tick.at;
  }
  return { ticks: order, at: ticks, height: y + 90 };
}

/** Where a time is that need not have a tick: of a tick its top or its bottom. */
function heightOf(time, edge, { ticks, at }) {
  if (at.has(time)) return at.get(time)[edge];
  const next = ticks.findIndex((tick) => tick.at > time);
  if (next <= 0) return next < 0 ? ticks.at(-1)?.bottom ?? 0 : 0;
  const [a, b] = [ticks[next - 1], ticks[next]];
  return a.bottom + (b.y - a.bottom) * (time - a.at) / (b.at - a.at);
}

// ---- what it looks like

function drawLanes({ lanes, x }, height) {
  return lanes.map((lane) => {
    const kind = isProxy(lane) ? " proxy" : "";
    return `<g class="lane${kind}" data-lane="${esc(data.lanes[lane])}">` +
      `<line x1="${x.get(lane)}" x2="${x.get(lane)}" y1="0" y2="${height}"/></g>`;
  }).join("");
}

function drawBars({ x, width }, down) {
  const ends = new Map(), labels = new Map();
  return data.bars.map((bar, index) => {
    if (!x.has(bar.lane)) return "";
    const taken = ends.get(bar.lane) ?? [];
    let column = taken.findIndex((end) => end < bar.from);
    if (column < 0) column = taken.length;
    taken[column] = bar.to;
    ends.set(bar.lane, taken);
    const left = x.get(bar.lane) - 6 - column * 13, top = heightOf(bar.from, "y", down);
    const height = Math.max(7, heightOf(bar.to, "bottom", down) - top);
    const line = Math.max(top + 9, (labels.get(bar.lane) ?? 0) + 11);
    labels.set(bar.lane, line);
    const label = cut(bar.text.replace(/ (until|at once).*/, ""), width / CHAR);
    return `<g class="fault" data-bar="${index}">` +
      `<rect class="bar" x="${left}" y="${top}" width="12" height="${height}" rx="3"/>` +
      `<text x="${x.get(bar.lane) + 10}" y="${line}">${esc(label)}</text></g>`;
  }).join("");
}

/** A reply without its framing. */
function plain(text) {
  const [first, ...rest] = text.split("\\r\\n");
  if (first === "_" || /^[$*]-1$/.test(first)) return "nil";
  if ("+-:#,(".includes(first[0])) return first[0] === "-" ? first : first.slice(1);
  if (first[0] === "$") return `"${rest[0] ?? ""}"`;
  return first[0] === "*" || first[0] === "~" || first[0] === "%" ? `[${first.slice(1)}]` : text;
}

function label(arrow, width) {
  const command = data.commands[arrow.command];
  const id = command ? `${command.client}·${+command.id.slice(4)}` : "";
  const isBack = arrow.way === "answer" || arrow.way === "reply";
  const text = isBack ? plain(arrow.text) : arrow.text.replaceAll(command?.id ?? "\0", "·");
  const chars = Math.floor((width * (isBack ? 0.75 : 0.95) - 16) / CHAR) - id.length;
  return { id, text: cut(text, Math.max(3, chars)) };
}

function classes(arrow, kind) {
  return [kind, arrow.way, arrow.is_error && "error", arrow.is_late && "late", arrow.end === null && "lost",
    isBroken(arrow) && "broken", state.picked.has(arrow.command) && "picked"].filter(Boolean).join(" ");
}

function drawArrow(arrow, { x }) {
  const x1 = x.get(arrow.from), whole = x.get(arrow.to) - x1, y1 = arrow.start.y;
  const isLost = arrow.end === null;
  const way = Math.sign(whole);
  const x2 = isLost ? x1 + whole * 0.55 : x1 + whole - way * 3;
  const y2 = isLost ? y1 : arrow.finish.y;
  const bend = [x1 + (x2 - x1) * 0.55, y1, x2 - (x2 - x1) * 0.3, y2].map((n) => n.toFixed(1)).join(" ");
  const line = `M${x1.toFixed(1)} ${y1.toFixed(1)}C${bend} ${x2.toFixed(1)} ${y2.toFixed(1)}`;
  const tip = isLost ? "M-4,-4L4,4M-4,4L4,-4" : `M0,0L${-7.5 * way},-3.2L${-7.5 * way},3.2Z`;
  return `<g class="${classes(arrow, "arrow")}" data-i="${arrow.index}"><path class="hit" d="${line}"/>` +
    `<path d="${line}"/><path class="${isLost ? "cross" : "tip"}" d="${tip}" ` +
    `transform="translate(${x2.toFixed(1)},${y2.toFixed(1)})"/></g>`;
}

/** What an arrow says, above all arrows. */
function drawLabel(arrow, { x, width }) {
  const way = Math.sign(arrow.to - arrow.from);
  const { id, text } = label(arrow, width);
  const start = x.get(arrow.from) + way * 9, y = arrow.start.y - 2.5;
  const long = (id.length + 1 + text.length) * CHAR + 4;
  const left = way < 0 ? start - long + 2 : start - 2;
  const anchor = way < 0 ? ` text-anchor="end"` : "";
  return `<g class="${classes(arrow, "label")}" data-i="${arrow.index}">` +
    `<rect x="${left.toFixed(1)}" y="${(y - 9).toFixed(1)}" width="${long.toFixed(1)}" height="11"/>` +
    `<text x="${start.toFixed(1)}" y="${y.toFixed(1)}"${anchor}><tspan class="id">${id}</tspan> ${esc(text)}</text></g>`;
}

function drawViolations({ total }, { at }) {
  const ends = new Map();
  return data.violations.map((violation, index) => {
    const { bottom: y } = at.get(violation.at);
    const text = `${violation.kind} broken at ${time(violation.at)} ms`;
    const width = text.length * 6.6 + 14, left = ends.get(y) ?? 4;
    const line = ends.has(y) ? "" : `<rect class="wash" x="0" y="${y - 12}" width="${total}" height="24"/>` +
      `<line x1="0" x2="${total}" y1="${y}" y2="${y}"/>`;
    ends.set(y, left + width + 4);
    return `<g class="violation" id="violation-${index}">${line}` +
      `<rect class="flag" x="${left}" y="${y - 9}" width="${width}" height="18" rx="4"/>` +
      `<text x="${left + 7}" y="${y + 4}">${esc(text)}</text></g>`;
  }).join("");
}

function drawAxis({ ticks }) {
  let last = -99, before = null;
  return ticks.map((tick) => {
    let text = "";
    if (before && tick.at - before.at >= 50) {
      const middle = (before.bottom + tick.y) / 2 + 4;
      text += `<text class="pause" x="64" y="${middle}">⋮ ${time(tick.at - before.at)}</text>`;
      last = middle;
    }
    before = tick;
    if (tick.y - last < 13) return text;
    last = tick.y;
    return text + `<text x="64" y="${tick.y + 10}">${time(tick.at)}</text>`;
  }).join("");
}

function draw() {
  const commands = chosen(), arrows = shownArrows(commands);
  const across = columns(arrows), down = layout(arrows);
  places = { across, down };
  const size = (svg, width) => { svg.setAttribute("width", width); svg.setAttribute("height", down.height); };
  size(by("chart"), across.total);
  size(by("axis"), 76);
  by("axis").innerHTML = drawAxis(down);
  by("heads").style.width = `${across.total}px`;
  by("heads").innerHTML = across.lanes.map((lane) => `<div class="head${isProxy(lane) ? " proxy" : ""}" ` +
    `style="left:${across.x.get(lane)}px">${esc(data.lanes[lane])}</div>`).join("");
  const lines = down.ticks.map(({ y }) => `<path class="tick" d="M0,${y}H${across.total}"/>`).join("");
  by("chart").innerHTML = lines + drawLanes(across, down.height) + drawBars(across, down) +
    arrows.map((arrow) => drawArrow(arrow, across)).join("") + drawViolations(across, down) +
    (state.row < 11 ? "" : arrows.map((arrow) => drawLabel(arrow, across)).join(""));
  by("chart").classList.toggle("picking", state.picked.size > 0);
  by("count").textContent = `${commands.size} of ${data.commands.length} commands`;
}

// ---- what can be done

function describe(arrow) {
  const lost = arrow.end === null ? "lost" : `arrived ${time(arrow.end - arrow.at)} ms later`;
  const stream = arrow.stream === null ? "" : `, stream #${arrow.stream}`;
  const late = arrow.is_late ? ", too late: discarded" : "";
  return `<b>${esc(data.lanes[arrow.from])} → ${esc(data.lanes[arrow.to])}</b> ` +
    `<span class="soft">at ${time(arrow.at)} ms, ${lost}${stream}${late}</span>` +
    `<br><code>${esc(arrow.text)}</code>`;
}

function describeBar(bar) {
  return `<b>${esc(data.lanes[bar.lane])}</b> <span class="soft">${time(bar.from)} to ${time(bar.to)} ms</span>` +
    `<br><code>${esc(bar.text)}</code>`;
}

/** Shows all that became of these commands. */
function pick(commands) {
  state.picked = new Set(commands);
  by("chart").classList.toggle("picking", state.picked.size > 0);
  for (const arrow of by("chart").querySelectorAll(".arrow, .label")) {
    arrow.classList.toggle("picked", state.picked.has(data.arrows[arrow.dataset.i].command));
  }
  by("detail").hidden = state.picked.size === 0;
  by("detail").innerHTML = [...state.picked].slice(0, 5).map((number) => {
    const command = data.commands[number];
    const bad = command.verdict === "done" ? "" : ` class="bad"`;
    const steps = data.arrows.filter((arrow) => arrow.command === number);
    return `<h2>${esc(command.text)}</h2><span class="soft">${esc(command.id)}, client-${command.client}, ` +
      `connection ${command.connection}:</span> <b${bad}>${esc(command.verdict)}</b><table>` +
      steps.map((arrow) => `<tr><td>${time(arrow.at)}</td><td>${describe(arrow)}</td></tr>`).join("") +
      "</table>";
  }).join("");
}

function jump(number) {
  const violation = data.violations[number];
  if (!violation) return;
  const y = places.down.at.get(violation.at).bottom;
  by("stage").scrollTop = Math.max(0, y - by("stage").clientHeight * 0.6);
  pick(violation.commands);
}

function tell(event) {
  const arrow = event.target.closest(".arrow, .label"), bar = event.target.closest(".fault");
  by("tip").hidden = !arrow && !bar;
  if (by("tip").hidden) return;
  by("tip").innerHTML = arrow ? describe(data.arrows[arrow.dataset.i]) : describeBar(data.bars[bar.dataset.bar]);
  const { offsetWidth: width, offsetHeight: height } = by("tip");
  by("tip").style.left = `${Math.min(event.clientX + 14, innerWidth - width - 8)}px`;
  by("tip").style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18}px`;
}

function zoom(by) {
  state.row = Math.max(4, Math.min(40, state.row * by));
  draw();
}

function clear() {
  Object.assign(state, { text: "", who: "" });
  by("text").value = by("who").value = "";
  draw();
  pick([]);
}

function options() {
  const option = (value, text) => `<option value="${value}">${esc(text)}</option>`;
  const group = (name, items) => (items.length ? `<optgroup label="${name}">${items.join("")}</optgroup>` : "");
  const unique = (values) => [...new Set(values)].sort((a, b) => a - b);
  const clients = unique(data.commands.map((command) => command.client));
  const owner = new Map(data.commands.map((command) => [command.connection, command.client]));
  const streams = new Map(data.arrows.filter((a) => a.way === "send").map((a) => [a.stream, data.lanes[a.to]]));
  by("who").innerHTML = option("", "all clients and connections") +
    (broken.size ? option("broken:", "what was broken") : "") +
    group("clients", clients.map((client) => option(`client:${client}`, `client-${client}`))) +
    group("client connections", unique([...owner.keys()]).map((connection) =>
      option(`connection:${connection}`, `connection ${connection} of client-${owner.get(connection)}`))) +
    group("node connections", unique([...streams.keys()]).map((stream) =>
      option(`stream:${stream}`, `#${stream} to ${streams.get(stream)}`)));
}

function listen() {
  by("text").addEventListener("input", () => { state.text = by("text").value; draw(); });
  by("who").addEventListener("change", () => { state.who = by("who").value; draw(); });
  by("controls").addEventListener("submit", (event) => event.preventDefault());
  by("smaller").addEventListener("click", () => zoom(0.8));
  by("larger").addEventListener("click", () => zoom(1.25));
  by("reset").addEventListener("click", clear);
  by("verdicts").addEventListener("click", (event) => jump(event.target.dataset.number));
  by("stage").addEventListener("mousemove", tell);
  by("stage").addEventListener("mouseleave", () => { by("tip").hidden = true; });
  by("chart").addEventListener("click", (event) => {
    const arrow = event.target.closest(".arrow, .label");
    const command = arrow ? data.arrows[arrow.dataset.i].command : null;
    pick(command === null ? [] : [command]);
  });
  addEventListener("resize", draw);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") clear();
    if (event.target === by("text")) return;
    if (event.key === "/") { event.preventDefault(); by("text").focus(); }
    if (event.key === "+") zoom(1.25);
    if (event.key === "-") zoom(0.8);
  });
}

function begin() {
  document.title = `${data.title} · redpoll-sim`;
  by("title").textContent = data.title;
  by("facts").textContent = `commit ${data.commit} · ${data.commands.length} commands in ${(data.took / 1000).toFixed(2)} virtual s`;
  by("verdicts").innerHTML = data.violations.map((violation, number) =>
    `<button type="button" data-number="${number}" title="${esc(violation.what)}">` +
    `${esc(`${violation.kind} at ${time(violation.at)} ms: ${violation.what}`)}</button>`).join("") ||
    `<span class="well">all is well</span>`;
  options();
  listen();
  draw();
  jump(0);
}

begin();
