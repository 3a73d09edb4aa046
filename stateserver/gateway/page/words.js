/**
 * What people read: names, values, times and events in words. Pure.
 *
 * @typedef {import("./types.js").Change} Change
 * @typedef {import("./types.js").Fields} Fields
 * @typedef {import("./types.js").Value} Value
 */

const TYPES = ["Control unit", "Section controller", "Booster", "Booster", "Detonator", "CFC"];

/** @type {Record<string, string>} */
export const OPERATIONS = {
  disarmed: "Disarmed",
  armed: "Armed",
  firing: "Firing",
  firing_complete: "Firing complete",
  firing_aborted: "Firing aborted",
  firing_error: "Firing error",
};

/** Fields that have words of their own for yes and no. @type {Record<string, [yes: string, no: string]>} */
const SAID = {
  key_switch: ["key on", "key off"],
  fire_button: ["fire button pressed", "fire button released"],
  communication_status: ["in contact", "contact lost"],
  detonator_status: ["answers", "no longer answers"],
  logged: ["logged", "not logged"],
  tagged: ["tagged", "not tagged"],
  program: ["programmed", "not programmed"],
  mains: ["mains on", "mains off"],
  dc_supply: ["DC supply on", "DC supply off"],
  isolation_relay: ["isolation relay on", "isolation relay off"],
  blast_armed: ["blast armed", "blast not armed"],
  cable_fault: ["cable fault", "no cable fault"],
  earth_leakage: ["earth leakage", "no earth leakage"],
  low_battery: ["low battery", "battery no longer low"],
  too_low_battery: ["battery too low", "battery no longer too low"],
  shaft_fault: ["shaft fault", "no shaft fault"],
  booster_fired: ["fired flag set", "fired flag cleared"],
  detonator_error: ["detonator error: not all could be programmed", "no detonator error"],
  firing: ["firing", "not firing"],
  resetting: ["resetting: it lost its Packet Server", "not resetting"],
  energy_storing: ["stores energy", "stores no energy"],
  bridge_wire: ["bridge wire whole", "bridge wire open"],
  partial_blast: ["partial blast", "no partial blast"],
  missing_pulse_detected: ["a pulse was missing", "no pulse missing"],
};

/** @type {Record<string, string>} */
const NAMES = {
  lfs: "last firing status",
  uid: "uid",
  led_state: "LED state",
  child_count: "detonators by its own count",
  children: "units",
  children_communicating: "in contact",
  children_armed: "keys on",
  children_logged: "logged",
  children_tagged: "tagged",
  children_programmed: "programmed",
  children_answering: "answering",
  qos: "signal quality %",
  qos_firing: "signal quality % firing",
};

/** Counts are shown in the cards; in the list of events they would drown the rest. */
const COUNTS = new Set(Object.keys(NAMES).filter((name) => name.startsWith("children")));

/**
 * A field's name as people say it.
 * @param {string} field
 * @returns {string}
 */
export function fieldName(field) {
  return NAMES[field] ?? field.replaceAll("_", " ");
}

/**
 * A field with its value.
 * @param {string} field
 * @param {Value} value
 * @returns {string}
 */
export function said(field, value) {
  const words = SAID[field];
  if (words && typeof value === "boolean") return words[value ? 0 : 1];
  if (field === "delay") return `delay ${value} ms`;
  if (value === null) return `${fieldName(field)} taken away`;
  if (typeof value === "boolean") return `${fieldName(field)} ${value ? "on" : "off"}`;
  return `${fieldName(field)} ${value}`;
}

/**
 * A unit by its path: Booster 158, detonator 37.
 * @param {string} path
 * @returns {string}
 */
export function unitName(path) {
  const [type, serial, inner, window] = path.split("/");
  const name = `${TYPES[Number(type)] ?? "Unit"} ${serial}`;
  return window === undefined ? name : `${name}, ${(TYPES[Number(inner)] ?? "unit").toLowerCase()} ${window}`;
}

/**
 * What the places on a booster are called; in IBS systems a section controller has positions.
 * @param {string} booster  its path
 * @param {number} count
 * @returns {string}
 */
export function placesWord(booster, count) {
  const word = booster.startsWith("1/") ? "position" : "window";
  return count === 1 ? word : `${word}s`;
}

/**
 * A time of day in UTC, with seconds.
 * @param {number | null} ms
 * @returns {string}
 */
export function timeOfDay(ms) {
  return ms === null ? "–" : new Date(ms).toISOString().slice(11, 19);
}

/**
 * Date and time in UTC.
 * @param {number | null} ms
 * @returns {string}
 */
export function dateAndTime(ms) {
  return ms === null ? "–" : `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/**
 * How long something took.
 * @param {number} ms
 * @returns {string}
 */
export function duration(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What a first report says of these is worth telling even where it is no. */
const TOLD_ANYWAY = new Set(["detonator_status", "key_switch", "mains", "communication_status"]);

/**
 * What a unit_changed says: not counts, nor what was never yes, nor a delay (a line tells those of many together).
 * @param {Change} change
 * @returns {string}
 */
function changedText({ unit, before, after }) {
  const inWindow = unit?.split("/").length === 4;
  return Object.entries(after)
    .filter(([field]) => !COUNTS.has(field) && field !== "delay" && !(inWindow && field === "communication_status"))
    .filter(([field, value]) => value !== false || before[field] !== null || TOLD_ANYWAY.has(field))
    .map(([field, value]) => said(field, value))
    .join(", ");
}

/**
 * What an event says of its unit, without naming it; "" where there is nothing that people need.
 * @param {Change} change
 * @returns {string}
 */
export function eventText(change) {
  const { details, after } = change;
  switch (change.kind) {
    case "unit_added":
      return "seen for the first time";
    case "unit_changed":
      return changedText(change);
    case "operation_changed":
      return OPERATIONS[String(after.operation)] ?? String(after.operation);
    case "detonators_cleared":
      return `has forgotten its ${details.count} detonators`;
    case "warning_raised":
      return `warning: ${warningText(String(details.field))}`;
    case "warning_cleared":
      return `warning over: ${warningText(String(details.field))}`;
    case "warning_acknowledged":
      return `warning seen by ${details.actor}: ${warningText(String(details.field))}`;
    case "sequence_gap":
      return `${missingText(details.missing)}: expected ${details.expected}, got ${details.got}`;
    case "sequence_restarted":
      return `the source counts anew: expected ${details.expected}, got ${details.got}`;
    case "clock_set_back":
      return `clock set back by ${duration(Number(details.by))}`;
    case "clock_ahead":
      return `clock ahead by ${duration(Number(details.by))}`;
    case "stale_frame":
      return `data came late: older than ${timeOfDay(Number(details.as_of))}`;
    case "mode_changed":
      return `mode ${after.mode}`;
    case "unit_labelled":
      return after.label === null ? "label taken away" : `label “${after.label}”`;
    case "unit_retired":
      return retiredText(details);
    case "command_refused":
      return `refused: ${String(details.action).replaceAll("_", " ")} (${String(details.why).replaceAll("_", " ")})`;
    case "blast_opened":
      return "blast initiated";
    case "blast_firing_complete":
      return "firing complete";
    case "blast_firing_aborted":
      return "firing aborted";
    case "blast_closed":
      return `blast closed: ${HOW[String(details.how)] ?? details.how}`;
    case "fire_button_repeated":
      return "fire button pressed again in the same blast";
    case "answers_after_blast":
      return `ANSWERS AFTER THE BLAST, though told as ${TOLD_AS[String(details.outcome)] ?? details.outcome}`;
    default:
      return change.kind.replaceAll("_", " ");
  }
}

/** What a blast's report calls a detonator. @type {Record<string, string>} */
export const TOLD_AS = {
  fired: "presumed fired",
  missed: "missed",
  unreported: "unreported",
  silent_before: "silent before",
};

/**
 * @param {Value | undefined} missing  older events don't say how many
 * @returns {string}
 */
function missingText(missing) {
  if (typeof missing !== "number") return "frames are missing";
  return missing === 1 ? "1 frame is missing" : `${missing} frames are missing`;
}

/**
 * @param {Fields} details
 * @returns {string}
 */
function retiredText({ actor, count, note }) {
  const below = count ? `, with ${count} below it` : "";
  return `retired by ${actor}${below}${note ? `: ${note}` : ""}`;
}

/** How a blast was closed. @type {Record<string, string>} */
export const HOW = {
  data_completed: "all detonators reported",
  timer_completed: "the report time is over",
  superseded: "another blast began",
};

/**
 * What is wrong where a field warns.
 * @param {string} field
 * @returns {string}
 */
export function warningText(field) {
  return said(field, field !== "mains");
}

const ALARMS = new Set([
  ...["warning_raised", "sequence_gap", "sequence_restarted", "stale_frame"],
  ...["answers_after_blast", "clock_set_back", "clock_ahead"],
]);

/**
 * How much an event matters to who watches.
 * @param {string} kind
 * @returns {"alarm" | "blast" | "notice" | "plain"}
 */
export function eventTone(kind) {
  if (kind.startsWith("blast_") || kind === "operation_changed" || kind === "fire_button_repeated") return "blast";
  if (ALARMS.has(kind)) return "alarm";
  if (kind === "unit_added" || kind === "unit_changed") return "plain";
  return "notice";
}
