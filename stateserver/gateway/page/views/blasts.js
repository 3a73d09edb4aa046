/**
 * The blasts, as their reports say: the verdict, what needs attention, and what became of each booster.
 *
 * @typedef {import("../types.js").Blast} Blast
 * @typedef {import("../types.js").ActiveBooster} ActiveBooster
 * @typedef {import("../types.js").OtherBooster} OtherBooster
 * @typedef {import("../types.js").NotFired} NotFired
 * @typedef {(booster: string, window: number) => string | null} LabelOf
 */

import { ranges } from "../detonators.js";
import { OUTCOMES, WHY } from "../outcomes.js";
import { attentionText, headlineOf, misfiresText, stageOf } from "../verdict.js";
import { HOW, dateAndTime, duration, timeOfDay, unitName } from "../words.js";
import { byId, fact, make } from "./dom.js";

const SHOWN_OPEN = 1;
const UNKNOWN = "not known yet";
const NO_LABEL = () => null;

export class BlastsView {
  constructor() {
    this.section = byId("blasts");
    /** What is shown, so that nothing is made anew, and closed again, that hasn't changed. @type {unknown[]} */
    this.shown = [null];
  }

  /**
   * @param {Blast[]} newestFirst
   * @param {LabelOf} labelOf  of the latest one's detonators
   * @param {Set<string>} answering  its detonators that answer since, by booster and window
   */
  show(newestFirst, labelOf, answering) {
    const shown = [...newestFirst, namedIn(newestFirst[0] ?? null, labelOf), [...answering].join()];
    if (shown.length === this.shown.length && shown.every((one, index) => one === this.shown[index])) return;
    this.shown = shown;
    const none = new Set();
    const cards = newestFirst.map((blast, index) => card(blast, index < SHOWN_OPEN, index ? NO_LABEL : labelOf, index ? none : answering));
    this.section.replaceChildren(make("h2", {}, "Blasts"), ...(cards.length ? cards : [make("p", { class: "none" }, "No blast yet.")]));
  }
}

/**
 * The labels that stand beside the windows of a blast.
 * @param {Blast | null} blast
 * @param {LabelOf} labelOf
 * @returns {string}
 */
function namedIn(blast, labelOf) {
  const windows = (blast?.active ?? []).flatMap(({ unit, silent_before: silent, not_fired: notFired }) =>
    [...silent, ...(notFired ?? [])].map(({ window_id: window }) => labelOf(unit, window)),
  );
  const attention = (blast?.attention ?? []).flatMap(({ unit, windows }) => (windows ?? []).map((window) => labelOf(unit, window)));
  return JSON.stringify([windows, attention]);
}

/**
 * @param {Blast} blast
 * @param {boolean} open
 * @param {LabelOf} labelOf
 * @param {Set<string>} answering
 * @returns {HTMLElement}
 */
function card(blast, open, labelOf, answering) {
  const { tone, verdict, word } = headlineOf(blast);
  const sign = { calm: "■", open: "◉", alarm: "▲" }[tone];
  const title = make("summary", {}, make("span", { class: "stage" }, `${sign} ${word}`), make("span", {}, dateAndTime(blast.initiated)));
  const attributes = {
    ...{ class: "blast", "data-blast": blast.blast, "data-stage": stageOf(blast) },
    ...{ "data-tone": tone, "data-verdict": verdict, ...(open ? { open: "" } : {}) },
  };
  return make("details", attributes, title, times(blast), outcome(blast, answering), ...attention(blast, labelOf), ...boosters(blast, labelOf));
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
 * @param {Set<string>} answering
 * @returns {HTMLElement}
 */
function outcome(blast, answering) {
  const { detonators, closed } = blast;
  const told = (/** @type {number | null | undefined} */ count) => (typeof count === "number" ? String(count) : UNKNOWN);
  const list = make("dl", { class: "outcome" });
  const add = (/** @type {string} */ key, /** @type {string} */ name, /** @type {string} */ value) =>
    list.append(fact(name, value, { "data-count": key, "data-known": String(value !== UNKNOWN) }));
  add("answering_before", "Answered before", `${detonators.answering_before} of ${detonators.total}`);
  if (closed === null) add("awaited", "Awaited", "no answer yet");
  add("misfires", "Misfires", told(detonators.misfires));
  add("fired", "No longer answer, presumed fired", told(detonators.fired));
  add("missed", "Missed: still answer", told(detonators.missed));
  add("unreported", "Unreported", told(detonators.unreported));
  add("silent_before", "Silent before", String(detonators.silent_before));
  /** @type {HTMLElement[]} */
  const cautions = [];
  const caution = (/** @type {string} */ key, /** @type {string} */ text) =>
    cautions.push(make("p", { class: "caution", "data-caution": key }, `▲ ${text}`));
  if (closed !== null && detonators.misfires) caution("misfires", misfiresText(blast));
  if (closed !== null && detonators.unreported) caution("unreported", `${detonators.unreported} unreported: nobody may take these for fired.`);
  if (closed !== null && detonators.missed) caution("missed", `${detonators.missed} still answer: they have not fired.`);
  const silent = blast.active.flatMap(({ unit, silent_before: list }) => list.map((one) => `${unit}:${one.window_id}`));
  const heard = silent.filter((place) => answering.has(place)).length;
  if (heard) caution("silent_answer", `${heard} did not answer before the blast, and ${heard === 1 ? "answers" : "answer"} since: live.`);
  if (silent.length > heard) {
    caution("silent_before", `${silent.length - heard} did not answer before the blast: nobody can say what became of them.`);
  }
  return make("div", {}, list, ...cautions);
}

/**
 * @param {Blast} blast
 * @param {LabelOf} labelOf
 * @returns {HTMLElement[]}
 */
function attention(blast, labelOf) {
  if (!blast.attention?.length) return [];
  const rows = blast.attention.map((row) => make("li", { "data-attention": row.what, "data-blast-unit": row.unit }, attentionText(row, labelOf)));
  return [make("div", { class: "attention" }, make("h3", {}, "▲ Needs attention"), make("ul", {}, ...rows))];
}

/**
 * @param {Blast} blast
 * @param {LabelOf} labelOf
 * @returns {HTMLElement[]}
 */
function boosters(blast, labelOf) {
  const rows = blast.active.map((booster) => activeRow(booster, labelOf));
  const others = [
    otherRow("Possibly live", "▲ not part of this blast, with detonators: treat as live", "possibly_live", blast.possibly_live),
    otherRow("Excluded", "key on, no detonators", "excluded", blast.excluded),
    otherRow("Inactive", "", "inactive", blast.inactive),
  ];
  return [make("ul", { class: "parties" }, ...rows, ...others.flat())];
}

/**
 * @param {ActiveBooster} booster
 * @param {LabelOf} labelOf
 * @returns {HTMLElement}
 */
function activeRow(booster, labelOf) {
  const parts = [`${booster.before.detonators} detonators, ${booster.before.answering} answered before`];
  const add = (/** @type {string} */ words, /** @type {{ window_id: number }[]} */ list) => {
    const windows = ranges(list.map((one) => one.window_id), (window) => labelOf(booster.unit, window));
    if (list.length) parts.push(`${words}: ${windows}`);
  };
  const notFired = booster.not_fired ?? [];
  add("missed", notFired.filter((one) => one.outcome === "missed"));
  const unreported = notFired.filter((one) => one.outcome === "unreported");
  for (const why of [...Object.keys(WHY), null]) {
    const words = why === null ? OUTCOMES.unreported.brief : `${OUTCOMES.unreported.brief}, ${WHY[why]}`;
    add(words, unreported.filter((one) => (one.why ?? null) === why));
  }
  add("silent before", booster.silent_before);
  if (booster.successful === null) parts.push("awaited: no answer yet");
  else parts.push(booster.successful ? "all presumed fired" : "▲ not all presumed fired");
  const attributes = { "data-party": "active", "data-blast-unit": booster.unit, "data-successful": String(booster.successful) };
  return make("li", attributes, make("b", {}, `Active: ${unitName(booster.unit)}${labelled(booster.label)}`), make("span", {}, parts.join("; ")));
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
    const title = `${name}: ${unitName(booster.unit)}${labelled(booster.label)}`;
    return make("li", { "data-party": party, "data-blast-unit": booster.unit }, make("b", {}, title), make("span", {}, text));
  });
}

/**
 * @param {string | null} label
 * @returns {string}
 */
function labelled(label) {
  return label === null ? "" : ` “${label}”`;
}
