/**
 * The blasts of the system that is followed: their reports, and who was in the latest one.
 *
 * @typedef {import("./types.js").Blast} Blast
 * @typedef {import("./types.js").DetonatorRow} DetonatorRow
 * @typedef {{ blast: string, closed: boolean, rows: Map<string, DetonatorRow> }} Held
 * @typedef {(method: string, params: object) => Promise<any>} Ask  null where it is refused, or the connection ended
 */

import { placeOf } from "./outcomes.js";

const ATTEMPTS = 5;
const ROWS_A_PAGE = 10_000;
/** What can't be told isn't asked for at each turn: after so many turns at most. */
const TURNS_MAX = 20;

export class BlastBook {
  /**
   * @param {Ask} ask
   * @param {() => void} changed
   */
  constructor(ask, changed) {
    this.ask = ask;
    this.changed = changed;
    /** @type {string | null} */
    this.system = null;
    /** @type {Map<string, Blast>} */
    this.blasts = new Map();
    /** @type {Held | null} */
    this.held = null;
    this.fetching = false;
    this.retrying = false;
    this.failures = 0;
    this.turnsToWait = 0;
    /** The version that each report is to be of, as an event has told, until it is there. @type {Map<string, number>} */
    this.awaited = new Map();
  }

  /**
   * Begin with another system.
   * @param {string} system
   */
  begin(system) {
    this.system = system;
    this.blasts = new Map();
    this.held = null;
    this.awaited = new Map();
  }

  /**
   * A document that is there. One of a blast that is closed stays: no later one opens it again.
   * @param {Blast & { timeline?: unknown }} document  its timeline is not shown here, and may be huge
   */
  put({ timeline: _, ...document }) {
    const held = this.blasts.get(document.blast);
    if (held !== undefined && held.closed !== null && document.closed === null) return;
    // The same again stays the same: what is shown of it needn't be made anew.
    if (JSON.stringify(held) !== JSON.stringify(document)) this.blasts.set(document.blast, document);
  }

  /** The one that was opened last: by its version, as a clock may have been set back. @returns {Blast | null} */
  get latest() {
    return this.newestFirst()[0] ?? null;
  }

  /** @returns {Blast[]} */
  newestFirst() {
    return [...this.blasts.values()].sort((one, other) => other.versions.opened - one.versions.opened);
  }

  /** Who was in the latest blast, by place, as far as that is known here. @returns {Map<string, DetonatorRow> | null} */
  get detonators() {
    return this.held !== null && this.held.blast === this.latest?.blast ? this.held.rows : null;
  }

  /** All blasts of the system as they stand now. */
  async fetchAll() {
    const system = this.system;
    let after = null;
    do {
      /** @type {{ blasts: Blast[], next: string | null } | null} */
      const answer = await this.ask("blasts.list", { system, ...(after === null ? {} : { after }) });
      if (answer === null || this.system !== system) return;
      for (const blast of answer.blasts) this.put(blast);
      after = answer.next ?? null;
    } while (after !== null);
    this.changed();
    await this.fetchDetonators();
  }

  /**
   * A blast's document follows its event a moment later: the gateway waits for it. To be tried again where it doesn't.
   * @param {string} blast
   * @param {number} version
   */
  async fetch(blast, version) {
    const awaited = this.awaited;
    awaited.set(blast, Math.max(version, awaited.get(blast) ?? 0));
    for (let attempt = 0; attempt < ATTEMPTS && awaited === this.awaited && awaited.has(blast); attempt += 1) {
      const document = await this.ask("blasts.get", { blast, version });
      if (document === null || awaited !== this.awaited) continue;
      if (version === awaited.get(blast)) awaited.delete(blast);
      this.put(document);
      this.changed();
      await this.fetchDetonators();
      return;
    }
  }

  /** Try again what has failed: less and less often. */
  async retry() {
    if (this.retrying || --this.turnsToWait > 0) return;
    this.retrying = true;
    for (const [blast, version] of [...this.awaited]) await this.fetch(blast, version);
    await this.fetchDetonators();
    this.retrying = false;
  }

  /** Who was in the latest blast, and what became of each, unless that is known. To be tried again where it fails. */
  async fetchDetonators() {
    while (!this.fetching && this.lacks(this.latest)) {
      this.fetching = true;
      const held = await this.rowsOf(/** @type {Blast} */ (this.latest)).finally(() => (this.fetching = false));
      this.failures = held === null ? this.failures + 1 : 0;
      this.turnsToWait = this.failures && Math.min(2 ** this.failures, TURNS_MAX);
      if (held === null) return;
      this.held = held;
      this.changed();
    }
  }

  /**
   * @param {Blast | null} blast
   * @returns {boolean}
   */
  lacks(blast) {
    if (blast === null) return false;
    return this.held === null || this.held.blast !== blast.blast || this.held.closed !== (blast.closed !== null);
  }

  /**
   * All pages, or null: if its report is another one in the midst of them they don't fit together.
   * @param {Blast} blast
   * @returns {Promise<Held | null>}
   */
  async rowsOf({ blast, versions }) {
    const wanted = { blast, version: versions.closed ?? versions.opened, limit: ROWS_A_PAGE };
    const first = await this.ask("blasts.detonators", wanted);
    if (first === null) return null;
    /** @type {Map<string, DetonatorRow>} */
    const rows = new Map();
    const take = (/** @type {DetonatorRow[]} */ page) => page.forEach((row) => rows.set(placeOf(row.unit, row.window_id), row));
    take(first.detonators);
    for (let { next } = first; next !== null; ) {
      const page = await this.ask("blasts.detonators", { ...wanted, after: next });
      if (page === null || page.version !== first.version) return null;
      take(page.detonators);
      next = page.next;
    }
    return { blast, closed: first.stage === "closed", rows };
  }
}
