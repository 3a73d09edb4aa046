/**
 * The blasts: what the instruments say of each, and what they do not.
 *
 * @typedef {import("../types.js").Blast} Blast
 * @typedef {import("../types.js").ActiveBooster} ActiveBooster
 * @typedef {import("../types.js").OtherBooster} OtherBooster
 */

import { ranges } from "../detonators.js";
import { HOW, dateAndTime, duration, timeOfDay, unitName } from "../words.js";
import { byId, fact, make } from "./dom.js";

const SHOWN_OPEN = 1;
const UNKNOWN = "not known yet";

/** @typedef {"firing" | "watched" | "closed"} Stage */

/** @type {Record<Stage, string>} */
const STAGES = { firing: "✹ Firing", watched: "◉ Being watched", closed: "■ Closed" };

export class BlastsView {
  constructor() {
    this.section = byId("blasts");
    /** What is shown, so that nothing is made anew, and closed again, that hasn't changed. */
    this.shown = "";
  }

  /** @param {Iterable<Blast>} blasts */
  show(blasts) {
    const newestFirst = [...blasts].sort((one, other) => other.initiated - one.initiated);
    const shown = JSON.stringify(newestFirst);
    if (shown === this.shown) return;
    this.shown = shown;
    const cards = newestFirst.map((blast, index) => card(blast, index < SHOWN_OPEN));
    this.section.replaceChildren(make("h2", {}, "Blasts"), ...(cards.length ? cards : [make("p", { class: "none" }, "No blast yet.")]));
  }
}

/**
 * @param {Blast} blast
 * @returns {Stage}
 */
function stageOf(blast) {
  if (blast.closed !== null) return "closed";
  return blast.firing_complete === null && blast.aborted === null ? "firing" : "watched";
}

/**
 * @param {Blast} blast
 * @param {boolean} open
 * @returns {HTMLElement}
 */
function card(blast, open) {
  const stage = stageOf(blast);
  const title = make("summary", {}, make("span", { class: "stage" }, STAGES[stage]), make("span", {}, dateAndTime(blast.initiated)));
  const attributes = { class: "blast", "data-blast": blast.blast, "data-stage": stage, ...(open ? { open: "" } : {}) };
  return make("details", attributes, title, times(blast), outcome(blast), ...boosters(blast));
}

/**
 * @param {Blast} blast
 * @returns {HTMLElement}
 */
function times(blast) {
  const after = (/** @type {number | null} */ at) => (at === null ? "–" : `${timeOfDay(at)} (after ${duration(at - blast.initiated)})`);
  const list = make("dl", { class: "facts" }, fact("Initiated", timeOfDay(blast.initiated)));
  if (blast.firing_complete !== null) list.append(fact("Firing complete", after(blast.firing_complete)));
  if (blast.aborted !== null) list.append(fact("Aborted", after(blast.aborted), { "data-fact": "aborted" }));
  if (blast.closed === null) list.append(fact("Closed", "not yet"));
  else list.append(fact("Closed", `${after(blast.closed)}: ${HOW[blast.how ?? ""] ?? blast.how}`, { "data-how": blast.how ?? "" }));
  return list;
}

/**
 * @param {Blast} blast
 * @returns {HTMLElement}
 */
function outcome({ detonators, closed }) {
  const told = (/** @type {number | null} */ count) => (count === null ? UNKNOWN : String(count));
  const list = make("dl", { class: "outcome" });
  const add = (/** @type {string} */ key, /** @type {string} */ name, /** @type {string} */ value) =>
    list.append(fact(name, value, { "data-count": key, "data-known": String(value !== UNKNOWN) }));
  add("answering_before", "Answered before", `${detonators.answering_before} of ${detonators.total}`);
  add("silent_before", "Silent before", String(detonators.silent_before));
  add("fired", "No longer answer, presumed fired", told(detonators.fired));
  add("missed", "Missed: still answer", told(detonators.missed));
  add("unreported", "Unreported", told(detonators.unreported));
  const parts = [list];
  if (closed !== null && detonators.unreported) {
    const text = `▲ ${detonators.unreported} unreported: nobody may take these for fired.`;
    parts.push(make("p", { class: "caution", "data-caution": "unreported" }, text));
  }
  if (closed !== null && detonators.missed) {
    const text = `▲ ${detonators.missed} still answer: they have not fired.`;
    parts.push(make("p", { class: "caution", "data-caution": "missed" }, text));
  }
  if (detonators.silent_before) {
    const text = `▲ ${detonators.silent_before} did not answer before the blast: nobody can say what became of them.`;
    parts.push(make("p", { class: "caution", "data-caution": "silent_before" }, text));
  }
  return make("div", {}, ...parts);
}

/**
 * @param {Blast} blast
 * @returns {HTMLElement[]}
 */
function boosters(blast) {
  const rows = blast.active.map(activeRow);
  const others = [
    otherRow("Possibly live", "▲ not part of this blast, with detonators: treat as live", "possibly_live", blast.possibly_live),
    otherRow("Excluded", "key on, no detonators", "excluded", blast.excluded),
    otherRow("Inactive", "", "inactive", blast.inactive),
  ];
  return [make("ul", { class: "parties" }, ...rows, ...others.flat())];
}

/**
 * @param {ActiveBooster} booster
 * @returns {HTMLElement}
 */
function activeRow(booster) {
  const parts = [`${booster.before.detonators} detonators, ${booster.before.answering} answered before`];
  const windows = (/** @type {{ window_id: number }[]} */ list) => ranges(list.map((one) => one.window_id));
  if (booster.silent_before.length) parts.push(`silent before: ${windows(booster.silent_before)}`);
  for (const outcome of ["missed", "unreported"]) {
    const found = booster.not_fired?.filter((one) => one.outcome === outcome) ?? [];
    if (found.length) parts.push(`${outcome}: ${windows(found)}`);
  }
  if (booster.successful !== null) parts.push(booster.successful ? "all presumed fired" : "not all presumed fired");
  return make("li", { "data-party": "active", "data-blast-unit": booster.unit }, make("b", {}, `Active: ${unitName(booster.unit)}`), make("span", {}, parts.join("; ")));
}

/**
 * @param {string} name
 * @param {string} meaning
 * @param {string} party
 * @param {OtherBooster[]} list
 * @returns {HTMLElement[]}
 */
function otherRow(name, meaning, party, list) {
  return list.map((booster) => {
    const why = booster.why.map((reason) => reason.replaceAll("_", " "));
    const text = [meaning, ...why, `${booster.detonators} detonators`].filter(Boolean).join(", ");
    return make("li", { "data-party": party, "data-blast-unit": booster.unit }, make("b", {}, `${name}: ${unitName(booster.unit)}`), make("span", {}, text));
  });
}
