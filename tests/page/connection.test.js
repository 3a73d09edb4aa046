import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { Connection } from "../../stateserver/gateway/page/connection.js";

/** A socket that says what it is told to. */
class Socket {
  static OPEN = 1;

  constructor() {
    this.readyState = Socket.OPEN;
    this.sent = [];
    Socket.last = this;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
    this.onclose();
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}
globalThis.WebSocket = Socket;

const packed = (snapshot) => gzipSync(JSON.stringify(snapshot)).toString("base64");
const changes = (cursor) => ({ jsonrpc: "2.0", method: "changes", params: { subscription: "1", cursor } });

/** Everything that waited for a snapshot is told, or given up. */
async function settled(connection) {
  while (connection.unpacking) await connection.unpacking.catch(() => {});
}

/** A connection that is open, and what it tells: in order. */
function opened(t) {
  const told = [];
  const links = [];
  const connection = new Connection("wss://site/ws", {
    onLink: (link) => links.push(link),
    onNotification: (notification) => told.push(notification),
    isLoggedIn: async () => false,
  });
  connection.open();
  t.after(() => connection.close());
  Socket.last.onopen();
  return { connection, socket: Socket.last, told, links };
}

test("what follows a packed snapshot is told after it, when whoever asked has taken it", async (t) => {
  const { connection, socket, told } = opened(t);
  const asked = connection.call("subscribe", { compress: "gzip" }).then(async (answer) => {
    await null;
    await null;
    told.push(answer.snapshot);
  });
  const snapshot = { system: "site", version: 7, units: [{ unit: "a/b", label: "Süd" }] };
  const answer = { subscription: "1", cursor: 7, snapshot_gzip: packed(snapshot) };
  socket.say({ jsonrpc: "2.0", id: socket.sent[0].id, result: answer });
  socket.say(changes(8));
  socket.say(changes(9));
  assert.deepEqual(told, []);
  await asked;
  await settled(connection);
  assert.deepEqual(told, [snapshot, changes(8), changes(9)]);
  socket.say(changes(10));
  assert.deepEqual(told.at(-1), changes(10), "at once again");
});

test("a snapshot that takes the place of changes is unpacked too", async (t) => {
  const { connection, socket, told } = opened(t);
  const params = { subscription: "1", cursor: 9, snapshot_gzip: packed({ version: 9 }) };
  socket.say({ jsonrpc: "2.0", method: "snapshot", params });
  await settled(connection);
  assert.deepEqual(told[0].params, { subscription: "1", cursor: 9, snapshot: { version: 9 } });
});

test("a snapshot that can't be unpacked ends the connection, and nothing is told without it", async (t) => {
  const { connection, socket, told, links } = opened(t);
  t.mock.method(console, "warn", () => {});
  socket.say({ jsonrpc: "2.0", method: "snapshot", params: { subscription: "1", snapshot_gzip: "AAAA" } });
  socket.say(changes(9));
  await settled(connection);
  await null; // and of whoever was asked whether we are logged in
  assert.deepEqual(told, []);
  assert.equal(socket.readyState, 3);
  assert.deepEqual(links, ["open", "lost", "logged_out"]);
});

test("what comes from a socket that was given up is told to nobody", async (t) => {
  const { connection, socket, told } = opened(t);
  socket.say({ jsonrpc: "2.0", method: "snapshot", params: { subscription: "1", snapshot_gzip: packed({}) } });
  socket.close();
  await settled(connection);
  assert.deepEqual(told, []);
});
