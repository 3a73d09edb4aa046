/**
 * Keeps one system's state at the present, by a subscription that goes on where it was after a break.
 *
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./store.js").State} State
 * @typedef {import("./types.js").Change} Change
 * @typedef {import("./types.js").Snapshot} Snapshot
 *
 * @typedef {object} Show
 * @property {() => void} changed  something is new
 * @property {(changes: Change[], afresh: boolean) => void} events  these have come; afresh: in the place of all
 */

import { BlastBook } from "./blast_book.js";
import { Disconnected } from "./connection.js";
import { Gap, fold, fromSnapshot, noteChange } from "./store.js";

export const EVENTS_AT_START = 400;
/** With more changes than these since it was away, a snapshot is sooner there, and sooner shown. */
const CHANGES_MAX = 5_000;

export class Follower {
  /**
   * @param {Pick<Connection, "call">} connection
   * @param {Show} show
   */
  constructor(connection, show) {
    this.connection = connection;
    this.show = show;
    /** @type {string | null} */
    this.system = null;
    /** @type {State | null} */
    this.state = null;
    this.book = new BlastBook((method, params) => this.ask(method, params), () => this.show.changed());
    /** @type {string | null} */
    this.subscription = null;
    /** What has come while the past was being fetched. @type {Change[] | null} */
    this.meanwhile = null;
    /** Counts the subscriptions that were asked for: an answer to an older one is no longer wanted. */
    this.asked = 0;
    /** Whether the answer to the latest is still to come. */
    this.waiting = false;
  }

  /** Whether the state has come since the connection was opened. */
  get subscribed() {
    return this.subscription !== null;
  }

  /**
   * Follow this system from now on.
   * @param {string} system
   * @returns {Promise<void>}
   */
  async follow(system) {
    if (system !== this.system) {
      this.forgetSubscription();
      this.system = system;
      this.state = null;
      this.meanwhile = null; // the other system's past, should it still come, is not wanted
      this.book.begin(system);
      this.show.events([], true);
      this.show.changed();
    }
    await this.subscribe(this.state ?? undefined);
  }

  /** The connection is gone: what is held is the past. */
  disconnected() {
    this.subscription = null;
    this.waiting = false;
    this.asked += 1;
  }

  /**
   * @param {State} [held]  to go on from
   * @returns {Promise<void>}
   */
  async subscribe(held) {
    if (this.system === null) return;
    this.asked += 1;
    const asked = this.asked;
    this.waiting = true;
    const from = held === undefined ? {} : { cursor: held.version, era: held.era, changes_max: CHANGES_MAX };
    const wanted = { system: this.system, compress: "gzip", ...from };
    const answer = await this.ask("subscribe", wanted);
    if (asked !== this.asked) {
      if (answer !== null) this.ask("unsubscribe", { subscription: answer.subscription });
      return;
    }
    this.waiting = false;
    if (answer === null) return;
    this.subscription = answer.subscription;
    if (answer.snapshot) await this.startOver(answer.snapshot);
    else await this.book.fetchAll();
  }

  /**
   * Take a notification, if it is one of ours.
   * @param {{ method: string, params: any }} notification
   */
  take({ method, params }) {
    if (params.subscription === undefined || params.subscription !== this.subscription || !this.state) return;
    if (method === "changes") this.takeChanges(params.changes);
    else if (method === "snapshot") this.startOver(params.snapshot);
    else if (method === "standing") Object.assign(this.state, { whole: params.whole, trouble: params.trouble });
    this.show.changed();
  }

  /** @param {Change[]} changes */
  takeChanges(changes) {
    const state = /** @type {State} */ (this.state);
    const taken = [];
    try {
      for (const change of changes) if (fold(state, change)) taken.push(change);
    } catch (error) {
      if (!(error instanceof Gap)) throw error;
      console.warn(`subscribing anew: ${error.message}`);
      this.forgetSubscription();
      this.subscribe();
    }
    this.meanwhile?.push(...taken);
    this.show.events(taken, false);
    for (const { kind, details, version } of taken) {
      if (kind.startsWith("blast_")) this.book.fetch(String(details.blast), version);
    }
  }

  /** @param {Snapshot} snapshot */
  async startOver(snapshot) {
    if (this.state?.era !== snapshot.era) this.blasts = new Map(); // what was told of them is withdrawn
    this.state = fromSnapshot(snapshot);
    const { system, version } = snapshot;
    /** @type {Change[]} */
    const meanwhile = [];
    this.meanwhile = meanwhile;
    this.show.changed();
    this.book.fetchAll();
    const after = Math.max(0, version - EVENTS_AT_START);
    const past = await this.ask("changes.list", { system, after, limit: EVENTS_AT_START });
    if (this.meanwhile !== meanwhile) return;
    this.meanwhile = null;
    const before = /** @type {Change[]} */ (past?.changes ?? []).filter((one) => one.version <= version);
    for (const change of before) noteChange(this.state, change);
    this.catchUp(before);
    this.show.events([...before, ...meanwhile], true);
  }

  /**
   * A report follows its event a moment later: one may have come between the snapshot and the list of blasts, or not yet.
   * @param {Change[]} before  events up to the snapshot
   */
  catchUp(before) {
    const last = before.findLast(({ kind }) => kind.startsWith("blast_"));
    if (last) this.book.fetch(String(last.details.blast), last.version);
  }

  forgetSubscription() {
    if (this.subscription !== null) this.ask("unsubscribe", { subscription: this.subscription });
    this.subscription = null;
  }

  /**
   * Call a method; null where it is refused or the connection ended meanwhile.
   * @param {string} method
   * @param {object} params
   * @returns {Promise<any>}
   */
  async ask(method, params) {
    try {
      return await this.connection.call(method, params);
    } catch (error) {
      if (!(error instanceof Disconnected)) console.warn(`${method}: ${error}`);
      return null;
    }
  }
}
