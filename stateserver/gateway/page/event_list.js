/**
 * The running list of events: what one frame does to many detonators alike is one line. Pure.
 *
 * @typedef {import("./types.js").Change} Change
 *
 * @typedef {object} Line
 * @property {number} version  of its latest event
 * @property {number} at
 * @property {string} kind
 * @property {string} subject  who or what it is about
 * @property {string} text
 * @property {number[]} windows  the detonators it is about, if it is
 * @property {number[]} delays  the delays that they report, in ms
 * @property {string} key  what events share that go into one line
 */

import { ranges } from "./detonators.js";
import { eventText, unitName } from "./words.js";

export const LINES_MAX = 250;

/**
 * Add an event to the lines, newest first. Returns the line it went into; null where it tells people nothing.
 * @param {Line[]} lines
 * @param {Change} change
 * @returns {Line | null}
 */
export function addEvent(lines, change) {
  const text = eventText(change);
  const delay = change.kind === "unit_changed" ? change.after.delay : undefined;
  if (text === "" && delay === undefined) return null;
  const place = change.unit?.split("/") ?? [];
  const inWindow = place.length === 4;
  const owner = inWindow ? place.slice(0, 2).join("/") : change.unit;
  const key = [change.kind, owner, inWindow, change.source, change.sequence, change.at, text].join("|");
  const latest = lines[0];
  if (inWindow && latest?.key === key) {
    latest.windows.push(Number(place[3]));
    latest.version = change.version;
    if (typeof delay === "number") latest.delays.push(delay);
    return latest;
  }
  const line = {
    version: change.version,
    at: change.at,
    kind: change.kind,
    subject: owner === null ? (change.source ?? "System") : unitName(owner),
    text,
    windows: inWindow ? [Number(place[3])] : [],
    delays: typeof delay === "number" ? [delay] : [],
    key,
  };
  lines.unshift(line);
  lines.length = Math.min(lines.length, LINES_MAX);
  return line;
}

/**
 * The detonators that a line is about, in words.
 * @param {Line} line
 * @returns {string}
 */
export function windowsText(line) {
  if (line.windows.length === 0) return "";
  const many = line.windows.length > 1;
  return many ? `${line.windows.length} detonators (${ranges(line.windows)})` : `detonator ${line.windows[0]}`;
}

/**
 * What a line says, the delays of its detonators included.
 * @param {Line} line
 * @returns {string}
 */
export function lineText(line) {
  if (line.delays.length === 0) return line.text;
  const [least, most] = [Math.min(...line.delays), Math.max(...line.delays)];
  const delays = least === most ? `delay ${least} ms` : `delays ${least} to ${most} ms`;
  return line.text === "" ? delays : `${line.text}, ${delays}`;
}
