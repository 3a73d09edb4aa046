import assert from "node:assert/strict";
import { test } from "node:test";

import { Disconnected } from "../../stateserver/gateway/page/connection.js";
import { Follower } from "../../stateserver/gateway/page/follower.js";
import { booster, emptySnapshot, event } from "./changes.js";

/** A gateway that answers as it is told, and remembers what it was asked. */
class Gateway {
  constructor(answers) {
    this.answers = answers;
    this.asked = [];
    this.subscriptions = 0;
  }

  async call(method, params) {
    this.asked.push([method, params]);
    const answer = this.answers[method];
    const given = typeof answer === "function" ? await answer(params) : answer;
    if (given instanceof Error) throw given;
    return given ?? true;
  }

  methods() {
    return this.asked.map(([method]) => method);
  }
}

const quiet = { changed() {}, events() {} };

function gatewayWith(snapshot, more = {}) {
  let opened = 0;
  return new Gateway({
    subscribe: ({ cursor }) => {
      opened += 1;
      const head = { subscription: String(opened), cursor: cursor ?? snapshot.version };
      return cursor === undefined ? { ...head, snapshot } : head;
    },
    "changes.list": { changes: [] },
    "blasts.list": { blasts: [], next: null },
    "blasts.detonators": { stage: "opened", version: 1, detonators: [], next: null },
    ...more,
  });
}

const changes = (subscription, list) => ({ method: "changes", params: { subscription, changes: list, cursor: 0 } });

test("it starts with the snapshot and follows the changes", async () => {
  const [first, ...rest] = booster([1, 2]);
  const follower = new Follower(gatewayWith(emptySnapshot()), quiet);
  await follower.follow("site");
  assert.equal(follower.subscribed, true);
  follower.take(changes("1", [first]));
  follower.take(changes("1", rest));
  assert.equal(follower.state.version, 3);
});

test("the past of a system that was left meanwhile is not shown as that of the next", async () => {
  let tellPast, letSubscribe;
  const past = new Promise((tell) => (tellPast = tell));
  const subscribed = new Promise((tell) => (letSubscribe = tell));
  const count = (method) => gateway.methods().filter((one) => one === method).length;
  const answer = (method) => ({ subscription: method, cursor: 0, snapshot: emptySnapshot() });
  const gateway = new Gateway({
    subscribe: async () => {
      if (count("subscribe") > 1) await subscribed;
      return answer("subscribe");
    },
    "changes.list": () => (count("changes.list") > 1 ? { changes: [] } : past),
    "blasts.list": { blasts: [] },
  });
  const shown = [];
  const follower = new Follower(gateway, { changed() {}, events: (list) => shown.push(...list) });
  const first = follower.follow("site");
  while (!count("changes.list")) await new Promise(setImmediate);
  const next = follower.follow("other");
  tellPast({ changes: [{ ...booster([])[0], version: 0 }] });
  await first;
  letSubscribe();
  await next;
  assert.deepEqual(shown, []);
});

test("it goes on where it was after the connection was lost", async () => {
  const [first, second] = booster([1]);
  const gateway = gatewayWith(emptySnapshot());
  const follower = new Follower(gateway, quiet);
  await follower.follow("site");
  follower.take(changes("1", [first]));
  follower.disconnected();
  assert.equal(follower.subscribed, false);
  await follower.follow("site");
  assert.deepEqual(gateway.asked.filter(([method]) => method === "subscribe").at(-1)[1], {
    system: "site",
    compress: "gzip",
    cursor: 1,
    era: 0,
    changes_max: 5_000,
  });
  follower.take(changes("2", [second]));
  assert.equal(follower.state.version, 2);
});

test("where all was told anew it goes on with that, and shows no blast of before", async () => {
  const gateway = gatewayWith(emptySnapshot());
  const follower = new Follower(gateway, quiet);
  await follower.follow("site");
  follower.blasts.set("withdrawn", /** @type {any} */ ({ blast: "withdrawn" }));
  follower.take({ method: "snapshot", params: { subscription: "1", snapshot: emptySnapshot({ era: 5, version: 3 }) } });
  assert.deepEqual([...follower.blasts.keys()], []);
  follower.disconnected();
  await follower.follow("site");
  const [, asked] = gateway.asked.filter(([method]) => method === "subscribe").at(-1);
  assert.deepEqual([asked.cursor, asked.era], [3, 5]);
});

test("a gap makes it subscribe anew, from a snapshot", async () => {
  const [first, , third] = booster([1, 2]);
  const gateway = gatewayWith(emptySnapshot());
  const follower = new Follower(gateway, quiet);
  await follower.follow("site");
  follower.take(changes("1", [first]));
  follower.take(changes("1", [third]));
  assert.equal(follower.subscribed, false);
  await new Promise(setImmediate);
  assert.equal(follower.subscribed, true);
  const anew = gateway.asked.filter(([method]) => method === "subscribe").at(-1)[1];
  assert.deepEqual(anew, { system: "site", compress: "gzip" });
  assert.ok(gateway.methods().includes("unsubscribe"));
});

test("what comes of an older subscription is not taken", async () => {
  const [first] = booster([]);
  const follower = new Follower(gatewayWith(emptySnapshot()), quiet);
  await follower.follow("site");
  follower.disconnected();
  await follower.follow("site");
  follower.take(changes("1", [first]));
  assert.equal(follower.state.version, 0);
});

test("a snapshot that is sent takes the place of everything", async () => {
  const follower = new Follower(gatewayWith(emptySnapshot()), quiet);
  await follower.follow("site");
  const snapshot = emptySnapshot({ version: 9, units: [{ system: "site", unit: "3/1", type: 3 }] });
  follower.take({ method: "snapshot", params: { subscription: "1", snapshot, cursor: 9, reason: "too_far_behind" } });
  assert.equal(follower.state.version, 9);
  assert.deepEqual([...follower.state.units.keys()], ["3/1"]);
});

test("it knows when what it holds is not to be trusted", async () => {
  const follower = new Follower(gatewayWith(emptySnapshot()), quiet);
  await follower.follow("site");
  follower.take({ method: "standing", params: { subscription: "1", whole: false, trouble: "events_missing" } });
  assert.equal(follower.state.whole, false);
});

test("a blast's document is fetched at the version of its event", async () => {
  const document = { blast: "b", system: "site", initiated: 1, closed: null, versions: { opened: 2, closed: null } };
  const gateway = gatewayWith(emptySnapshot(), { "blasts.get": document });
  const follower = new Follower(gateway, quiet);
  await follower.follow("site");
  const [first] = booster([]);
  const opened = event("blast_opened", "0/23", { details: { blast: "b" } });
  follower.take(changes("1", [first, opened]));
  await new Promise(setImmediate);
  assert.deepEqual(gateway.asked.find(([method]) => method === "blasts.get")[1], { blast: "b", version: 2 });
  assert.deepEqual(follower.book.latest, document);
});

test("a blast whose report was not there yet when the snapshot was written is fetched all the same", async () => {
  const document = { blast: "b", system: "site", initiated: 1, closed: null, versions: { opened: 2, closed: null } };
  const [first] = booster([]);
  const opened = event("blast_opened", "0/23", { details: { blast: "b" } });
  const gateway = gatewayWith(emptySnapshot({ version: 2 }), { "changes.list": { changes: [first, opened] }, "blasts.get": document });
  const follower = new Follower(gateway, quiet);
  await follower.follow("site");
  await new Promise(setImmediate);
  assert.deepEqual(gateway.asked.find(([method]) => method === "blasts.get")[1], { blast: "b", version: 2 });
  assert.equal(follower.state.lastOpened, "b");
  assert.deepEqual(follower.book.latest, document);
});

test("events that come while the past is fetched are kept, after it", async () => {
  const all = booster([1, 2]);
  let give = () => {};
  const past = new Promise((resolve) => {
    give = resolve;
  });
  const shown = [];
  const show = { changed() {}, events: (list, afresh) => (afresh ? shown.splice(0, shown.length, ...list) : shown.push(...list)) };
  const units = [{ system: "site", unit: "3/158", type: 3 }];
  const follower = new Follower(gatewayWith(emptySnapshot({ version: 1, units }), { "changes.list": () => past }), show);
  const following = follower.follow("site");
  while (!follower.subscribed) await new Promise(setImmediate);
  follower.take(changes("1", [all[1]]));
  give({ changes: [all[0], all[1]] });
  await following;
  follower.take(changes("1", [all[2]]));
  assert.deepEqual(shown.map((one) => one.version), [1, 2, 3]);
});

test("a call that the connection's end interrupts is no error", async () => {
  const gateway = gatewayWith(emptySnapshot(), { subscribe: () => new Disconnected("gone") });
  const follower = new Follower(gateway, quiet);
  await follower.follow("site");
  assert.equal(follower.subscribed, false);
  assert.equal(follower.waiting, false);
});
