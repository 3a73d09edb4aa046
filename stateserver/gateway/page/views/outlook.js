/**
 * Whether what is shown is live: a sign that stays, and a banner that can't be overlooked where it is not.
 *
 * @typedef {import("../standing.js").Verdict} Verdict
 */

import { timeOfDay } from "../words.js";
import { byId, setAttribute, setText } from "./dom.js";

/** @type {Record<string, string>} */
const SIGNS = { live: "●", waiting: "…", lost: "■", doubtful: "▲", logged_out: "○", empty: "○" };

export class OutlookView {
  constructor() {
    this.sign = byId("outlook");
    this.banner = byId("banner");
    /** When it ceased to be live, by the clock on the wall. @type {number | null} */
    this.since = null;
  }

  /** @param {Verdict} verdict */
  show({ outlook, title, text }) {
    if (outlook === "live") this.since = null;
    else this.since ??= Date.now();
    setAttribute(document.body, "data-outlook", outlook);
    setText(this.sign, `${SIGNS[outlook]} ${title}`);
    const stale = outlook === "lost" || outlook === "doubtful";
    this.banner.hidden = !stale;
    setText(this.banner, stale ? `${title.toUpperCase()} since ${timeOfDay(this.since)} UTC. ${text}` : "");
    byId("log-in").hidden = outlook !== "logged_out";
    byId("instruments").hidden = outlook === "logged_out" || outlook === "empty";
    byId("nothing").hidden = outlook !== "empty";
    setText(byId("nothing-title"), outlook === "empty" ? title : "");
    setText(byId("nothing-why"), outlook === "empty" ? text : "");
  }
}
