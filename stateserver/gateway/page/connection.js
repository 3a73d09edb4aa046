/**
 * JSON-RPC over a WebSocket that opens itself again, and notices when it only seems to be open.
 *
 * @typedef {import("./standing.js").Link} Link
 * @typedef {{ method: string, params: any }} Notification
 *
 * @typedef {object} Listener
 * @property {(link: Link) => void} onLink
 * @property {(notification: Notification) => void} onNotification
 * @property {() => Promise<boolean>} isLoggedIn  asked when a connection could not be opened
 */

export const PING_EVERY_MS = 4_000;
export const SILENCE_MAX_MS = 10_000;
const BACKOFF_MS = [250, 500, 1_000, 2_000, 5_000];

/** The gateway has refused a call; `code` is JSON-RPC's, `problem` the name of what is wrong, if it has one. */
export class Refused extends Error {
  /**
   * @param {{ code: number, message: string, data?: { type?: string } }} error
   */
  constructor(error) {
    super(error.message);
    this.code = error.code;
    this.problem = error.data?.type?.split(":").at(-1) ?? null;
  }
}

/** The connection ended before the answer came. */
export class Disconnected extends Error {}

/**
 * How long to wait before the next attempt: longer each time, and not all pages at once.
 * @param {number} attempt
 * @param {number} chance  from 0 to 1
 * @returns {number}
 */
export function backoff(attempt, chance) {
  const base = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)];
  return base * (0.75 + chance / 2);
}

/**
 * A snapshot as it was before the gateway packed it.
 * @param {string} packed  base64 of gzip of JSON
 * @returns {Promise<any>}
 */
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

/**
 * What in a message has a packed snapshot, if anything.
 * @param {any} message
 * @returns {any}
 */
function holderOfPacked(message) {
  const holder = message.params ?? message.result;
  return holder?.snapshot_gzip === undefined ? null : holder;
}

/** What was begun by what was told before has its turn. */
const nextTurn = () => new Promise((resolve) => setTimeout(resolve));

export class Connection {
  /**
   * @param {string} url
   * @param {Listener} listener
   */
  constructor(url, listener) {
    this.url = url;
    this.listener = listener;
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
    this.calls = new Map();
    this.lastId = 0;
    this.attempt = 0;
    this.heardAt = 0;
    this.closed = false;
    /** Ends when all that waits for a packed snapshot was told. @type {Promise<void> | null} */
    this.unpacking = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** Open the connection, and open it again whenever it ends, until `close`. */
  open() {
    this.closed = false;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.unpacking = null;
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => this.received(socket, String(event.data));
    socket.onclose = () => this.ended(socket);
  }

  /** End it for good. */
  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  /**
   * Call a method of the gateway.
   * @param {string} method
   * @param {object} [params]
   * @returns {Promise<any>}
   */
  call(method, params = {}) {
    const socket = this.socket;
    if (!socket || socket.readyState !== WebSocket.OPEN) return Promise.reject(new Disconnected("not connected"));
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  opened() {
    this.attempt = 0;
    this.heardAt = performance.now();
    this.listener.onLink("open");
    this.watch();
  }

  /** A cable that was pulled says nothing: only an answer that stays out tells. */
  watch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (performance.now() - this.heardAt > SILENCE_MAX_MS) {
        const socket = this.socket;
        socket?.close();
        if (socket) this.ended(socket);
        return;
      }
      this.call("ping").catch(() => {});
      this.watch();
    }, PING_EVERY_MS);
  }

  /**
   * @param {WebSocket} socket
   * @param {string} text
   */
  received(socket, text) {
    this.heardAt = performance.now();
    const message = JSON.parse(text);
    if (this.unpacking === null && holderOfPacked(message) === null) {
      this.tell(message);
      return;
    }
    // What follows a snapshot means nothing before it.
    const told = (this.unpacking ?? Promise.resolve()).then(() => this.unpackAndTell(socket, message));
    this.unpacking = told;
    told
      .catch((error) => {
        console.warn(`hanging up: ${error}`);
        socket.close();
      })
      .finally(() => {
        if (this.unpacking === told) this.unpacking = null;
      });
  }

  /**
   * @param {WebSocket} socket
   * @param {any} message
   */
  async unpackAndTell(socket, message) {
    const holder = holderOfPacked(message);
    if (holder !== null) {
      holder.snapshot = await unpack(holder.snapshot_gzip);
      delete holder.snapshot_gzip;
    }
    if (socket !== this.socket) return;
    this.tell(message);
    await nextTurn();
  }

  /** @param {any} message */
  tell(message) {
    if (message.method !== undefined) {
      this.listener.onNotification(message);
      return;
    }
    const call = this.calls.get(message.id);
    if (!call) return;
    this.calls.delete(message.id);
    if (message.error) call.reject(new Refused(message.error));
    else call.resolve(message.result);
  }

  /** @param {WebSocket} socket */
  async ended(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    clearTimeout(this.timer);
    for (const call of this.calls.values()) call.reject(new Disconnected("the connection has ended"));
    this.calls.clear();
    if (this.closed) return;
    this.listener.onLink("lost");
    if (!(await this.listener.isLoggedIn())) {
      this.listener.onLink("logged_out");
      return;
    }
    this.timer = setTimeout(() => this.open(), backoff(this.attempt, Math.random()));
    this.attempt += 1;
  }
}
