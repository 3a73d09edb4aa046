/**
 * How a detonator, or a booster in a window, stands: what its cell in the grid shows. Pure.
 *
 * @typedef {import("./types.js").Fields} Fields
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
 * Windows as people write them: 2, 4-5, 7; those that have a label with it: 2 (A-7), 4-5.
 * @param {Iterable<number>} windows
 * @param {(window: number) => string | null} [labelOf]
 * @returns {string}
 */
export function ranges(windows, labelOf = () => null) {
  const sorted = [...new Set(windows)].sort((one, other) => one - other);
  /** @type {{ first: number, last: number, label: string | null }[]} */
  const runs = [];
  for (const window of sorted) {
    const label = labelOf(window);
    const run = runs.at(-1);
    if (run && run.label === null && label === null && run.last === window - 1) run.last = window;
    else runs.push({ first: window, last: window, label });
  }
  return runs
    .map(({ first, last, label }) => (first === last ? `${first}${label === null ? "" : ` (${label})`}` : `${first}-${last}`))
    .join(", ");
}
