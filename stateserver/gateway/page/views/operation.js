/**
 * The control unit: its operation, to be read from across the room, and what it follows from.
 *
 * @typedef {import("../store.js").State} State
 * @typedef {import("../types.js").Change} Change
 * @typedef {import("../verdict.js").Headline} Headline
 * @typedef {import("../types.js").Fields} Fields
 */

import { controlUnit } from "../store.js";
import { OPERATIONS, dateAndTime, said, timeOfDay, unitName, warningText } from "../words.js";
import { byId, make, setAttribute, setChildren, setText, showFacts } from "./dom.js";

/** Told apart without colours too. @type {Record<string, string>} */
const SIGNS = {
  disarmed: "○",
  armed: "▲",
  firing: "✹",
  firing_complete: "■",
  firing_aborted: "✕",
  firing_error: "!",
  none: "–",
};
const SHOWN = ["key_switch", "fire_button", "communication_status", "isolation_relay", "blast_armed"];

/** These are worth a word only where they are so. */
const SHOWN_IF_SO = ["firing", "resetting"];

/** How many steps of the operation stay in sight: some last but a few milliseconds. */
const TRAIL_MAX = 6;
/** Of all control units. */
const STEPS_KEPT = 60;

export class OperationView {
  constructor() {
    /** @type {Change[]} */
    this.steps = [];
    this.sign = make("span", { class: "sign", "aria-hidden": "true" });
    this.word = make("strong", { class: "word" });
    this.lamp = make("div", { class: "lamp", role: "status" }, this.sign, this.word);
    this.verdictWord = make("strong");
    this.verdictText = make("span");
    this.verdict = make("div", { class: "verdict", role: "status", hidden: "" }, this.verdictWord, this.verdictText);
    this.title = make("h2");
    this.trail = make("ol", { class: "trail", "aria-label": "How it came to this" });
    this.facts = make("dl", { class: "facts" });
    this.warnings = make("ul", { class: "warnings", "aria-label": "Open warnings" });
    this.others = make("ul", { class: "others", "aria-label": "Other control units" });
    byId("operation").append(this.title, this.lamp, this.verdict, this.trail, this.facts, this.warnings, this.others);
  }

  /**
   * @param {Change[]} changes
   * @param {boolean} afresh  in the place of all that is shown
   */
  take(changes, afresh) {
    const steps = changes.filter((change) => change.kind === "operation_changed");
    this.steps = (afresh ? steps : [...this.steps, ...steps]).slice(-STEPS_KEPT);
  }

  /**
   * @param {State | null} state
   * @param {{ at: number | null, headline: Headline } | null} latest  what the latest blast came to, and when it was initiated
   */
  show(state, latest) {
    const path = state && controlUnit(state);
    const fields = (path && state?.units.get(path)) || null;
    const operation = typeof fields?.operation === "string" ? fields.operation : "none";
    setText(this.title, path ? unitName(path) : "Control unit");
    setAttribute(this.lamp, "data-operation", operation);
    setAttribute(this.lamp, "data-unit", path || null);
    setAttribute(this.lamp, "data-tone", latest?.headline.tone ?? null);
    this.showVerdict(latest);
    setText(this.sign, SIGNS[operation] ?? "?");
    setText(this.word, operation === "none" ? "Not heard yet" : (OPERATIONS[operation] ?? operation));
    showFacts(this.facts, fields ? facts(fields, state?.changedAt.get(path ?? "") ?? null) : []);
    this.showTrail(path);
    this.showWarnings(state);
    this.showOthers(state, path);
  }

  /** @param {{ at: number | null, headline: Headline } | null} latest */
  showVerdict(latest) {
    this.verdict.hidden = latest === null;
    if (latest === null) return;
    const { tone, verdict, word, text } = latest.headline;
    setAttribute(this.verdict, "data-tone", tone);
    setAttribute(this.verdict, "data-verdict", verdict);
    setText(this.verdictWord, `${tone === "alarm" ? "▲ " : ""}${word}`);
    setText(this.verdictText, latest.at === null ? text : `Blast of ${dateAndTime(latest.at)}. ${text}`);
  }

  /** @param {string | null} path */
  showTrail(path) {
    const steps = this.steps.filter((change) => change.unit === path).slice(-TRAIL_MAX);
    setChildren(
      this.trail,
      steps.map((change) => {
        const operation = String(change.after.operation);
        const text = `${OPERATIONS[operation] ?? operation} ${timeOfDay(change.at)}`;
        return make("li", { "data-step": operation }, text);
      }),
    );
  }

  /** @param {State | null} state */
  showWarnings(state) {
    const open = [...(state?.warnings.values() ?? [])];
    setChildren(
      this.warnings,
      open.map((warning) => {
        const seen = warning.acknowledged === null ? "not seen by anybody yet" : `seen by ${warning.actor}`;
        const since = warning.raised === null ? "" : `, since ${timeOfDay(warning.raised)}`;
        const text = `▲ ${unitName(warning.unit)}: ${warningText(warning.field)}${since}, ${seen}`;
        return make("li", { "data-warning": `${warning.unit} ${warning.field}` }, text);
      }),
    );
  }

  /**
   * @param {State | null} state
   * @param {string | null} main
   */
  showOthers(state, main) {
    const others = [...(state?.units ?? [])].filter(([path, fields]) => fields.type === 0 && path !== main);
    setChildren(
      this.others,
      others.map(([path, fields]) => {
        const word = OPERATIONS[String(fields.operation)] ?? "not heard yet";
        return make("li", { "data-unit": path, "data-other-operation": String(fields.operation) }, `${unitName(path)}: ${word}`);
      }),
    );
  }
}

/**
 * @param {Fields} fields
 * @param {number | null} changedAt
 * @returns {[string, string][]}
 */
function facts(fields, changedAt) {
  const count = (/** @type {string} */ name) => String(fields[name] ?? 0);
  const told = [...SHOWN.filter((name) => fields[name] !== undefined), ...SHOWN_IF_SO.filter((name) => fields[name] === true)];
  const switches = told.map((name) => said(name, fields[name]));
  return [
    ["Says", switches.join(" · ") || "–"],
    ["Boosters", `${count("children")}, ${count("children_communicating")} in contact, ${count("children_armed")} with key on`],
    ["Last change", dateAndTime(changedAt)],
  ];
}
