/**
 * A card for each booster, section controller and CFC, with the detonators of those that have any.
 *
 * @typedef {import("../store.js").State} State
 * @typedef {import("../outcomes.js").Aftermath} Aftermath
 * @typedef {import("../outcomes.js").Told} Told
 * @typedef {import("../types.js").Blast} Blast
 * @typedef {import("../types.js").Fields} Fields
 */

import { MARKS, STANDINGS, tally } from "../detonators.js";
import { OUTCOMES, lookOf, saidOf } from "../outcomes.js";
import { standingUnits, windowsByUnit } from "../store.js";
import { said, timeOfDay, unitName, warningText } from "../words.js";
import { byId, make, setAttribute, setChildren, setText, showFacts } from "./dom.js";
import { GridView } from "./grid.js";

const COUNTED = ["children_logged", "children_tagged", "children_programmed", "children_answering"];

class Card {
  /** @param {string} path */
  constructor(path) {
    this.title = make("h3");
    this.chips = make("ul", { class: "chips" });
    this.counts = make("dl", { class: "counts" });
    this.tally = make("p", { class: "tally" });
    this.lost = make("p", { class: "lost", hidden: "" }, "▲ Contact lost: what follows is what was last heard.");
    this.grid = new GridView(`Detonators of ${unitName(path)}`);
    const head = make("header", {}, this.title, this.chips);
    this.element = make("article", { class: "card", "data-unit": path }, head, this.lost, this.counts, this.tally, this.grid.element);
  }

  /**
   * @param {string} path
   * @param {State} state
   * @param {string[]} windows
   * @param {Aftermath} aftermath
   * @param {string | null} party  of the latest blast
   */
  show(path, state, windows, { told, others, known }, party) {
    const fields = state.units.get(path) ?? {};
    const label = fields.label === undefined ? "" : ` “${fields.label}”`;
    setText(this.title, unitName(path) + label);
    setAttribute(this.element, "data-key", String(fields.key_switch === true));
    setAttribute(this.element, "data-contact", String(fields.communication_status === true));
    const warnings = [...state.warnings.values()].filter((warning) => warning.unit === path);
    setAttribute(this.element, "data-warnings", String(warnings.length));
    setChildren(this.chips, chips(fields, warnings.map((warning) => warning.field), party));
    showFacts(this.counts, counts(fields, state.changedAt.get(path) ?? null, party));
    const parts = [tallyText(windows.filter((path) => !told.has(path)), state), outcomesText(windows, told)];
    if (party === "active" && !known) parts.push("▲ Who was in the latest blast is not known here yet: take none for fired.");
    setText(this.tally, parts.filter(Boolean).join("\n"));
    this.tally.hidden = windows.length === 0;
    this.lost.hidden = fields.communication_status === true;
    this.grid.show(windows, state.units, told, others);
  }
}

export class UnitsView {
  constructor() {
    this.list = make("div", { class: "cards" });
    this.legend = make("details", { class: "legend" }, make("summary", {}, "What the cells mean"), legend());
    this.title = make("h2", {}, "Boosters");
    byId("units").append(this.title, this.legend, this.list);
    /** @type {Map<string, Card>} */
    this.cards = new Map();
  }

  /**
   * @param {State | null} state
   * @param {Blast | null} blast  the latest
   * @param {Aftermath} aftermath
   */
  show(state, blast, aftermath) {
    const parties = partiesOf(blast);
    const paths = state ? standingUnits(state).filter((path) => !path.startsWith("0/")) : [];
    const windows = state ? windowsByUnit(state) : new Map();
    for (const path of this.cards.keys()) if (!paths.includes(path)) this.cards.delete(path);
    // Those with detonators first: they are what is watched.
    paths.sort((one, other) => Number(windows.has(other)) - Number(windows.has(one)));
    setChildren(
      this.list,
      paths.map((path) => {
        const card = this.cards.get(path) ?? new Card(path);
        this.cards.set(path, card);
        card.show(path, /** @type {State} */ (state), windows.get(path) ?? [], aftermath, parties.get(path) ?? null);
        return card.element;
      }),
    );
  }
}

/**
 * What each booster was in the latest blast.
 * @param {Blast | null} blast
 * @returns {Map<string, string>}
 */
function partiesOf(blast) {
  if (blast === null) return new Map();
  const parties = { active: blast.active, possibly_live: blast.possibly_live };
  return new Map(Object.entries(parties).flatMap(([party, boosters]) => boosters.map(({ unit }) => [unit, party])));
}

/**
 * @param {Fields} fields
 * @param {string[]} warned
 * @param {string | null} party
 * @returns {HTMLElement[]}
 */
function chips(fields, warned, party) {
  const contact = fields.communication_status === true;
  const list = [make("li", { "data-chip": contact ? "good" : "bad" }, contact ? "In contact" : "✕ Contact lost")];
  if (fields.key_switch !== undefined) {
    const on = fields.key_switch === true;
    list.push(make("li", { "data-chip": on ? "armed" : "calm" }, on ? "▲ Key on" : "Key off"));
  }
  for (const field of warned) list.push(make("li", { "data-chip": "bad" }, `▲ ${warningText(field)}`));
  if (party === "possibly_live") list.push(make("li", { "data-chip": "bad" }, "▲ Possibly live: not part of the latest blast"));
  if (fields.detonator_error === true) list.push(make("li", { "data-chip": "bad" }, `▲ ${said("detonator_error", true)}`));
  if (fields.blast_armed === true) list.push(make("li", { "data-chip": "armed" }, said("blast_armed", true)));
  return list;
}

/**
 * @param {Fields} fields
 * @param {number | null} changedAt
 * @param {string | null} party
 * @returns {[string, string][]}
 */
function counts(fields, changedAt, party) {
  const total = fields.children;
  /** @type {[string, string][]} */
  const facts = [];
  if (total !== undefined) facts.push(["Detonators", String(total)]);
  for (const name of COUNTED) {
    // After a blast these may be what was heard before it.
    const title = `${name.replace("children_", "")}${party === "active" ? ", last heard" : ""}`;
    if (fields[name] !== undefined && total) facts.push([title, `${fields[name]} / ${total}`]);
  }
  if (fields.qos !== undefined) facts.push(["Signal", `${fields.qos} %`]);
  facts.push(["Last change", timeOfDay(changedAt)]);
  return facts;
}

/**
 * @param {string[]} windows
 * @param {State} state
 * @returns {string}
 */
function tallyText(windows, state) {
  const counts = tally(windows.map((path) => state.units.get(path) ?? {}));
  return Object.entries(STANDINGS)
    .map(([standing, { sign, name }]) => ({ count: counts[/** @type {keyof typeof counts} */ (standing)], sign, name }))
    .filter(({ count }) => count > 0)
    .map(({ count, sign, name }) => `${sign} ${count} ${name}`)
    .join("   ");
}

/**
 * @param {string[]} windows
 * @param {Map<string, Told>} told
 * @returns {string}
 */
function outcomesText(windows, told) {
  const found = windows.flatMap((path) => told.get(path) ?? []).map(saidOf);
  const parts = Object.entries(OUTCOMES)
    .map(([outcome, { sign, brief }]) => ({ count: found.filter((one) => one === outcome).length, sign, brief }))
    .filter(({ count }) => count > 0)
    .map(({ count, sign, brief }) => `${sign} ${count} ${brief}`);
  return parts.length ? `Of the latest blast: ${parts.join("   ")}` : "";
}

/** @returns {HTMLElement} */
function legend() {
  const standings = Object.entries(STANDINGS).map(([standing, { sign, name, meaning }]) => {
    const cell = make("span", { class: "cell", "data-standing": standing }, make("span", { class: "sign" }, sign), make("span", { class: "window" }, "1"));
    return make("li", {}, cell, make("span", {}, `${name}: ${meaning}`));
  });
  const marks = MARKS.map(({ field, name }) => make("li", {}, make("i", { class: "mark", "data-mark": field }), make("span", {}, `bar: ${name}`)));
  const told = Object.entries(OUTCOMES).map(([outcome, { sign, name }]) => {
    const look = outcome === "answers" ? "alarm" : lookOf(/** @type {Told} */ ({ outcome, answers: false }));
    const parts = [make("span", { class: "sign" }, sign), make("span", { class: "window" }, "1")];
    return make("li", {}, make("span", { class: "cell", "data-look": look, "data-said": outcome }, ...parts), make("span", {}, name));
  });
  return make("ul", {}, ...standings, ...marks, ...told);
}
