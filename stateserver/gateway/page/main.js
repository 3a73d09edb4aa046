/**
 * The page: puts connection, state and views together.
 *
 * @typedef {import("./standing.js").Link} Link
 * @typedef {import("./store.js").State} State
 * @typedef {import("./types.js").SystemHead} SystemHead
 */

import { Connection } from "./connection.js";
import { Follower } from "./follower.js";
import { isLoggedIn, logIn, logOut, takeToken } from "./session.js";
import { judge } from "./standing.js";
import { controlUnit } from "./store.js";
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
    this.gateway = { live: true, condition: "live" };
    /** @type {SystemHead[]} */
    this.systems = [];
    this.due = false;
    this.views = {
      outlook: new OutlookView(),
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
    if (notification.method === "status") this.gateway = notification.params;
    else this.follower.take(notification);
    this.draw();
  }

  async refreshSystems() {
    if (this.link !== "open") return;
    const answer = await this.follower.ask("systems.list", {});
    if (answer === null) return;
    this.systems = answer.systems;
    const first = this.systems[0];
    if (first && !this.follower.subscribed && !this.follower.waiting) {
      this.follower.follow(this.follower.system ?? first.system);
    }
    this.draw();
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
    const { state, system, subscribed, blasts } = this.follower;
    const verdict = judge({
      link: this.link,
      gatewayLive: this.gateway.live,
      condition: this.gateway.condition,
      subscribed,
      whole: state?.whole ?? false,
      trouble: state?.trouble ?? null,
    });
    this.views.outlook.show(verdict);
    this.views.systems.show(this.systems.map((head) => (state?.system === head.system ? refreshed(head, state) : head)), system);
    this.views.operation.show(state);
    const latest = [...blasts.values()].sort((one, other) => other.initiated - one.initiated)[0];
    this.views.units.show(state, latest ?? null);
    this.views.events.show();
    this.views.blasts.show(blasts.values());
    showFacts(byId("facts"), [
      ["System time", dateAndTime(state?.time ?? null)],
      ["Mode", state?.mode ?? this.systems.find((one) => one.system === system)?.mode ?? "–"],
      ["Version", String(state?.version ?? "–")],
    ]);
    document.title = system === null ? "State Server" : `${verdict.outlook === "live" ? "" : "NOT LIVE · "}${system} · State Server`;
  }
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
  return { ...head, operation: typeof operation === "string" ? operation : null, warnings: state.warnings.size };
}

new Page().start();
