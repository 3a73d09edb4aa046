/**
 * The running list of events, newest first.
 *
 * @typedef {import("../event_list.js").Line} Line
 * @typedef {import("../types.js").Change} Change
 */

import { addEvent, lineText, windowsText } from "../event_list.js";
import { dateAndTime, eventTone, timeOfDay } from "../words.js";
import { byId, make, setAttribute, setChildren, setText } from "./dom.js";

export class EventsView {
  constructor() {
    this.list = byId("events");
    /** @type {Line[]} */
    this.lines = [];
    /** @type {Map<Line, HTMLElement>} */
    this.items = new Map();
  }

  /**
   * @param {Change[]} changes
   * @param {boolean} afresh  in the place of all that is shown
   */
  take(changes, afresh) {
    if (afresh) {
      this.lines = [];
      this.items.clear();
    }
    for (const change of changes) addEvent(this.lines, change);
  }

  show() {
    const kept = new Set(this.lines);
    for (const line of this.items.keys()) if (!kept.has(line)) this.items.delete(line);
    setChildren(this.list, this.lines.map((line) => this.item(line)));
  }

  /**
   * @param {Line} line
   * @returns {HTMLElement}
   */
  item(line) {
    let item = this.items.get(line);
    if (!item) {
      const time = make("time", { datetime: new Date(line.at).toISOString(), title: dateAndTime(line.at) }, timeOfDay(line.at));
      item = make("li", { "data-kind": line.kind, "data-tone": eventTone(line.kind) }, time, make("b"), make("span"), make("small"));
      this.items.set(line, item);
    }
    setAttribute(item, "data-event-version", String(line.version));
    const windows = windowsText(line);
    setText(item.children[1], windows ? `${line.subject}, ${windows}` : line.subject);
    setText(item.children[2], lineText(line));
    setText(item.children[3], `#${line.version}`);
    return item;
  }
}
