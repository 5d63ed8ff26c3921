// The live page: reads the events, folds them, shows them. It can ask for nothing else.
import { final, fold, foldAgent, hereBytes, partBytes, rateNow, restored } from "/fold.js";
import { LETTERS, WORDS, counts, fieldOf, scale } from "/partmap.js";

// Rows of the map, and how much of a row a block takes, in pixels.
const MAP_ROWS = 6;
const BLOCK = 16;
const LOG_LINES = 60;
const rows = new Map();
const log = [];
const WIRE = {
  gone: (e) => `${e.interface} is gone from this computer. Plug the adapter in again: it goes on.`,
  off: (e) => `${e.interface} was switched off. Switch it on again: it goes on.`,
  bare: (e) => `${e.interface} does not have ${e.address} any more${e.why ? `, and cannot get it: ${e.why}` : ""}.`,
  taken: (e) => `Another machine on the wire (${e.rival}) has our address ${e.address}. Give it another one, or unplug it.`,
};
let newest = -1; // until what was before has been read
let known = 0; // the rows hold what happened up to this number
let chosen = "";
let picked = false;
let older = 0;
let drawing = false;
let listed = ""; // what the list shows
let inView = ""; // whose entry was brought into view
let card = { of: "", lines: [] };
let agents = new Map();
let shot = { of: "", name: "", picture: "" };

const $ = (id) => document.getElementById(id);
const token = location.hash.slice(1) || sessionStorage.getItem("deployer") || "";
sessionStorage.setItem("deployer", token);
history.replaceState(null, "", location.pathname); // the token is no part of an address to hand on

function say(text) { $("line").textContent = text; }

async function watch() {
  let wait = 250;
  for (;;) {
    try {
      if (newest < 0) begin(await (await ask("/v1/before")).json());
      const answer = await ask(`/v1/events?since=${newest}`);
      say("live");
      wait = 250;
      await read(answer.body.getReader());
      say("the daemon has stopped; waiting for it ...");
    } catch (error) {
      if (error === REFUSED) { say("The token is missing or wrong: open the address that deployer serve shows."); return; }
      say(`the daemon does not answer (${error.message}); trying again ...`);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, 5000);
  }
}

const REFUSED = new Error("401");

async function ask(path) {
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(path, { headers, cache: "no-store" });
  if (answer.status === 401) throw REFUSED;
  if (!answer.ok) throw new Error(`the daemon says ${answer.status}`);
  return answer;
}

// The newest rows, and some events before them for the log: however much there was.
function begin(before) {
  for (const row of before.rows) rows.set(row.deployment, restored(row));
  chosen = before.rows.length ? before.rows[before.rows.length - 1].deployment : "";
  older = before.count - before.rows.length;
  known = before.seq;
  newest = Math.max(before.seq - LOG_LINES, 0);
  if (before.wire) wire(before.wire);
  agents = new Map((before.agents || []).map((agent) => [agent.agent, agent]));
  for (const agent of agents.values()) askShot(agent);
  askCard();
  draw();
}

function wire(event) { $("wire").textContent = WIRE[event.state] ? WIRE[event.state](event) : ""; }

// Server-sent events, by fetch: the browser's own reader of them cannot send a token in a header.
async function read(reader) {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) take(block);
    askCard();
    draw();
  }
}

function take(block) {
  let number = 0;
  let data = "";
  let said = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) number = Number(line.slice(4));
    if (line.startsWith("said: ")) said = line.slice(6);
    if (line.startsWith("data: ")) data = line.slice(6);
  }
  if (!data) return;
  const event = JSON.parse(data);
  if (number) newest = number;
  if (event.event === "wire-changed" && number > known) wire(event);
  if (number > known && event.agent && foldAgent(agents, event)) askShot(agents.get(event.agent));
  const changed = number && number <= known ? "" : fold(rows, event);
  if (changed && event.event === "deployment-staged" && !picked) chosen = changed;
  if (said && event.event !== "screen-line") {
    log.push({ at: event.at, deployment: event.deployment, said });
    if (log.length > LOG_LINES) log.shift();
  }
}

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; show(); });
}

function show() {
  const list = [...rows.values()].sort((a, b) => b.at - a.at);
  showList(list);
  $("older").textContent = older > 0 ? `${older} more: deployer history` : "";
  showAgents();
  const row = rows.get(chosen);
  $("chosen").hidden = !row;
  if (row) detail(row);
  $("log").replaceChildren(...[...log].reverse().map((event) => element("li", line(event))));
}

// Only when it has changed: who has the focus in it keeps it, and its place.
function showList(list) {
  const now = JSON.stringify(list.map((row) => [row.deployment, row.target, word(row), row.deployment === chosen]));
  if (now === listed) return;
  listed = now;
  const focused = document.activeElement?.dataset.deployment;
  const top = $("list").scrollTop;
  $("list").replaceChildren(...list.map(entry));
  $("list").scrollTop = top;
  if (inView !== chosen) bring($("list").querySelector("[aria-current]"));
  inView = chosen;
  const here = (button) => button.dataset.deployment === focused;
  if (focused) [...$("list").querySelectorAll("button")].find(here)?.focus();
}

// Into view inside the list, which scrolls for itself on a phone; the page stays where it is.
function bring(button) {
  if (!button) return;
  const [list, here] = [$("list").getBoundingClientRect(), button.getBoundingClientRect()];
  $("list").scrollTop += Math.max(here.bottom - list.bottom, 0) + Math.min(here.top - list.top, 0);
}

function entry(row) {
  const button = element("button", `${row.target === "sim" ? "simulated PC" : row.target}  ${row.deployment}  ${word(row)}`);
  button.className = row.state;
  button.dataset.deployment = row.deployment;
  if (row.deployment === chosen) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => { chosen = row.deployment; picked = true; askCard(); draw(); });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function detail(row) {
  const whole = partBytes(row);
  const here = hereBytes(row);
  $("title").textContent = `${row.deployment} for ${machine(row.target)}: ${row.files.map((f) => f.long_name).join(", ")}`;
  $("state").className = row.state;
  $("state").textContent = doing(row) + (row.reason ? `: ${row.reason}` : "");
  $("presence").textContent = final(row) ? "" : [row.presence, row.advice].filter(Boolean).join(". ");
  $("bar").max = whole || 1;
  $("bar").value = here;
  const rate = final(row) ? row.seconds > 0 && row.moved / row.seconds : rateNow(row);
  const figures = [`${bytes(here)} of ${bytes(whole)}`];
  if (rate) figures.push(`${bytes(rate)}/s`);
  if (rate && row.state === "fetching" && here < whole) figures.push(`about ${duration((whole - here) / rate)} left`);
  if (row.refetched) figures.push(`${row.refetched} ${row.refetched === 1 ? "part" : "parts"} again`);
  if (row.attempt > 1) figures.push(`attempt ${row.attempt}`);
  $("figures").textContent = figures.join(" · ");
  showCard(row); // a map that is hidden has no width
  showMap([...row.parts.values()], again(row));
  $("target").textContent = row.info ? [row.info.system, row.info.cpu].filter(Boolean).join(", ") : "";
  const proved = row.proof ? row.proof.report.files : [];
  $("proof").replaceChildren(...proved.map((file) => element("li", `${file.name}  SHA-256 ${file.sha256}  ${file.verdict}`)));
  const bottom = $("screen").scrollHeight - $("screen").scrollTop - $("screen").clientHeight < 40;
  $("oldpc").hidden = !row.screen.length || final(row) && Boolean(row.output);
  $("screen").textContent = [...row.screen, ...(row.typed ? [row.typed] : [])].join("\n");
  if (bottom) $("screen").scrollTop = $("screen").scrollHeight;
  $("output").hidden = !row.output || !$("oldpc").hidden;
  $("output").textContent = row.output;
}

// What to type on the old PC, in the words of the command line; asked for while it waits.
async function askCard() {
  const row = rows.get(chosen);
  if (!row || !waits(row)) return;
  try {
    card = { of: row.deployment, lines: (await (await ask(`/v1/card/${row.deployment}`)).json()).lines };
    draw();
  } catch { /* it has ended meanwhile, or the daemon has: the stream says so */ }
}

// The screen of an old PC as its agent has sent it last; the newest that came is shown.
async function askShot(agent) {
  if (!agent) return;
  try {
    const picture = await (await ask(`/v1/screen/${agent.agent}`)).blob();
    if (!picture.size) return; // none was taken yet
    const reader = new FileReader();
    reader.onload = () => { shot = { of: agent.agent, name: nameOf(agent), picture: reader.result }; draw(); };
    reader.readAsDataURL(picture); // the page may load pictures from itself alone
  } catch { /* the daemon has ended: the stream says so */ }
}

function nameOf(agent) { return agent.name || agent.address || agent.target; }

function showAgents() {
  $("agents").hidden = agents.size === 0;
  $("agentlist").replaceChildren(...[...agents.values()].map((agent) => element("li", agentLine(agent))));
  $("shot").hidden = !shot.of;
  if (shot.of && $("shotpicture").src !== shot.picture) {
    $("shotpicture").src = shot.picture;
    $("shotpicture").alt = `The screen of ${shot.name}, as it was sent last`;
    $("shotof").textContent = `The last screen: ${shot.name}`;
  }
}

function agentLine(agent) {
  const state = agent.here ? (agent.busy ? `is about ${agent.busy}` : "waits for work") : `is gone${agent.gone ? ` (${agent.gone})` : ""}`;
  const facts = [agent.system && `Windows ${agent.system}`, agent.cpu, agent.memory && `${Math.round(agent.memory / 1024)} MB`];
  return [`${nameOf(agent)} (${agent.address || agent.target}) ${state}`, ...facts].filter(Boolean).join(", ");
}

function waits(row) { return row.state === "staged" || row.state === "waiting"; }

function showCard(row) {
  const here = waits(row) && card.of === row.deployment && card.lines.length > 0;
  $("card").hidden = !here;
  for (const name of ["bar", "figures", "scale", "map", "legend", "again"]) $(name).hidden = here; // nothing moves yet
  $("card").textContent = here ? card.lines.join("\n") : "";
}

// Only the blocks that have changed: there are hundreds of them, and they are drawn with every tick.
function showMap(parts, note) {
  const across = Math.max(Math.floor($("map").clientWidth / BLOCK), 1);
  const field = fieldOf(parts, across * MAP_ROWS);
  const shown = $("map").children;
  while (shown.length > field.cells.length) $("map").lastChild.remove();
  field.cells.forEach(([state, index], at) => {
    const span = shown[at] || $("map").appendChild(document.createElement("span"));
    if (span.className !== state) Object.assign(span, { className: state, textContent: LETTERS[state] });
    const title = describe(parts[index], state);
    if (span.title !== title) span.title = title;
  });
  const found = Object.entries(counts(parts)).filter(([, count]) => count);
  const words = found.map(([state, count]) => `${WORDS[state] || state} ${count}`);
  $("map").setAttribute("aria-label", `Parts: ${words.join(", ")}`);
  $("scale").textContent = parts.length ? `Parts: ${scale(field, parts.length)}` : "";
  $("legend").replaceChildren(...found.map(([state], at) => {
    const letter = element("b", LETTERS[state]);
    letter.className = state;
    const item = element("span", "");
    item.append(letter, ` ${words[at]}`);
    return item;
  }));
  $("again").textContent = note;
}

function describe(part, state) {
  return `${part.name}, ${bytes(part.length)}: ${WORDS[state] || state}${part.why ? ` (${part.why})` : ""}`;
}

// Which parts came again or will, and why: on a phone nothing can be pointed at.
function again(row) {
  const harmed = [...row.parts.values()].filter((part) => part.why || part.fetches > 1);
  if (!harmed.length) return "";
  const shown = harmed.slice(0, 2).map((part) => `${part.name} (${part.why || "asked for again"})`);
  return `again: ${shown.join(", ")}${harmed.length > 2 ? ` and ${harmed.length - 2} more` : ""}`;
}

// What goes on, in the words of deployer/face/words.py.
function doing(row) {
  const over = row.paused ? "; pauses after it" : "";
  switch (row.state) {
    case "fetching": {
      if (!row.current) return row.paused ? "paused: the next part waits on this computer" : "the PC looks for what is missing";
      const number = [...row.parts.keys()].indexOf(row.current) + 1;
      return `fetching part ${number} of ${row.parts.size}, ${row.current}${over}`;
    }
    case "verifying": return "the PC is verifying";
    case "running": return "the program runs on the PC";
    default: return word(row);
  }
}

function machine(target) {
  if (target.startsWith("serial:")) return `the old PC on ${target.slice(7)}`;
  if (target === "any") return "the first PC that asks";
  if (target === "sim" || target.startsWith("sim:")) return `the simulated PC ${target.slice(4)}`.trim();
  return `the old PC at ${target}`;
}

function word(row) { return row.paused ? `${row.state}, paused` : row.state; }

function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text; // never markup: names and output come from elsewhere
  return made;
}

function bytes(count) {
  if (count < 1000) return `${Math.round(count)} bytes`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

function duration(seconds) {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function line(event) {
  const time = new Date(event.at * 1000).toLocaleTimeString();
  return [time, event.deployment, event.said].filter(Boolean).join("  ");
}

addEventListener("resize", () => { listed = inView = ""; draw(); }); // the map fills its room
setInterval(askCard, 5000); // what to look at after a silence
if (token) watch();
else say("The token is missing: open the address that deployer serve shows.");
