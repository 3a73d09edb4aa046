import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Gap, comparePaths, controlUnit, fold, fromSnapshot, standingUnits, windowsByUnit } from "../../stateserver/gateway/page/store.js";
import { booster, emptySnapshot, event, restart } from "./changes.js";

const lines = (name) =>
  readFileSync(new URL(`../data/${name}`, import.meta.url), "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));

const EXAMPLES = ["field-2019-07-19", "field-2019-08-30", "AXXIS100", "AXXIS100_CFC", "AXXIS500_WIFI", "HYDRA", "IBS"];
for (const example of EXAMPLES) {
  test(`the changes of ${example} fold to its units`, () => {
    const state = fromSnapshot(emptySnapshot());
    const changes = lines(`${example}/changes.jsonl`);
    for (const change of changes) assert.equal(fold(state, change), true);
    const expected = lines(`${example}/units.jsonl`).map(({ system: _, unit, as_of: __, ...fields }) => [unit, fields]);
    const held = [...state.units].map(([path, { as_of: _, ...fields }]) => [path, fields]);
    held.sort(([one], [other]) => comparePaths(one, other));
    assert.deepEqual(held, expected);
    assert.equal(state.version, changes.length);
  });
}

test("a snapshot in the middle and the changes after it come to the same", () => {
  const changes = booster([1, 2, 3]);
  const whole = fromSnapshot(emptySnapshot());
  for (const change of changes) fold(whole, change);
  const half = fromSnapshot(emptySnapshot());
  for (const change of changes.slice(0, 2)) fold(half, change);
  const units = [...half.units].map(([unit, fields]) => ({ system: "site", unit, ...fields }));
  const state = fromSnapshot(emptySnapshot({ version: 2, units }));
  for (const change of changes) fold(state, change);
  assert.deepEqual(state.units, whole.units);
});

test("what is held already changes nothing, what is missing is noticed", () => {
  const [first, second, third] = booster([1, 2]);
  const state = fromSnapshot(emptySnapshot());
  assert.equal(fold(state, first), true);
  assert.equal(fold(state, first), false);
  assert.throws(() => fold(state, third), Gap);
  assert.equal(state.version, 1);
  assert.equal(fold(state, second), true);
});

test("a unit that was never added is a gap too", () => {
  restart();
  const state = fromSnapshot(emptySnapshot());
  assert.throws(() => fold(state, event("unit_changed", "3/1", { after: { mains: true } })), Gap);
});

test("a clear takes the detonators of its booster alone", () => {
  const changes = booster([1, 2]);
  changes.push(event("unit_added", "3/1580", { after: { type: 3 } }));
  changes.push(event("unit_added", "3/1580/4/1", { after: { type: 4, parent: "3/1580" } }));
  changes.push(event("detonators_cleared", "3/158", { details: { count: 2 } }));
  const state = fromSnapshot(emptySnapshot());
  for (const change of changes) fold(state, change);
  assert.deepEqual([...state.units.keys()], ["3/158", "3/1580", "3/1580/4/1"]);
});

test("warnings open, are seen, and close", () => {
  const state = fromSnapshot(emptySnapshot());
  for (const change of booster([])) fold(state, change);
  fold(state, event("warning_raised", "3/158", { details: { field: "mains" }, at: 7 }));
  assert.deepEqual([...state.warnings.values()], [
    { unit: "3/158", field: "mains", raised: 7, acknowledged: null, actor: null, note: null },
  ]);
  fold(state, event("warning_acknowledged", "3/158", { details: { field: "mains", actor: "anna" }, at: 9 }));
  assert.equal([...state.warnings.values()][0].actor, "anna");
  fold(state, event("warning_cleared", "3/158", { details: { field: "mains" } }));
  assert.equal(state.warnings.size, 0);
});

test("a unit that is retired goes with all below it, its warnings and its answers", () => {
  const state = fromSnapshot(emptySnapshot());
  for (const change of booster([1, 2])) fold(state, change);
  fold(state, event("unit_added", "3/1580", { after: { type: 3 } }));
  for (const unit of ["3/158", "3/1580"]) fold(state, event("warning_raised", unit, { details: { field: "mains" } }));
  fold(state, event("answers_after_blast", "3/158/4/1", { details: { blast: "b", outcome: "fired" }, at: 7 }));
  assert.deepEqual([...state.answered.values()], [{ unit: "3/158/4/1", blast: "b", outcome: "fired", at: 7 }]);
  fold(state, event("unit_retired", "3/158", { details: { actor: "anna", count: 2 }, source: null }));
  assert.deepEqual([...state.units.keys()], ["3/1580"]);
  assert.deepEqual([...state.warnings.values()].map(({ unit }) => unit), ["3/1580"]);
  assert.equal(state.answered.size + state.changedAt.size, 1);
  fold(state, event("unit_added", "3/158", { after: { type: 3 } }));
  assert.equal(state.units.size, 2);
});

test("who answers after a blast is known until the next one", () => {
  restart();
  const answered = [{ unit: "3/1/4/1", blast: "b", outcome: "silent_before", at: 7 }];
  const state = fromSnapshot(emptySnapshot({ answered_after_blast: answered }));
  assert.equal(state.answered.get("3/1/4/1").outcome, "silent_before");
  fold(state, event("blast_opened", "0/1", { details: { blast: "c" } }));
  assert.equal(state.answered.size, 0);
  assert.equal(state.lastOpened, "c");
});

test("only frames and ticks move the time", () => {
  const state = fromSnapshot(emptySnapshot({ time: 5 }));
  restart();
  fold(state, event("sequence_gap", null, { at: 8 }));
  fold(state, event("command_refused", "3/1", { at: 99, source: null }));
  assert.equal(state.time, 8);
});

test("units are found in path order, the control unit with the counts first", () => {
  const units = [
    { system: "site", unit: "0/9", type: 0 },
    { system: "site", unit: "0/23", type: 0, children: 2 },
    { system: "site", unit: "3/158", type: 3 },
    { system: "site", unit: "3/20", type: 3 },
    { system: "site", unit: "3/20/4/10", type: 4, parent: "3/20" },
    { system: "site", unit: "3/20/4/9", type: 4, parent: "3/20" },
  ];
  const state = fromSnapshot(emptySnapshot({ units }));
  assert.equal(controlUnit(state), "0/23");
  assert.deepEqual(standingUnits(state), ["0/9", "0/23", "3/20", "3/158"]);
  assert.deepEqual(windowsByUnit(state).get("3/20"), ["3/20/4/9", "3/20/4/10"]);
});
