/**
 * The list of systems to choose from, each with what matters first.
 *
 * @typedef {import("../types.js").SystemHead} SystemHead
 */

import { OPERATIONS } from "../words.js";
import { byId, make, setAttribute, setChildren, setText } from "./dom.js";

export class SystemsView {
  /** @param {(system: string) => void} choose */
  constructor(choose) {
    this.choose = choose;
    this.list = byId("systems");
    /** @type {Map<string, HTMLElement>} */
    this.buttons = new Map();
  }

  /**
   * @param {SystemHead[]} systems
   * @param {string | null} chosen
   */
  show(systems, chosen) {
    setChildren(
      this.list,
      systems.map((system) => {
        const button = this.button(system.system);
        const operation = system.operation === null ? "" : (OPERATIONS[system.operation] ?? system.operation);
        const warnings = system.warnings ? `▲ ${system.warnings}` : "";
        const answering = Boolean(system.answered_after_blast?.length);
        setText(button.children[1], operation);
        setText(button.children[2], warnings);
        setAttribute(button.children[2], "aria-label", warnings ? `${system.warnings} open warnings` : null);
        setText(button.children[3], answering ? "▲ live since the blast" : "");
        setAttribute(button, "data-state", system.operation ?? "none");
        setAttribute(button, "aria-current", system.system === chosen ? "true" : null);
        return button;
      }),
    );
  }

  /**
   * @param {string} system
   * @returns {HTMLElement}
   */
  button(system) {
    let button = this.buttons.get(system);
    if (!button) {
      const parts = [make("span", { class: "name" }, system), make("span", { class: "state" }), make("span", { class: "warned" }), make("span", { class: "answering" })];
      button = make("button", { type: "button", class: "system", "data-system": system }, ...parts);
      button.addEventListener("click", () => this.choose(system));
      this.buttons.set(system, button);
    }
    return button;
  }
}
