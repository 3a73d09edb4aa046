/**
 * How a detonator, or a booster in a window, stands: what its cell in the grid shows. Pure.
 *
 * @typedef {import("./types.js").Blast} Blast
 * @typedef {import("./types.js").Fields} Fields
 * @typedef {"watched" | "fired" | "missed" | "unreported" | "silent_before"} Outcome
 * @typedef {"unheard" | "silent" | "answering" | "programmed"} Standing
 */

/**
 * Each standing with its sign, which tells it apart without colours, and its meaning for the legend.
 * @type {Record<Standing, { sign: string, name: string, meaning: string }>}
 */
export const STANDINGS = {
  programmed: { sign: "●", name: "programmed", meaning: "answers, and holds its delay" },
  answering: { sign: "◐", name: "answers", meaning: "answers, not programmed" },
  silent: { sign: "✕", name: "silent", meaning: "does not answer" },
  unheard: { sign: "?", name: "not heard yet", meaning: "listed only: nothing was reported of it" },
};

/** The steps of preparing a charge that are marked in a cell, beside its standing. */
export const MARKS = [
  { field: "logged", sign: "L", name: "logged" },
  { field: "tagged", sign: "T", name: "tagged" },
  { field: "program", sign: "P", name: "programmed" },
];

/**
 * What the latest blast made of it. Its standing alone would mislead: it is what was last heard, maybe before.
 * `brief` is for a count of them.
 * @type {Record<Outcome, { sign: string, brief: string, name: string }>}
 */
export const OUTCOMES = {
  watched: { sign: "…", brief: "in the blast", name: "in the blast under way: as it was before" },
  fired: { sign: "F", brief: "presumed fired", name: "no longer answers since the blast, presumed fired" },
  missed: { sign: "M", brief: "missed", name: "missed in the blast: still answers" },
  unreported: { sign: "U", brief: "unreported", name: "unreported since the blast: nobody may take it for fired" },
  silent_before: { sign: "S", brief: "silent before the blast", name: "silent before the blast: nobody can say what became of it" },
};

/**
 * What a blast made of each detonator that was there when it was initiated, and is still, by its path; `since`:
 * has it changed since, so that its standing is more than what was heard before.
 * @param {Blast | null} blast
 * @param {{ units: Map<string, Fields>, changedAt: Map<string, number> }} state
 * @returns {Map<string, { outcome: Outcome, since: boolean }>}
 */
export function outcomes(blast, { units, changedAt }) {
  /** @type {Map<string, { outcome: Outcome, since: boolean }>} */
  const found = new Map();
  if (blast === null) return found;
  const boosters = new Map(blast.active.map((booster) => [booster.unit, booster]));
  for (const [path, { parent, window_id: window, first_seen: seen }] of units) {
    const booster = typeof parent === "string" ? boosters.get(parent) : undefined;
    if (!booster || Number(seen) > blast.initiated) continue;
    const since = (changedAt.get(path) ?? 0) > blast.initiated;
    found.set(path, { outcome: outcomeOf(booster, Number(window)), since });
  }
  return found;
}

/**
 * @param {import("./types.js").ActiveBooster} booster
 * @param {number} window
 * @returns {Outcome}
 */
function outcomeOf(booster, window) {
  if (booster.silent_before.some((one) => one.window_id === window)) return "silent_before";
  if (booster.not_fired === null) return "watched";
  return booster.not_fired.find((one) => one.window_id === window)?.outcome ?? "fired";
}

/**
 * @param {Fields} fields
 * @returns {Standing}
 */
export function standingOf(fields) {
  if (fields.detonator_status === undefined) return "unheard";
  if (fields.detonator_status !== true) return "silent";
  return fields.program === false ? "answering" : "programmed";
}

/**
 * How many there are of each standing.
 * @param {Iterable<Fields>} all
 * @returns {Record<Standing, number>}
 */
export function tally(all) {
  const counts = { programmed: 0, answering: 0, silent: 0, unheard: 0 };
  for (const fields of all) counts[standingOf(fields)] += 1;
  return counts;
}

/**
 * Numbers as people write them: 1–36, 38, 40.
 * @param {number[]} numbers
 * @returns {string}
 */
export function ranges(numbers) {
  const sorted = [...new Set(numbers)].sort((one, other) => one - other);
  /** @type {[number, number][]} */
  const runs = [];
  for (const number of sorted) {
    const run = runs.at(-1);
    if (run && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`)).join(", ");
}
