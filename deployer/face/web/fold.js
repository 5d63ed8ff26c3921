// What the page shows: a fold of the event stream into rows, as deployer/core/view.py has it.
// fold(rows, event) changes `rows` (a Map by deployment) and says whose row has changed, or "".

const FINAL = new Set(["proved", "failed", "cancelled"]);
// Seconds without a tick in which nothing moved; on the slowest line there is one in less.
const STOOD = 60;
// Lines of a simulated PC's screen.
const SCREEN = 40;

export function fold(rows, event) {
  if (event.event === "deployment-staged") {
    const before = rows.get(event.deployment);
    rows.set(event.deployment, staged(event, before ? before.attempt + 1 : 1));
    return event.deployment;
  }
  const row = rows.get(event.deployment);
  if (!row) return "";
  apply(row, event);
  return event.deployment;
}

// An event of an agent, into the agents by their ids; true when it has sent a new screen.
export function foldAgent(agents, event) {
  const agent = agents.get(event.agent) || { agent: event.agent, name: "", target: event.peer || "", address: "", here: false, gone: "", busy: "", system: "", cpu: "", memory: 0 };
  switch (event.event) {
    case "agent-enrolled": agents.set(event.agent, { ...agent, name: event.name }); return false;
    case "agent-hello":
      agents.set(event.agent, { ...agent, here: true, gone: "", address: event.peer, name: agent.name || event.name, system: event.system, cpu: event.cpu, memory: event.memory });
      return false;
    case "agent-gone":
      if (event.why === "remove" || event.why === "dropped") agents.delete(event.agent);
      else agents.set(event.agent, { ...agent, here: false, gone: event.why });
      return false;
    case "order-changed": {
      const busy = event.stage === "given" || event.stage === "taken" ? event.what : "";
      agents.set(event.agent, { ...agent, busy });
      return event.what === "SCREEN" && event.stage === "done";
    }
    default: return false;
  }
}

// A row as the host keeps it, for what was before the page.
export function restored(row) {
  const parts = new Map(row.parts.map((part) => [part.name, part]));
  return { ...row, parts, seconds: row.moving_seconds, refetched: row.refetched.length };
}

function staged(event, attempt) {
  const parts = new Map();
  const packs = new Map((event.packs || []).map((pack) => [pack.name, pack.length]));
  for (const file of event.files) {
    if (!file.parts && packs.has(file.first_part) && !parts.has(file.first_part)) {
      parts.set(file.first_part, { name: file.first_part, file: "", length: packs.get(file.first_part), state: "waiting", moved: 0, fetches: 0, why: "" });
    }
    const base = file.first_part.slice(0, Math.max(file.first_part.lastIndexOf("."), 0));
    for (let number = 1; number <= file.parts; number++) {
      const name = `${base}.${String(number).padStart(3, "0")}`;
      const left = file.length - (number - 1) * file.part_size;
      const length = Math.min(file.part_size, left);
      parts.set(name, { name, file: file.name, length, state: "waiting", moved: 0, fetches: 0, why: "" });
    }
  }
  return {
    deployment: event.deployment, target: event.target, at: event.at, directory: event.directory,
    run: event.run, total: event.total, files: event.files, attempt, parts,
    state: "staged", reason: "", since: event.at, current: "", moved: 0, seconds: 0, refetched: 0,
    part_at: 0, tick_at: 0, last_rate: null, paused: false, presence: "", advice: "", info: null,
    report: null, output: "", proof: null, screen: [], typed: "",
  };
}

function apply(row, event) {
  switch (event.event) {
    case "state-changed":
      if (final(row)) return;
      Object.assign(row, { state: event.state, reason: event.reason, since: event.at });
      if (final(row)) Object.assign(row, { current: "", paused: false });
      return;
    case "pause-changed": row.paused = event.paused; return;
    case "presence-changed":
      Object.assign(row, { presence: event.how, advice: event.advice });
      return;
    case "target-found": row.target = event.peer; return;
    case "transfer-started": case "transfer-tick": case "transfer-done": case "transfer-cut":
      transfer(row, event);
      return;
    case "target-reported": reported(row, event.report); return;
    case "screen-line":
      row.screen = [...row.screen, ...event.text.split("\n")].slice(-SCREEN);
      row.typed = "";
      return;
    case "screen-typed": row.typed = event.text; return;
    case "output-received": row.output = event.text; return;
    case "proof-received":
      reported(row, event.proof.report);
      row.proof = event.proof;
  }
}

function transfer(row, event) {
  const part = row.parts.get(event.name);
  if (!part) return;
  switch (event.event) {
    case "transfer-started":
      if (part.fetches) row.refetched += 1;
      Object.assign(part, { state: "moving", moved: 0, fetches: part.fetches + 1 });
      Object.assign(row, { current: part.name, part_at: event.at, tick_at: event.at });
      return;
    case "transfer-tick":
      part.moved = event.moved;
      // A cable that was unplugged, or a lid that was closed, says nothing of the line's speed.
      if (event.at - row.tick_at > STOOD) row.part_at += event.at - row.tick_at;
      row.tick_at = event.at;
      return;
    case "transfer-done":
      Object.assign(part, { state: "fetched", moved: 0 });
      row.current = "";
      row.moved += part.length;
      row.seconds += event.seconds;
      if (event.seconds > 0) row.last_rate = part.length / event.seconds;
      return;
    case "transfer-cut":
      Object.assign(part, { state: "waiting", moved: 0, why: event.why });
      row.current = "";
      row.moved += event.moved;
      row.seconds += Math.max(event.at - row.part_at, 0);
  }
}

// The target's own word replaces what the host thought of every part.
function reported(row, report) {
  if (report.deployment !== row.deployment) { row.info = report; return; }
  const whole = new Set(report.files.filter((file) => file.verdict === "good").map((file) => file.name));
  const here = new Map(report.have.map(([name, numbers]) => [name, ranges(numbers)]));
  const bad = new Set(report.bad.map(([name]) => name));
  for (const part of row.parts.values()) {
    const cut = part.state === "waiting" && part.why;
    const number = Number(part.name.slice(part.name.lastIndexOf(".") + 1));
    if (whole.has(part.file) || (here.get(part.file) || new Set()).has(number)) part.state = "proved";
    else if (bad.has(part.name)) part.state = "bad";
    else part.state = "waiting";
    if (part.state === "bad" && !cut) part.why = "its CRC-32 was wrong on the PC's disk";
    part.moved = 0;
  }
  row.report = report;
  row.info = row.info || report;
}

function ranges(text) {
  const found = new Set();
  for (const piece of text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(piece.trim());
    if (!match) continue;
    const last = Math.min(Number(match[2] || match[1]), 999);
    for (let number = Number(match[1]); number <= last; number++) found.add(number);
  }
  return found;
}

export function final(row) { return FINAL.has(row.state); }

// Bytes that are on the target as far as is known: proved, fetched, and under way.
export function hereBytes(row) {
  let sum = 0;
  for (const part of row.parts.values()) {
    sum += part.state === "proved" || part.state === "fetched" ? part.length : part.moved;
  }
  return sum;
}

export function partBytes(row) {
  let sum = 0;
  for (const part of row.parts.values()) sum += part.length;
  return sum;
}

// Bytes per second of the part that moves; between parts that of the last one.
export function rateNow(row) {
  const part = row.parts.get(row.current);
  if (part && part.moved && row.tick_at > row.part_at) return part.moved / (row.tick_at - row.part_at);
  return row.last_rate;
}
