// The map of the parts, as deployer/core/partmap.py has it: every block is a slice of a part, or
// stands for several whole parts where there are many.

// What stands in a block, so that nobody needs its colour.
export const LETTERS = { waiting: ".", moving: ">", arrived: "o", verified: "#", damaged: "!", again: "+" };
export const WORDS = { again: "fetched again" };
// Which of several parts in one block is shown: what the user has to know comes first.
const FIRST = ["moving", "damaged", "again", "waiting", "arrived", "verified"];
// Bytes; no block stands for less, but for the end of a part.
const LEAST = 4096;

// What a whole part is.
export function blockOf(part) {
  switch (part.state) {
    case "fetched": return part.fetches > 1 ? "again" : "arrived";
    case "bad": return "damaged";
    case "proved": return "verified";
    default: return part.state;
  }
}

// How many parts are in which state; one that moves again counts twice.
export function counts(parts) {
  const found = Object.fromEntries(Object.keys(LETTERS).map((state) => [state, 0]));
  for (const part of parts) {
    found[blockOf(part)] += 1;
    if (blockOf(part) === "moving" && part.fetches > 1) found.again += 1;
  }
  return found;
}

// The field with at most `room` blocks: [state, index of the first part that it stands for].
export function fieldOf(parts, room) {
  if (parts.length > room) {
    const together = Math.ceil(parts.length / room);
    const cells = [];
    for (let at = 0; at < parts.length; at += together) {
      const states = parts.slice(at, at + together).map((part) => FIRST.indexOf(blockOf(part)));
      cells.push([FIRST[Math.min(...states)], at]);
    }
    return { cells, each: 0, together };
  }
  const total = (each) => parts.reduce((sum, part) => sum + blocks(part, each), 0);
  let each = LEAST;
  for (let step = 1; total(each) > room; step++) each = (LEAST / 4) * (4 + step % 4) * 2 ** Math.floor(step / 4);
  const cells = parts.flatMap((part, index) => slices(part, each).map((state) => [state, index]));
  return { cells, each, together: 1 };
}

// What one block is.
export function scale(field, parts) {
  if (field.together > 1) return `one block is ${field.together} of ${parts} parts`;
  return field.each >= 1 << 20 ? `one block is ${field.each / (1 << 20)} MiB` : `one block is ${field.each / (1 << 10)} KiB`;
}

function blocks(part, each) { return Math.max(Math.ceil(part.length / each), 1); }

// The blocks of one part; of one that moves, what is there, what moves, what waits.
function slices(part, each) {
  const number = blocks(part, each);
  const state = blockOf(part);
  if (state !== "moving") return Array(number).fill(state);
  const there = Math.min(Math.floor(part.moved / each), number - 1);
  return [...Array(there).fill(part.fetches > 1 ? "again" : "arrived"), "moving", ...Array(number - there - 1).fill("waiting")];
}
