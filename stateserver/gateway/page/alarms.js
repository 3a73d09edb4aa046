/**
 * What contradicts the latest blast since: who answers, and who wasn't in it, by booster, until the next blast. Pure.
 *
 * @typedef {import("./outcomes.js").Aftermath} Aftermath
 * @typedef {import("./store.js").State} State
 *
 * @typedef {object} Alarm
 * @property {"answers" | "others"} what  they answer since the blast; or: others than those that were in it
 * @property {string | null} toldAs  what the report calls those who answer
 * @property {string} booster  path
 * @property {number[]} windows
 */

import { ranges } from "./detonators.js";
import { comparePaths } from "./store.js";
import { TOLD_AS, placesWord, unitName } from "./words.js";

/**
 * The alarms, those who answer first, then by booster.
 * @param {Pick<State, "answered">} state
 * @param {Aftermath} aftermath
 * @returns {Alarm[]}
 */
export function alarmsOf({ answered }, { told, others }) {
  /** @type {Map<string, Alarm>} */
  const alarms = new Map();
  const add = (/** @type {Alarm["what"]} */ what, /** @type {string | null} */ toldAs, /** @type {string} */ path) => {
    const [type, serial, , window] = path.split("/");
    const booster = `${type}/${serial}`;
    const key = `${what} ${booster} ${toldAs}`;
    const alarm = alarms.get(key) ?? { what, toldAs, booster, windows: [] };
    alarm.windows.push(Number(window));
    alarms.set(key, alarm);
  };
  for (const { unit, outcome } of answered.values()) add("answers", outcome, unit);
  for (const [path, { outcome, answers }] of told) if (answers && !answered.has(path)) add("answers", outcome, path);
  for (const path of others) add("others", null, path);
  const order = (/** @type {Alarm} */ one) => (one.what === "answers" ? 0 : 1);
  return [...alarms.values()].sort((one, other) => order(one) - order(other) || comparePaths(one.booster, other.booster));
}

/**
 * How many detonators the alarms of a sort are about.
 * @param {Alarm[]} alarms
 * @param {Alarm["what"]} what
 * @returns {number}
 */
export function alarmed(alarms, what) {
  return alarms.filter((alarm) => alarm.what === what).reduce((sum, { windows }) => sum + windows.length, 0);
}

/**
 * An alarm in words.
 * @param {Alarm} alarm
 * @param {(booster: string, window: number) => string | null} labelOf
 * @returns {string}
 */
export function alarmText({ what, toldAs, booster, windows }, labelOf) {
  const places = `${placesWord(booster, windows.length)} ${ranges(windows, (window) => labelOf(booster, window))}`;
  const one = windows.length === 1;
  const text =
    what === "answers"
      ? `${one ? "answers" : "answer"} since the blast, though told as ${TOLD_AS[toldAs ?? ""] ?? toldAs}`
      : `${one ? "holds a detonator" : "hold detonators"} that ${one ? "was" : "were"} not in the blast`;
  return `${unitName(booster)}: ${places} ${text}`;
}
