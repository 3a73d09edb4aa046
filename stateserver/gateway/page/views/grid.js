/**
 * The detonators of a booster: a cell for each window, one of them looked at, by mouse or arrow keys.
 *
 * @typedef {import("../outcomes.js").Told} Told
 * @typedef {import("../types.js").Fields} Fields
 */

import { MARKS, STANDINGS, standingOf } from "../detonators.js";
import { OUTCOMES, lookOf, outcomeText, saidOf } from "../outcomes.js";
import { said } from "../words.js";
import { make, setAttribute, setChildren, setText } from "./dom.js";

const NOT_IN_IT = "was not in the latest blast";
const HIDDEN = new Set(["type", "parent", "window_id", "communication_status", "first_seen", "as_of", "uid"]);

export class GridView {
  /** @param {string} name  what it holds, for who can't see it */
  constructor(name) {
    this.cells = make("div", { class: "grid", role: "listbox", tabindex: "0", "aria-label": name });
    this.detail = make("p", { class: "detail", "aria-live": "polite" });
    this.element = make("div", { class: "grid-frame" }, this.cells, this.detail);
    /** @type {Map<string, HTMLElement>} */
    this.byPath = new Map();
    /** @type {Map<string, Fields>} */
    this.shown = new Map();
    /** @type {Map<string, Told>} */
    this.told = new Map();
    /** Those that were not in the latest blast of their booster. @type {Set<string>} */
    this.others = new Set();
    /** @type {string | null} */
    this.active = null;
    this.cells.addEventListener("keydown", (event) => this.key(event));
    this.cells.addEventListener("pointerover", (event) => this.point(event.target));
    this.cells.addEventListener("click", (event) => this.point(event.target));
    this.cells.addEventListener("focus", () => this.look(this.active ?? [...this.byPath.keys()][0] ?? null));
  }

  /**
   * @param {string[]} paths  in path order
   * @param {Map<string, Fields>} units
   * @param {Map<string, Told>} told
   * @param {Set<string>} others
   */
  show(paths, units, told, others) {
    this.told = told;
    this.others = others;
    this.element.hidden = paths.length === 0;
    const kept = new Set(paths);
    for (const path of this.byPath.keys()) if (!kept.has(path)) this.drop(path);
    this.shown = new Map(paths.map((path) => [path, units.get(path) ?? {}]));
    setChildren(this.cells, paths.map((path) => this.cell(path)));
    if (this.active !== null) this.look(this.active);
  }

  /** @param {string} path */
  drop(path) {
    this.byPath.delete(path);
    if (this.active !== path) return;
    this.active = null;
    setAttribute(this.cells, "aria-activedescendant", null);
    setText(this.detail, "");
  }

  /**
   * @param {string} path
   * @returns {HTMLElement}
   */
  cell(path) {
    const fields = this.shown.get(path) ?? {};
    let cell = this.byPath.get(path);
    if (!cell) {
      const window = make("span", { class: "window" }, String(fields.window_id));
      const marks = MARKS.map(({ field }) => make("i", { class: "mark", "data-mark": field }));
      const parts = [make("span", { class: "sign" }), window, make("span", { class: "marks" }, ...marks)];
      cell = make("div", { class: "cell", role: "option", "data-unit": path, id: `cell-${path.replaceAll("/", "-")}` }, ...parts);
      this.byPath.set(path, cell);
    }
    const standing = standingOf(fields);
    const marks = MARKS.filter(({ field }) => fields[field] === true);
    setAttribute(cell, "data-standing", standing);
    setAttribute(cell, "data-answering", String(fields.detonator_status === true));
    setAttribute(cell, "data-marks", marks.map(({ sign }) => sign).join(""));
    const told = this.told.get(path) ?? null;
    const other = this.others.has(path);
    const first = [told ? outcomeText(told) : STANDINGS[standing].name, ...(other ? [NOT_IN_IT] : [])];
    const names = [...first, ...marks.map(({ name }) => name)];
    setAttribute(cell, "data-not-in-blast", other ? "true" : null);
    setAttribute(cell, "data-outcome", told?.outcome ?? null);
    setAttribute(cell, "data-answers-since", told?.answers ? "true" : null);
    setAttribute(cell, "data-look", told ? lookOf(told) : null);
    setAttribute(cell, "data-said", told ? saidOf(told) : null);
    setAttribute(cell, "aria-label", `${fields.window_id}: ${names.join(", ")}`);
    // What was last heard of one that was in the blast is no news of it: its outcome is.
    setText(cell.children[0], told ? OUTCOMES[saidOf(told)].sign : STANDINGS[standing].sign);
    return cell;
  }

  /** @param {EventTarget | null} target */
  point(target) {
    const cell = target instanceof Element ? target.closest(".cell") : null;
    const path = cell?.getAttribute("data-unit");
    if (path) this.look(path);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const paths = [...this.shown.keys()];
    const columns = getComputedStyle(this.cells).gridTemplateColumns.split(" ").length;
    const steps = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns });
    const now = paths.indexOf(this.active ?? "");
    let next = steps[event.key] === undefined ? -1 : now + steps[event.key];
    if (event.key === "Home") next = 0;
    if (event.key === "End") next = paths.length - 1;
    if (paths[next] === undefined) return;
    event.preventDefault();
    this.look(paths[next]);
  }

  /**
   * Look at one: its cell is marked, and what is known of it is told below.
   * @param {string | null} path
   */
  look(path) {
    if (path === null) return;
    if (this.active !== null && this.active !== path) setAttribute(this.byPath.get(this.active) ?? this.cells, "aria-selected", null);
    const cell = this.byPath.get(path);
    const fields = this.shown.get(path);
    if (!cell || !fields) return;
    this.active = path;
    setAttribute(cell, "aria-selected", "true");
    setAttribute(this.cells, "aria-activedescendant", cell.id);
    setText(this.detail, detailText(fields, this.told.get(path) ?? null, this.others.has(path)));
  }
}

/**
 * @param {Fields} fields
 * @param {Told | null} told
 * @param {boolean} other  was it not in the latest blast
 * @returns {string}
 */
function detailText(fields, told, other) {
  const { name, meaning } = STANDINGS[standingOf(fields)];
  const heard = `${name}: ${meaning}`;
  const outcome = told && `${lookOf(told) === "alarm" ? "▲ " : ""}${outcomeText(told)}`;
  const first = outcome ? [outcome, `last heard: ${heard}`] : [...(other ? [`▲ ${NOT_IN_IT}`] : []), heard];
  const rest = Object.entries(fields)
    .filter(([field]) => !HIDDEN.has(field))
    .map(([field, value]) => said(field, value));
  const uid = fields.uid === undefined ? "uid not known" : `uid ${fields.uid}`;
  return [`${fields.window_id} — ${first.join(" · ")}`, uid, ...rest].join(" · ");
}
