import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { alarmText, alarmed, alarmsOf } from "../../stateserver/gateway/page/alarms.js";
import { aftermathOf, lookOf, outcomeText, placeOf } from "../../stateserver/gateway/page/outcomes.js";
import { fold, fromSnapshot } from "../../stateserver/gateway/page/store.js";
import { emptySnapshot, event, restart } from "./changes.js";

const BLAST = "b";

/** A blast of booster 158, closed: window 1 fired, 2 missed, 3 unreported, 4 silent before. */
function blast(members = {}) {
  const active = {
    unit: "3/158",
    silent_before: [{ window_id: 4, uid: "0.0.0.4" }],
    not_fired: [
      { window_id: 2, uid: "0.0.0.2", outcome: "missed", why: null },
      { window_id: 3, uid: "0.0.0.3", outcome: "unreported", why: "no_evidence" },
    ],
  };
  return { blast: BLAST, closed: 9, active: [active], attention: [], ...members };
}

const OUTCOMES = { 1: "fired", 2: "missed", 3: "unreported", 4: "silent_before" };

/** Its rows, as the gateway tells them. */
function rows(outcomes = OUTCOMES) {
  const row = (window) => {
    const outcome = outcomes[window] ?? null;
    const why = outcome === "unreported" ? "no_evidence" : null;
    return { unit: "3/158", window_id: window, uid: `0.0.0.${window}`, serial: null, label: null, first_seen: 50, outcome, why };
  };
  return new Map([1, 2, 3, 4].map((window) => [placeOf("3/158", window), row(window)]));
}

/** The system as it stands after: who fired and who was silent doesn't answer. */
function state(members = {}) {
  const detonator = (window, answers) => {
    const fields = { type: 4, parent: "3/158", window_id: window, uid: `0.0.0.${window}`, first_seen: 50 };
    return { system: "site", unit: `3/158/4/${window}`, ...fields, detonator_status: answers, ...members[window] };
  };
  const units = [detonator(1, false), detonator(2, true), detonator(3, true), detonator(4, false)];
  return fromSnapshot(emptySnapshot({ units: units.filter((unit) => members[unit.window_id] !== null) }));
}

const told = (aftermath) => Object.fromEntries([...aftermath.told].map(([path, one]) => [path.split("/")[3], one]));
const plain = (outcome, why = null) => ({ outcome, why, answers: false });
const FOUR = { 1: plain("fired"), 2: plain("missed"), 3: plain("unreported", "no_evidence"), 4: plain("silent_before") };

test("each that was in the blast shows what the report says of it", () => {
  const found = aftermathOf(blast(), rows(), state());
  assert.deepEqual(told(found), FOUR);
  assert.deepEqual([...found.others], []);
  assert.equal(found.known, true);
});

test("only who is presumed fired, and doesn't answer, is calm", () => {
  const looks = [...aftermathOf(blast(), rows(), state()).told.values()].map(lookOf);
  assert.deepEqual(looks, ["calm", "alarm", "alarm", "alarm"]);
  assert.equal(lookOf(plain("awaited")), "awaited");
  assert.equal(lookOf({ ...plain("fired"), answers: true }), "alarm");
});

test("while the blast is open nothing is inferred, whatever is heard", () => {
  const open = blast({ closed: null, attention: null });
  open.active[0].not_fired = null;
  const found = told(aftermathOf(open, rows({ 4: "silent_before" }), state({ 1: { detonator_status: false } })));
  assert.deepEqual(found, { 1: plain("awaited"), 2: plain("awaited"), 3: plain("awaited"), 4: plain("silent_before") });
});

test("as soon as the blast is closed its misfires are told, and nobody is fired before the rows say so", () => {
  const found = told(aftermathOf(blast(), rows({ 4: "silent_before" }), state()));
  assert.deepEqual(found, { ...FOUR, 1: plain("awaited") });
});

test("without the rows the document's misfires are told, and nobody is presumed fired", () => {
  const found = aftermathOf(blast(), null, state());
  const { 1: _, ...misfires } = FOUR;
  assert.deepEqual(told(found), misfires);
  assert.equal(found.known, false);
  assert.deepEqual([...found.others], []);
});

test("another uid in a window of the blast shows none of its outcomes, and is named", () => {
  const found = aftermathOf(blast(), rows(), state({ 1: { uid: "0.0.0.9" }, 2: { uid: "0.0.0.9" } }));
  assert.deepEqual(Object.keys(told(found)), ["3", "4"]);
  assert.deepEqual(alarmsOf(state(), found), [{ what: "others", toldAs: null, booster: "3/158", windows: [1, 2] }]);
});

test("one that was forgotten and listed anew is another, though nobody has told its uid yet", () => {
  const found = aftermathOf(blast(), rows(), state({ 1: { uid: undefined, first_seen: 80, detonator_status: undefined } }));
  assert.equal(told(found)[1], undefined);
  assert.deepEqual([...found.others], ["3/158/4/1"]);
});

test("one that was listed during the blast was not in it", () => {
  const listed = { system: "site", unit: "3/158/4/5", type: 4, parent: "3/158", window_id: 5, uid: "0.0.0.5", first_seen: 60 };
  const units = [...state().units].map(([unit, fields]) => ({ system: "site", unit, ...fields }));
  const found = aftermathOf(blast(), rows(), fromSnapshot(emptySnapshot({ units: [...units, listed] })));
  assert.equal(told(found)[5], undefined);
  assert.deepEqual([...found.others], ["3/158/4/5"]);
});

test("where nobody knew the uid at the start, one with a uid is not presumed fired; its misfire stays", () => {
  const unknown = new Map([...rows()].map(([place, row]) => [place, { ...row, uid: null }]));
  const found = aftermathOf(blast(), unknown, state());
  assert.deepEqual(Object.keys(told(found)), ["2", "3", "4"]);
  assert.deepEqual([...found.others], ["3/158/4/1"]);
});

test("in IBS systems a type 1 booster is known by its serial", () => {
  const active = [{ unit: "1/5", silent_before: [], not_fired: [] }];
  const row = { unit: "1/5", window_id: 1, uid: null, serial: 7, label: null, first_seen: 50, outcome: "fired", why: null };
  const unit = { system: "site", unit: "1/5/2/1", type: 2, parent: "1/5", window_id: 1, first_seen: 50, detonator_status: false };
  const of = (serial) => {
    const held = fromSnapshot(emptySnapshot({ units: [{ ...unit, serial }] }));
    return aftermathOf(blast({ active }), new Map([[placeOf("1/5", 1), row]]), held);
  };
  assert.deepEqual(told(of(7)), { 1: plain("fired") });
  assert.deepEqual(alarmText(alarmsOf(state(), of(8))[0], () => null), "Section controller 5: position 1 holds a detonator that was not in the blast");
});

test("one that answers again is told as that, and no longer as fired or silent", () => {
  const found = aftermathOf(blast(), rows(), state({ 1: { detonator_status: true }, 4: { detonator_status: true } }));
  assert.equal(told(found)[1].answers, true);
  assert.match(outcomeText(told(found)[1]), /^answers since the blast: live/);
  assert.doesNotMatch(outcomeText(told(found)[4]), /nobody can say/);
  assert.equal(told(found)[3].answers, false, "what an unreported one says may be what it said before");
  assert.deepEqual(alarmsOf(state(), found).map(({ toldAs, windows }) => [toldAs, windows]), [["fired", [1]], ["silent_before", [4]]]);
});

test("an answer that the event tells stays until the next blast, or until the units are retired", () => {
  const held = state();
  restart();
  const answers = (outcome, window) => event("answers_after_blast", `3/158/4/${window}`, { details: { blast: BLAST, outcome } });
  fold(held, answers("unreported", 3));
  fold(held, answers("fired", 1));
  const found = aftermathOf(blast(), rows(), held);
  assert.equal(told(found)[3].answers, true);
  assert.equal(alarmed(alarmsOf(held, found), "answers"), 2);
  fold(held, event("detonators_cleared", "3/158", { details: { count: 4 } }));
  assert.equal(alarmed(alarmsOf(held, aftermathOf(blast(), rows(), held)), "answers"), 2);
  const retired = structuredClone(held);
  fold(retired, event("unit_retired", "3/158", { details: { actor: "anna", count: 0 } }));
  assert.deepEqual(alarmsOf(retired, aftermathOf(blast(), rows(), retired)), []);
  held.version = retired.version;
  fold(held, event("blast_opened", "0/1", { details: { blast: "next" } }));
  assert.deepEqual(alarmsOf(held, aftermathOf(null, null, held)), []);
});

test("after a reload the snapshot tells who answers", () => {
  const answered = [{ unit: "3/158/4/3", blast: BLAST, outcome: "unreported", at: 99 }];
  const held = fromSnapshot(emptySnapshot({ answered_after_blast: answered }));
  const [alarm] = alarmsOf(held, aftermathOf(blast(), rows(), held));
  const text = alarmText(alarm, () => "A-3");
  assert.equal(text, "Booster 158: window 3 (A-3) answers since the blast, though told as unreported");
});

test("what answered at the end by the report is live, unless it was another", () => {
  const attention = [{ what: "answers_at_end", unit: "3/158", windows: [3, 4], field: null }];
  const found = aftermathOf(blast({ attention }), rows(), state({ 4: { uid: "0.0.0.9" } }));
  assert.equal(told(found)[3].answers, true);
  assert.equal(told(found)[4], undefined);
});

/** The lines of a file of an example. */
function lines(name) {
  const text = readFileSync(new URL(`../data/${name}`, import.meta.url), "utf8");
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** The rows of a closed blast as the gateway makes them, by the document and the start snapshot. */
function rowsOf(example, document) {
  const found = new Map();
  for (const unit of lines(`${example}/snapshots/${document.blast}.start.jsonl`)) {
    const booster = document.active.find((one) => one.unit === unit.parent);
    if (!booster) continue;
    const window = unit.window_id;
    const misfire = booster.not_fired.find((one) => one.window_id === window);
    const silent = booster.silent_before.some((one) => one.window_id === window);
    const { uid = null, serial = null, label = null, first_seen: seen } = unit;
    const outcome = silent ? "silent_before" : (misfire?.outcome ?? "fired");
    found.set(placeOf(booster.unit, window), {
      ...{ unit: booster.unit, window_id: window, uid, serial, label, first_seen: seen },
      ...{ outcome, why: misfire?.why ?? null },
    });
  }
  return found;
}

for (const example of ["AXXIS100", "AXXIS100_CFC", "AXXIS500_WIFI", "HYDRA", "IBS", "field-2019-07-19", "field-2019-08-30"]) {
  test(`after each blast of ${example} nobody is shown as fired who wasn't in it, or answers`, () => {
    const documents = new Map(lines(`${example}/blasts.jsonl`).filter(({ closed }) => closed !== null).map((one) => [one.versions.closed, one]));
    const held = fromSnapshot(emptySnapshot());
    let [latest, inIt] = [null, null];
    let calm = 0;
    for (const change of lines(`${example}/changes.jsonl`)) {
      fold(held, change);
      if (change.kind === "blast_opened") latest = null;
      if (change.kind === "blast_closed") {
        latest = documents.get(change.version);
        inIt = rowsOf(example, latest);
      }
      if (latest === null || !["blast_closed", "detonators_cleared", "answers_after_blast"].includes(change.kind)) continue;
      const aftermath = aftermathOf(latest, inIt, held);
      for (const [path, one] of aftermath.told) {
        if (lookOf(one) !== "calm") continue;
        const fields = held.units.get(path);
        const row = inIt.get(placeOf(fields.parent, fields.window_id));
        assert.equal(row.outcome, "fired", path);
        assert.equal(fields.uid ?? fields.serial ?? null, row.uid ?? row.serial, path);
        assert.notEqual(fields.detonator_status, true, path);
        assert.ok(!held.answered.has(path), path);
        calm += 1;
      }
      for (const path of held.answered.keys()) {
        const named = alarmsOf(held, aftermath).some(({ what, booster, windows }) => what === "answers" && path.startsWith(`${booster}/`) && windows.includes(Number(path.split("/")[3])));
        assert.ok(named, path);
      }
    }
    const fired = [...documents.values()].some(({ detonators }) => detonators.fired > 0);
    assert.equal(calm > 0, fired);
  });
}
