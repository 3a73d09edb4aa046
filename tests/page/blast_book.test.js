import assert from "node:assert/strict";
import { test } from "node:test";

import { BlastBook } from "../../stateserver/gateway/page/blast_book.js";

/** A report document, closed or not, of a blast that was opened at this version. */
function report(blast, opened, closed = null) {
  return { blast, system: "site", initiated: 1, closed: closed && 9, versions: { opened, closed } };
}

const page = (stage, windows, members = {}) => ({
  ...{ stage, version: 1, next: null },
  detonators: windows.map((window) => ({ unit: "3/1", window_id: window, outcome: stage === "closed" ? "fired" : null })),
  ...members,
});

/** A book that asks this; each answer a value or a function of the parameters, null where it is refused. */
function bookOf(answers) {
  const asked = [];
  const ask = async (method, params) => {
    asked.push([method, params]);
    await null;
    const answer = answers[method];
    return (typeof answer === "function" ? answer(params) : answer) ?? null;
  };
  const book = new BlastBook(ask, () => {});
  book.begin("site");
  return { book, asked, count: (method) => asked.filter(([one]) => one === method).length };
}

test("all blasts are fetched, page after page; the latest is the one that was opened last", async () => {
  const pages = { first: { blasts: [report("a", 5, 9), report("b", 30)], next: "b" }, b: { blasts: [report("c", 20, 25)], next: null } };
  const { book } = bookOf({ "blasts.list": ({ after }) => pages[after ?? "first"], "blasts.detonators": page("opened", [1, 2]) });
  await book.fetchAll();
  assert.deepEqual(book.newestFirst().map(({ blast }) => blast), ["b", "c", "a"]);
  assert.deepEqual([...book.detonators.keys()], ["3/1:1", "3/1:2"]);
});

test("a document that is late is asked for again", async () => {
  let asked = 0;
  const { book } = bookOf({ "blasts.get": () => (asked++ < 2 ? null : report("b", 2)), "blasts.detonators": page("opened", []) });
  await book.fetch("b", 2);
  assert.equal(book.latest.blast, "b");
});

test("what can't be had is tried again later, until it is there", async () => {
  let there = false;
  const { book } = bookOf({ "blasts.get": () => (there ? report("b", 2) : null), "blasts.detonators": () => (there ? page("opened", [1]) : null) });
  await book.fetch("b", 2);
  await book.retry();
  assert.equal(book.latest, null);
  there = true;
  await book.retry();
  assert.equal(book.latest.blast, "b");
  assert.equal(book.detonators.size, 1);
});

test("who was in the blast is fetched when it is opened, and what became of them when it is closed", async () => {
  let stage = "opened";
  const answers = { "blasts.get": () => report("b", 2, stage === "closed" ? 7 : null), "blasts.detonators": () => page(stage, [1]) };
  const { book, asked, count } = bookOf(answers);
  await book.fetch("b", 2);
  await book.fetch("b", 4);
  assert.equal(count("blasts.detonators"), 1);
  stage = "closed";
  await book.fetch("b", 7);
  assert.equal(count("blasts.detonators"), 2);
  assert.deepEqual(asked.at(-1)[1], { blast: "b", version: 7, limit: 10_000 });
  assert.equal(book.detonators.get("3/1:1").outcome, "fired");
});

test("pages of two different reports are not put together", async () => {
  let version = 1;
  const { book } = bookOf({
    "blasts.get": report("b", 2),
    "blasts.detonators": ({ after }) => page("opened", [after ? 2 : 1], { version: version++, next: after ? null : "3/1:1" }),
  });
  await book.fetch("b", 2);
  assert.equal(book.detonators, null);
});

test("the rows of a blast are not those of the next", async () => {
  const { book } = bookOf({
    "blasts.get": ({ blast }) => (blast === "b" ? report("b", 2, 7) : report("c", 9)),
    "blasts.detonators": ({ blast }) => (blast === "b" ? page("closed", [1]) : null),
  });
  await book.fetch("b", 7);
  assert.equal(book.detonators.size, 1);
  await book.fetch("c", 9);
  assert.equal(book.detonators, null);
});

test("a closed blast is not opened again by an answer that comes late", async () => {
  const { book } = bookOf({ "blasts.detonators": page("closed", []) });
  book.put(report("b", 2, 7));
  book.put(report("b", 2));
  assert.equal(book.latest.versions.closed, 7);
});

test("the same document again, with whatever timeline, stays the same object", () => {
  const { book } = bookOf({});
  book.put({ ...report("b", 2), timeline: [1] });
  const first = book.latest;
  book.put({ ...report("b", 2), timeline: [1, 2] });
  assert.equal(book.latest, first);
  assert.equal("timeline" in first, false);
});

test("what can't be told is asked for less and less often", async () => {
  const { book, count } = bookOf({ "blasts.get": report("b", 2) });
  await book.fetch("b", 2);
  const turns = [];
  for (let turn = 1; turn <= 60; turn += 1) {
    const before = count("blasts.detonators");
    await book.retry();
    if (count("blasts.detonators") > before) turns.push(turn);
  }
  assert.deepEqual(turns, [2, 6, 14, 30, 50]);
});
