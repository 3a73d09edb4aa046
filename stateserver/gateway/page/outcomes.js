/**
 * What the latest blast made of each detonator that was in it, as its report says it, and what has come since. Pure.
 *
 * Nothing is inferred: an outcome is the report's own, and goes to the detonator of the start snapshot alone, known by
 * window and uid (in IBS systems serial), and not to another that is in its window now. What answers after the blast
 * is told as that, whatever the report says.
 *
 * @typedef {import("./store.js").State} State
 * @typedef {import("./types.js").Blast} Blast
 * @typedef {import("./types.js").DetonatorRow} DetonatorRow
 * @typedef {import("./types.js").Fields} Fields
 * @typedef {import("./types.js").Outcome} Outcome
 * @typedef {import("./types.js").Why} Why
 *
 * @typedef {"alarm" | "calm" | "awaited"} Look
 * @typedef {{ outcome: Outcome | "awaited", why: Why | null, answers: boolean }} Told
 *
 * @typedef {object} Aftermath
 * @property {Map<string, Told>} told  by path: those that were in the blast, and are still there
 * @property {Set<string>} others  paths, in the boosters of the blast, of those that were not in it
 * @property {boolean} known  is it known here who was in the blast
 */

/**
 * Each with its sign, which tells it apart without colours. `brief` is for a count of them.
 * @type {Record<Outcome | "awaited" | "answers", { sign: string, brief: string, name: string }>}
 */
export const OUTCOMES = {
  answers: { sign: "A", brief: "answer since the blast", name: "answers since the blast: live, whatever else is told of it" },
  awaited: { sign: "…", brief: "awaited: no answer yet", name: "in the blast under way: no answer yet" },
  fired: { sign: "F", brief: "presumed fired", name: "no longer answers since the blast, presumed fired" },
  missed: { sign: "M", brief: "missed", name: "missed in the blast: still answers" },
  unreported: { sign: "U", brief: "unreported", name: "unreported since the blast: nobody may take it for fired" },
  silent_before: { sign: "S", brief: "silent before the blast", name: "silent before the blast: nobody can say what became of it" },
};

/** Why one is unreported. @type {Record<string, string>} */
export const WHY = {
  cleared: "its booster was cleared",
  replaced: "another one took its place",
  no_evidence: "nothing came of it after firing ended",
};

/**
 * What an outcome is called, once an answer is heard too.
 * @param {Told} told
 * @returns {keyof typeof OUTCOMES}
 */
export function saidOf({ outcome, answers }) {
  return answers ? "answers" : outcome;
}

/**
 * An outcome in words, with why it is unreported.
 * @param {Told} told
 * @returns {string}
 */
export function outcomeText(told) {
  const { name } = OUTCOMES[saidOf(told)];
  return told.why === null || told.answers ? name : `${name} (${WHY[told.why] ?? told.why})`;
}

/**
 * What must be seen first of it: only who is presumed fired, and doesn't answer, is calm.
 * @param {Told} told
 * @returns {Look}
 */
export function lookOf(told) {
  const said = saidOf(told);
  if (said === "fired") return "calm";
  return said === "awaited" ? "awaited" : "alarm";
}

/**
 * @param {Blast | null} blast  the latest
 * @param {Map<string, DetonatorRow> | null} rows  its detonators by place; null: not known here yet
 * @param {Pick<State, "units" | "answered">} state
 * @returns {Aftermath}
 */
export function aftermathOf(blast, rows, { units, answered }) {
  /** @type {Aftermath} */
  const found = { told: new Map(), others: new Set(), known: blast === null || rows !== null };
  if (blast === null) return found;
  const misfires = new Map(misfiresOf(blast).map((row) => [placeOf(row.unit, row.window_id), row]));
  const there = rows ?? misfires;
  const atEnd = answeringAtEnd(blast);
  const active = new Set(blast.active.map((booster) => booster.unit));
  for (const [path, fields] of units) {
    if (typeof fields.parent !== "string" || !active.has(fields.parent)) continue;
    const place = placeOf(fields.parent, Number(fields.window_id));
    const row = there.get(place);
    const { outcome, why } = (row?.outcome ? row : misfires.get(place)) ?? { outcome: null, why: null };
    if (!row || !isSame(row, fields, outcome)) {
      if (rows !== null) found.others.add(path);
      continue;
    }
    const later = answered.get(path)?.blast === blast.blast || atEnd.has(place);
    // Of these nothing was to be heard, or to be heard any more. What is unreported may be heard still, as it was before.
    const now = (outcome === "fired" || outcome === "silent_before") && fields.detonator_status === true;
    found.told.set(path, { outcome: outcome ?? "awaited", why, answers: outcome !== "missed" && (later || now) });
  }
  return found;
}

/**
 * Is this still the detonator that the row is about? It is another when its uid is, or when it was forgotten and seen
 * for the first time since. One whose uid nobody knew at the start may be another: then it isn't presumed to be fired.
 * @param {DetonatorRow} row
 * @param {Fields} fields
 * @param {Outcome | null} outcome
 * @returns {boolean}
 */
function isSame(row, fields, outcome) {
  if (row.first_seen !== null && row.first_seen !== fields.first_seen) return false;
  const then = row.uid ?? row.serial;
  const now = fields.uid ?? fields.serial ?? null;
  return then === now || (then === null && outcome !== "fired");
}

/**
 * Those that the document names, as long as the rows of all are not there.
 * @param {Blast} blast
 * @returns {DetonatorRow[]}
 */
function misfiresOf(blast) {
  const unknown = { serial: null, label: null, first_seen: null };
  return blast.active.flatMap(({ unit, silent_before: silent, not_fired: notFired }) => [
    ...silent.map((one) => ({ ...unknown, why: null, ...one, unit, outcome: /** @type {Outcome} */ ("silent_before") })),
    ...(notFired ?? []).map((one) => ({ ...unknown, ...one, unit })),
  ]);
}

/**
 * @param {Blast} blast
 * @returns {Set<string>}
 */
function answeringAtEnd(blast) {
  const rows = (blast.attention ?? []).filter((row) => row.what === "answers_at_end");
  return new Set(rows.flatMap((row) => (row.windows ?? []).map((window) => placeOf(row.unit, window))));
}

/**
 * Where a detonator is, by its booster's path.
 * @param {string} booster
 * @param {number} window
 * @returns {string}
 */
export function placeOf(booster, window) {
  return `${booster}:${window}`;
}
