/**
 * One system as the page holds it: a snapshot, and the changes since. Pure: it neither asks nor shows.
 *
 * @typedef {import("./types.js").Answered} Answered
 * @typedef {import("./types.js").Change} Change
 * @typedef {import("./types.js").Fields} Fields
 * @typedef {import("./types.js").Snapshot} Snapshot
 * @typedef {import("./types.js").Warning} Warning
 *
 * @typedef {object} State
 * @property {string} system
 * @property {number} version
 * @property {number} era  which history the version is of
 * @property {number | null} time
 * @property {string | null} mode
 * @property {boolean} whole
 * @property {string | null} trouble
 * @property {Map<string, Fields>} units  by path, in path order
 * @property {Map<string, Warning>} warnings  by unit and field
 * @property {Map<string, Answered>} answered  by path: who answers after the latest blast, though nobody should
 * @property {string | null} lastOpened  the blast that was opened last, as far as that was seen
 * @property {number} openedAt  the version of its event
 * @property {Map<string, number>} changedAt  when a unit last changed, as far as that was seen
 */

const UNIT_EVENTS = new Set(["unit_added", "unit_changed", "operation_changed", "unit_labelled"]);
const CONTROL_UNIT = 0;

/** An event that does not follow on what is held: something was missed. */
export class Gap extends Error {}

/**
 * The numbers of a path, for its order.
 * @param {string} path
 * @returns {number[]}
 */
export function pathKey(path) {
  return path.split("/").map(Number);
}

/**
 * Path order: by number, component by component.
 * @param {string} one
 * @param {string} other
 * @returns {number}
 */
export function comparePaths(one, other) {
  const [left, right] = [pathKey(one), pathKey(other)];
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    if (left[index] !== right[index]) return left[index] - right[index];
  }
  return left.length - right.length;
}

/**
 * The state that a snapshot tells.
 * @param {Snapshot} snapshot
 * @returns {State}
 */
export function fromSnapshot(snapshot) {
  return {
    system: snapshot.system,
    version: snapshot.version,
    era: snapshot.era,
    time: snapshot.time,
    mode: snapshot.mode,
    whole: snapshot.whole,
    trouble: snapshot.trouble,
    units: new Map(snapshot.units.map(({ system: _, unit, ...fields }) => [unit, fields])),
    answered: new Map((snapshot.answered_after_blast ?? []).map((one) => [one.unit, one])),
    lastOpened: null,
    openedAt: 0,
    changedAt: new Map(),
    warnings: new Map(snapshot.warnings.map((warning) => [warningKey(warning.unit, warning.field), warning])),
  };
}

/**
 * Carry a change over into the state. One that is held already changes nothing.
 * @param {State} state
 * @param {Change} change
 * @returns {boolean} whether it was new
 * @throws {Gap} where changes before it are missing
 */
export function fold(state, change) {
  if (change.version <= state.version) return false;
  if (change.version !== state.version + 1) {
    throw new Gap(`version ${change.version} came after ${state.version}`);
  }
  foldUnits(state.units, change);
  noteChange(state, change);
  foldWarnings(state.warnings, change);
  foldAnswered(state.answered, change);
  if (change.kind === "unit_retired" && change.unit !== null) retire(state, change.unit);
  if (change.kind === "mode_changed") state.mode = /** @type {string} */ (change.after.mode);
  // A command's time is not the system's.
  if (change.source !== null || change.deadline) state.time = Math.max(state.time ?? 0, change.at);
  state.version = change.version;
  return true;
}

/**
 * Remember when a unit changed, and which blast was opened last. Events from before the snapshot may be told of too.
 * @param {State} state
 * @param {Change} change
 */
export function noteChange(state, change) {
  if (change.kind === "blast_opened" && change.version > state.openedAt) {
    state.openedAt = change.version;
    state.lastOpened = String(change.details.blast);
  }
  if (change.unit === null || !UNIT_EVENTS.has(change.kind)) return;
  state.changedAt.set(change.unit, Math.max(change.at, state.changedAt.get(change.unit) ?? 0));
}

/**
 * @param {Map<string, Fields>} units
 * @param {Change} change
 */
function foldUnits(units, change) {
  const path = change.unit;
  if (path === null) return;
  if (change.kind === "unit_added") {
    units.set(path, { ...change.after });
  } else if (UNIT_EVENTS.has(change.kind)) {
    const fields = units.get(path);
    if (!fields) throw new Gap(`${path} is changed but was never added`);
    for (const [name, value] of Object.entries(change.after)) {
      if (value === null) delete fields[name];
      else fields[name] = value;
    }
  } else if (change.kind === "detonators_cleared") {
    for (const other of units.keys()) if (other.startsWith(`${path}/`)) units.delete(other);
  }
}

/**
 * @param {Map<string, Warning>} warnings
 * @param {Change} change
 */
function foldWarnings(warnings, change) {
  const field = change.details.field;
  if (change.unit === null || typeof field !== "string") return;
  const key = warningKey(change.unit, field);
  if (change.kind === "warning_raised") {
    const unseen = { acknowledged: null, actor: null, note: null };
    warnings.set(key, { unit: change.unit, field, raised: change.at, ...unseen });
  } else if (change.kind === "warning_cleared") {
    warnings.delete(key);
  } else if (change.kind === "warning_acknowledged") {
    const { actor, note } = /** @type {{ actor: string, note?: string }} */ (change.details);
    const open = warnings.get(key);
    if (open) warnings.set(key, { ...open, acknowledged: change.at, actor, note: note ?? null });
  }
}

/**
 * They are told until the next blast, whatever becomes of them; only `retire` takes them away before.
 * @param {Map<string, Answered>} answered
 * @param {Change} change
 */
function foldAnswered(answered, { kind, unit, at, details }) {
  if (kind === "blast_opened") answered.clear();
  if (kind !== "answers_after_blast" || unit === null) return;
  answered.set(unit, { unit, blast: String(details.blast), outcome: String(details.outcome), at });
}

/**
 * A unit is no more, and with it all below it.
 * @param {State} state
 * @param {string} path
 */
function retire(state, path) {
  const gone = (/** @type {string} */ other) => other === path || other.startsWith(`${path}/`);
  for (const held of [state.units, state.changedAt, state.answered]) for (const other of held.keys()) if (gone(other)) held.delete(other);
  for (const [key, warning] of state.warnings) if (gone(warning.unit)) state.warnings.delete(key);
}

/**
 * The control unit that carries the system's counts, or the first there is.
 * @param {State} state
 * @returns {string | null}
 */
export function controlUnit(state) {
  const panels = [...state.units].filter(([, fields]) => fields.type === CONTROL_UNIT);
  const main = panels.find(([, fields]) => fields.children !== undefined) ?? panels[0];
  return main ? main[0] : null;
}

/**
 * The units that stand for themselves, in path order: all but those in a window of another.
 * @param {State} state
 * @returns {string[]}
 */
export function standingUnits(state) {
  const paths = [...state.units].filter(([, fields]) => fields.parent === undefined).map(([path]) => path);
  return paths.sort(comparePaths);
}

/**
 * The units in the windows of each unit, in path order, by its path.
 * @param {State} state
 * @returns {Map<string, string[]>}
 */
export function windowsByUnit(state) {
  /** @type {Map<string, string[]>} */
  const windows = new Map();
  for (const [path, fields] of state.units) {
    if (typeof fields.parent !== "string") continue;
    const siblings = windows.get(fields.parent);
    if (siblings) siblings.push(path);
    else windows.set(fields.parent, [path]);
  }
  for (const paths of windows.values()) paths.sort(comparePaths);
  return windows;
}

/**
 * @param {string} unit
 * @param {string} field
 * @returns {string}
 */
function warningKey(unit, field) {
  return `${unit} ${field}`;
}
