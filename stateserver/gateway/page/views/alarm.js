/**
 * The banner of what contradicts the latest blast: it stays until the next one, or until the units are retired.
 *
 * @typedef {import("../alarms.js").Alarm} Alarm
 */

import { alarmText } from "../alarms.js";
import { byId, make, setAttribute, setChildren, setText } from "./dom.js";

const LIVE = "▲ LIVE DETONATORS SINCE THE BLAST: stay out";
const NEW = "▲ NEW DETONATORS SINCE THE BLAST: take them for live";

export class AlarmView {
  constructor() {
    this.element = byId("alarm");
    this.title = make("strong");
    this.list = make("ul");
    this.element.append(this.title, this.list);
  }

  /**
   * @param {Alarm[]} alarms
   * @param {(booster: string, window: number) => string | null} labelOf
   */
  show(alarms, labelOf) {
    this.element.hidden = alarms.length === 0;
    setText(this.title, alarms.some(({ what }) => what === "answers") ? LIVE : NEW);
    while (this.list.children.length < alarms.length) this.list.append(make("li"));
    setChildren(this.list, [...this.list.children].slice(0, alarms.length));
    alarms.forEach((alarm, index) => {
      const row = this.list.children[index];
      setAttribute(row, "data-alarm", alarm.what);
      setAttribute(row, "data-alarm-unit", alarm.booster);
      setText(row, alarmText(alarm, labelOf));
    });
  }
}
