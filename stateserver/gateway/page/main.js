/**
 * The page: puts connection, state and views together.
 *
 * @typedef {import("./standing.js").Link} Link
 * @typedef {import("./store.js").State} State
 * @typedef {import("./types.js").SystemHead} SystemHead
 */

import { alarmsOf } from "./alarms.js";
import { Connection, Refused } from "./connection.js";
import { Follower } from "./follower.js";
import { aftermathOf, placeOf } from "./outcomes.js";
import { isLoggedIn, logIn, logOut, takeToken, whoIsLoggedIn } from "./session.js";
import { judge } from "./standing.js";
import { controlUnit } from "./store.js";
import { REPORT_TO_COME, headlineNow } from "./verdict.js";
import { AlarmView } from "./views/alarm.js";
import { BlastsView } from "./views/blasts.js";
import { byId, setText, showFacts } from "./views/dom.js";
import { EventsView } from "./views/events.js";
import { OperationView } from "./views/operation.js";
import { OutlookView } from "./views/outlook.js";
import { SystemsView } from "./views/systems.js";
import { UnitsView } from "./views/units.js";
import { dateAndTime } from "./words.js";

const SYSTEMS_EVERY_MS = 3_000;
const THEME = "theme";

class Page {
  constructor() {
    /** @type {Link} */
    this.link = "connecting";
    this.gateway = { live: true, condition: "live", troubles: [] };
    /** @type {SystemHead[]} */
    this.systems = [];
    /** Whether there is no system for us, once that has been told. */
    this.nothing = false;
    /** @type {import("./session.js").Login | null} */
    this.login = null;
    this.due = false;
    this.views = {
      outlook: new OutlookView(),
      alarm: new AlarmView(),
      systems: new SystemsView((system) => this.choose(system)),
      operation: new OperationView(),
      units: new UnitsView(),
      events: new EventsView(),
      blasts: new BlastsView(),
    };
    const { protocol, host } = window.location;
    const url = `${protocol === "https:" ? "wss:" : "ws:"}//${host}/api/v1/ws`;
    this.connection = new Connection(url, {
      onLink: (link) => this.linked(link),
      onNotification: (notification) => this.notified(notification),
      isLoggedIn,
    });
    this.follower = new Follower(this.connection, {
      changed: () => this.draw(),
      events: (changes, afresh) => {
        this.views.events.take(changes, afresh);
        this.views.operation.take(changes, afresh);
        this.draw();
      },
    });
  }

  async start() {
    this.wire();
    this.draw();
    const token = takeToken(window.location, window.history);
    if (token !== null) await this.logIn(token);
    else if (await isLoggedIn()) this.connection.open();
    else this.linked("logged_out");
    setInterval(() => this.refreshSystems(), SYSTEMS_EVERY_MS);
  }

  wire() {
    byId("log-in").addEventListener("submit", (event) => {
      event.preventDefault();
      const input = /** @type {HTMLInputElement} */ (byId("token"));
      const token = input.value.trim();
      input.value = "";
      this.logIn(token);
    });
    byId("log-out").addEventListener("click", async () => {
      if (await logOut()) {
        this.connection.close();
        window.location.reload();
      } else {
        setText(byId("log-out"), "Still logged in: the gateway can't be reached. Log out");
      }
    });
    document.documentElement.dataset.theme = localStorage.getItem(THEME) ?? "";
    byId("theme").addEventListener("click", () => {
      const dark = getComputedStyle(document.documentElement).colorScheme.startsWith("dark");
      const theme = dark ? "light" : "dark";
      document.documentElement.dataset.theme = theme;
      localStorage.setItem(THEME, theme);
    });
  }

  /** @param {string} token */
  async logIn(token) {
    const trouble = await logIn(token);
    if (trouble === null) {
      this.linked("connecting");
      this.connection.open();
    } else {
      setText(byId("log-in-why"), trouble.why);
      if (trouble.later) /** @type {HTMLInputElement} */ (byId("token")).value = token;
      this.linked("logged_out");
    }
  }

  /** @param {Link} link */
  linked(link) {
    this.link = link;
    this.follower.disconnected();
    if (link === "open") {
      this.refreshSystems();
      if (this.follower.system !== null) this.follower.follow(this.follower.system);
    }
    this.draw();
  }

  /** @param {{ method: string, params: any }} notification */
  notified(notification) {
    if (notification.method === "status") {
      this.gateway = notification.params;
      // What was told of systems before says nothing any more.
      this.systems = this.systems.map((head) => ({ ...head, live: null }));
      this.refreshSystems();
    } else this.follower.take(notification);
    this.draw();
  }

  async refreshSystems() {
    if (this.link !== "open") return;
    let reads = true;
    try {
      this.systems = (await this.connection.call("systems.list")).systems;
    } catch (error) {
      reads = !(error instanceof Refused && error.problem === "not-allowed");
      if (reads) return; // it can't be told now; we ask again
      this.systems = [];
    }
    await this.noteNothing(reads);
    if (this.follower.subscribed) this.follower.book.retry();
    const first = this.systems[0];
    if (first && !this.follower.subscribed && !this.follower.waiting) {
      this.follower.follow(this.follower.system ?? first.system);
    }
    this.draw();
  }

  /**
   * Where there is no system for us, find out why.
   * @param {boolean} reads  may we look at systems at all
   */
  async noteNothing(reads) {
    const nothing = this.systems.length === 0;
    const login = nothing ? await whoIsLoggedIn() : null;
    this.login = login && { ...login, reads };
    this.nothing = nothing;
  }

  /** @param {string} system */
  choose(system) {
    if (system !== this.follower.system) this.follower.follow(system);
  }

  /** Draw once, however much comes before the next frame. */
  draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.drawNow();
    });
  }

  drawNow() {
    const { state, system, subscribed } = this.follower;
    const outlook = judge({
      link: this.link,
      gatewayLive: this.gateway.live,
      condition: this.gateway.condition,
      nothing: this.nothing,
      login: this.login,
      troubles: this.gateway.troubles,
      systemLive: this.systems.find((head) => head.system === system)?.live ?? null,
      subscribed,
      whole: state?.whole ?? false,
      trouble: state?.trouble ?? null,
    });
    this.views.outlook.show(outlook);
    this.views.systems.show(this.systems.map((head) => (state?.system === head.system ? refreshed(head, state) : head)), system);
    const headline = this.drawBlast(state);
    this.views.events.show();
    showFacts(byId("facts"), [
      ["System time", dateAndTime(state?.time ?? null)],
      ["Mode", state?.mode ?? this.systems.find((one) => one.system === system)?.mode ?? "–"],
      ["Version", String(state?.version ?? "–")],
    ]);
    const signs = [...(outlook.outlook === "live" ? [] : ["NOT LIVE"]), ...(headline?.tone === "alarm" ? [`▲ ${headline.word}`] : [])];
    document.title = system === null ? "State Server" : [...signs, system, "State Server"].join(" · ");
  }

  /**
   * What the latest blast came to, and what has come since.
   * @param {State | null} state
   * @returns {import("./verdict.js").Headline | null}
   */
  drawBlast(state) {
    const { book } = this.follower;
    const { units, answered } = state ?? { units: new Map(), answered: new Map() };
    const opened = state?.lastOpened ?? null;
    const toCome = opened !== null && !book.blasts.has(opened);
    const [latest, rows] = toCome ? [null, null] : [book.latest, book.detonators];
    const aftermath = aftermathOf(latest, rows, { units, answered });
    const alarms = alarmsOf({ answered }, aftermath);
    const headline = toCome ? REPORT_TO_COME : latest && headlineNow(latest, alarms);
    /** @type {import("./views/blasts.js").LabelOf} */
    const labelOf = (booster, window) => {
      const label = rows?.get(placeOf(booster, window))?.label ?? units.get(pathOf(booster, window))?.label;
      return typeof label === "string" ? label : null;
    };
    const answering = alarms.filter(({ what }) => what === "answers").flatMap(({ booster, windows }) => windows.map((one) => placeOf(booster, one)));
    this.views.alarm.show(alarms, labelOf);
    this.views.operation.show(state, headline && { at: latest?.initiated ?? null, headline });
    this.views.units.show(state, latest, aftermath);
    this.views.blasts.show(book.newestFirst(), labelOf, new Set(answering));
    return headline;
  }
}

/**
 * @param {string} booster
 * @param {number} window
 * @returns {string}
 */
function pathOf(booster, window) {
  return `${booster}/${booster.startsWith("1/") ? 2 : 4}/${window}`;
}

/**
 * The head of the system that is followed, by what is known of it since the list came.
 * @param {SystemHead} head
 * @param {State} state
 * @returns {SystemHead}
 */
function refreshed(head, state) {
  const panel = controlUnit(state);
  const operation = panel === null ? null : state.units.get(panel)?.operation;
  const answered = [...state.answered.values()];
  return { ...head, operation: typeof operation === "string" ? operation : null, warnings: state.warnings.size, answered_after_blast: answered };
}

new Page().start();
